"""Link: a value that the page shows as a link to somewhere else."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

_SCHEMES = ("http", "https", "ftp", "ftps", "s3", "gs")


@dataclass(frozen=True)
class Link:
    """A labelled link. Raises ValueError unless `url` is absolute and of a scheme that only leads somewhere."""

    label: str
    url: str

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            known = parts.scheme in _SCHEMES and bool(parts.hostname)
        except (TypeError, ValueError, AttributeError):
            known = False
        if not known:
            schemes = ", ".join(_SCHEMES)
            raise ValueError(f"{self.url!r} is no link: write a full address with a host, of scheme {schemes}")

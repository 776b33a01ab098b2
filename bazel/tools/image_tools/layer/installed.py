"""Where an installer puts the parts of a wheel, and what a wheel says of itself once it is installed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from image_tools.layer.entries import Entry, checked
from image_tools.layer.errors import LayerError

_FILES = ("file", "data")


class Site(NamedTuple):
    """Folders of the image, each with a slash behind it: modules, console scripts, other data. "" means nowhere."""

    root: str
    scripts: str = ""
    prefix: str = ""

    def installed(self, member: str) -> str | None:
        """Where a member of a .whl is installed; None for what is left out, C headers for one."""
        head, _, rest = member.partition("/")
        if not head.endswith(".data"):
            return self.root + member
        kind, _, rest = rest.partition("/")
        folders = {"purelib": self.root, "platlib": self.root, "scripts": self.scripts, "data": self.prefix}
        return folders[kind] + rest if folders.get(kind) and rest else None


def site(root: str, scripts: str | None = None, prefix: str | None = None) -> Site:
    """The folders as the command line has them."""
    return Site(*(f"{checked(folder.rstrip('/'))}/" if folder else "" for folder in (root, scripts, prefix)))


def tags(listed: Iterable[Entry], root: str) -> tuple[str, ...]:
    """What the wheel says it runs on: the `Tag:` lines of its WHEEL file, as they are."""
    lines = (line.partition(":") for entry in described(listed, root, "WHEEL") for line in text(entry).splitlines())
    return tuple(value.strip() for key, _, value in lines if key.strip().lower() == "tag")


def described(listed: Iterable[Entry], root: str, name: str) -> Iterator[Entry]:
    """The files of this name in the site's own *.dist-info folders (a package may bring others for itself)."""
    suffix = f".dist-info/{name}"
    for entry in listed:
        path = entry.path  # Hardly any has this end: it is asked for first.
        if path.endswith(suffix) and path.startswith(root) and path.count("/", len(root)) == 1 and entry.kind in _FILES:
            yield entry


def text(entry: Entry) -> str:
    """What the file holds."""
    try:
        with open(entry.source, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise LayerError(f"{entry.source} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise LayerError(f"{entry.source} is no UTF-8 text: the wheel is damaged, fetch it again.") from None

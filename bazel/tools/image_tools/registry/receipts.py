"""What a repository is known to hold, kept between pushes: a hint that spares requests, never a proof.

A small JSON file for each repository. Losing it, or an entry of it, costs requests and nothing else; so does a wrong
one, since the registry names what it lacks when it is given the manifest.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from image_tools.registry.reference import is_digest

_VERSION = 1
_MOST = 5000  # Digests in a file; the newest stay.
_FRESH_SECONDS = 3600.0


def folder() -> Path:
    """Where receipts are kept when nobody says otherwise."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    return Path(cache if cache.startswith("/") else Path.home() / ".cache") / "sematic" / "receipts"


class Receipt:
    """What one repository holds. Used by one thread at a time."""

    def __init__(
        self, path: Path | None, registry: str, repository: str, clock: Callable[[], float] = time.time
    ) -> None:
        self.registry, self.repository = registry, repository
        self._path, self._clock = path, clock
        told = _read(path, registry, repository)
        self.checks: bool = told.get("checks") is True
        """Whether the registry was seen to refuse a manifest whose blobs it lacks."""
        self._blobs = _times(told.get("blobs"))
        self._gone: set[str] = set()

    def holds(self, digest: str) -> bool:
        """Whether to take the blob for present. Of a registry that may not check, only for an hour."""
        seen = self._blobs.get(digest)
        return seen is not None and (self.checks or self._clock() - seen < _FRESH_SECONDS)

    def add(self, digests: Iterable[str]) -> None:
        """These are there."""
        for digest in digests:
            self._blobs[digest] = self._clock()
            self._gone.discard(digest)

    def remove(self, digests: Iterable[str]) -> None:
        """These are not."""
        for digest in digests:
            self._blobs.pop(digest, None)
            self._gone.add(digest)

    def save(self) -> None:
        """Writes the file whole or not at all, with what another push has put there meanwhile. Never raises."""
        if self._path is None:
            return
        others = _times(_read(self._path, self.registry, self.repository).get("blobs"))
        merged = {**{digest: seen for digest, seen in others.items() if digest not in self._gone}, **self._blobs}
        newest = sorted(merged.items(), key=lambda item: item[1])[-_MOST:]
        document = {
            "version": _VERSION,
            "registry": self.registry,
            "repository": self.repository,
            "checks": self.checks,
            "blobs": {digest: round(seen) for digest, seen in newest},
        }
        with contextlib.suppress(OSError):  # A full disk loses a hint; the push itself has succeeded.
            _write(self._path, json.dumps(document, indent=1).encode())


class Receipts:
    """A folder of them; None keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._known: dict[tuple[str, str], list[str]] | None = None
        self._lock = threading.Lock()

    def of(self, registry: str, repository: str) -> Receipt:
        """The receipt of a repository, empty if there is none."""
        name = hashlib.sha256(f"{registry}/{repository}".encode()).hexdigest()[:32]
        return Receipt(self._folder and self._folder / f"{name}.json", registry, repository)

    def holders(self, registry: str, digest: str) -> list[str]:
        """Other repositories of a registry that seem to have a blob: it may be mounted from there."""
        with self._lock:
            if self._known is None:
                self._known = self._read_all()
            return self._known.get((registry, digest), [])

    def _read_all(self) -> dict[tuple[str, str], list[str]]:
        known: dict[tuple[str, str], list[str]] = {}
        for path in sorted(self._folder.glob("*.json")) if self._folder else ():
            told = _load(path)
            for digest in _times(told.get("blobs")):
                known.setdefault((str(told.get("registry")), digest), []).append(str(told.get("repository")))
        return known


def _read(path: Path | None, registry: str, repository: str) -> dict[str, Any]:
    told = _load(path) if path else {}
    return told if (told.get("registry"), told.get("repository")) == (registry, repository) else {}


def _load(path: Path) -> dict[str, Any]:
    """What cannot be read is as good as nothing."""
    try:
        told = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) and told.get("version") == _VERSION else {}


def _times(blobs: Any) -> dict[str, float]:
    entries = blobs.items() if isinstance(blobs, dict) else ()
    return {digest: seen for digest, seen in entries if is_digest(digest) and isinstance(seen, (int, float))}


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".tmp-{os.urandom(8).hex()}")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise

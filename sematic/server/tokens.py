"""Who may speak to the server: tokens of 256 random bits, of which only a hash is kept.

They are in one JSON file beside the server's lock, which only its user may read. The server looks at the file again
when it has changed, so what a command creates or revokes holds at once.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sematic.errors import SettingsError

_PREFIX = "sematic_"
_LONGEST_NAME = 100


class Token(NamedTuple):
    """What is known of a token: not the token. Times are seconds since the epoch."""

    id: str
    name: str
    hash: str
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None

    def problem(self, now: float) -> str | None:
        """Why it does not count, in words; None when it does."""
        if self.revoked_at is not None:
            return f"the token {self.name!r} was revoked"
        if self.expires_at is not None and now >= self.expires_at:
            return f"the token {self.name!r} has expired"
        return None


class Tokens:
    """The tokens in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._by_hash: dict[str, Token] = {}

    def check(self, text: str) -> Token | None:
        """The token that `text` is, whether it counts or not; None when there is no such token."""
        found = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        with self._lock:
            self._look()
            return self._by_hash.get(found)

    def listed(self) -> list[Token]:
        """All of them, oldest first."""
        return sorted(_read(self._path), key=lambda token: token.created_at)

    def create(self, name: str, days: float | None = None) -> str:
        """A new token, which is kept nowhere. Raises SettingsError when one of this name counts already."""
        if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
            raise SettingsError(f"a token is named in 1 to {_LONGEST_NAME} printable characters, got {name!r}")
        text = _PREFIX + secrets.token_urlsafe(32)
        now = time.time()
        expires_at = None if days is None else now + days * 86400.0
        with self._changing() as tokens:
            if any(token.name == name and token.problem(now) is None for token in tokens):
                raise SettingsError(f"there is a token {name!r} already: revoke it first, or choose another name")
            hash = hashlib.sha256(text.encode()).hexdigest()
            tokens.append(Token(secrets.token_hex(6), name, hash, now, expires_at))
        return text

    def revoke(self, which: str) -> Token:
        """The token with this name or id counts no more. Raises SettingsError when there is none that does."""
        with self._changing() as tokens:
            for number, token in enumerate(tokens):
                if which in (token.name, token.id) and token.revoked_at is None:
                    tokens[number] = token._replace(revoked_at=time.time())
                    return tokens[number]
        raise SettingsError(f"there is no token {which!r} to revoke: `sematic token list` shows them")

    def _look(self) -> None:
        seen = _stamp(self._path)
        if seen != self._seen:
            self._by_hash = {token.hash: token for token in _read(self._path)}
            self._seen = seen

    @contextmanager
    def _changing(self) -> Iterator[list[Token]]:
        """The tokens, written whole when the block ends; one process at a time."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(self._path.with_suffix(".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            tokens = _read(self._path)
            yield tokens
            write_private(self._path, json.dumps([token._asdict() for token in tokens], indent=2) + "\n")


def local_token(folder: Path, tokens: Tokens) -> str:
    """The token for this user on this machine: kept in a file only they may read, and made anew when it does not
    count any more."""
    path = folder / "token"
    text = path.read_text().strip() if path.exists() else ""
    known = tokens.check(text)
    if known is None or known.problem(time.time()) is not None:
        _revoke_if_there(tokens, "local")
        text = tokens.create("local")
        write_private(path, text + "\n")
    return text


def write_private(path: Path, text: str) -> None:
    """Write a file whole that only this user may read."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _revoke_if_there(tokens: Tokens, name: str) -> None:
    if any(token.name == name and token.revoked_at is None for token in tokens.listed()):
        tokens.revoke(name)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _read(path: Path) -> list[Token]:
    try:
        return [Token(**each) for each in json.loads(path.read_text())]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError) as error:
        raise SettingsError(
            f"the tokens in {path} cannot be read ({error}): restore the file, or remove it and create them anew"
        ) from error

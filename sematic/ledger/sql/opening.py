"""A ledger by its place: a file's path or a PostgreSQL URL."""

from __future__ import annotations

import re

from sematic.errors import LedgerError
from sematic.ledger.references import Blobs
from sematic.ledger.sql.ledger import SqlLedger
from sematic.ledger.sql.sqlite import open_sqlite

_POSTGRES = re.compile(r"postgres(ql)?://")
_OTHER = re.compile(r"([a-z][a-z0-9+.-]*)://")


def open_ledger(place: str, *, blobs: Blobs | None = None) -> SqlLedger:
    """The ledger at ``postgresql://…``, else in a file that a server writes (no commit is lost when the power fails).

    Raises LedgerError.
    """
    if _POSTGRES.match(place):
        return _open_postgres(place, blobs)
    if other := _OTHER.match(place):
        raise LedgerError(
            f"a ledger cannot be at {other[0]}…: name a file for SQLite, or postgresql://user@host:5432/database"
        )
    return open_sqlite(place, "FULL", blobs=blobs)


def _open_postgres(url: str, blobs: Blobs | None) -> SqlLedger:
    try:
        from sematic.ledger.sql.postgres import open_postgres
    except ImportError as error:
        raise LedgerError(
            f"a ledger on PostgreSQL needs a driver that is not installed ({error}): pip install 'sematic[server]'"
        ) from error
    return open_postgres(url, blobs=blobs)

"""What PostgreSQL and its driver report: whether to try again, and as sentences."""

from __future__ import annotations

import re

import psycopg
from psycopg import errors

from sematic.errors import LedgerAway, LedgerError, LedgerLocked

_ROLLED_BACK = (errors.SerializationFailure, errors.DeadlockDetected)
_CUT_OFF = (
    errors.AdminShutdown,
    errors.CrashShutdown,
    errors.CannotConnectNow,
    errors.IdleInTransactionSessionTimeout,
    psycopg.InterfaceError,
)
_TIMED_OUT = (errors.LockNotAvailable, errors.QueryCanceled)

_AT_THE_DOOR = [
    (
        r"password|authentication|pg_hba\.conf",
        "refuses the user: check name and password (in the URL, PGPASSWORD or ~/.pgpass) and the server's pg_hba.conf",
    ),
    (r"database .* does not exist", "is not there: make it with createdb, or correct its name in the URL"),
    (r"role .* does not exist", "does not know the user: make it with createuser, or correct its name in the URL"),
]
"""A failed connection carries no code, only the server's words. In another language the last resort below is said."""

_KINDS: list[tuple[type[psycopg.Error], str]] = [
    (errors.ReadOnlySqlTransaction, "cannot be written, it is a standby or read-only: name the primary server"),
    (errors.FeatureNotSupported, "cannot be written, it is a standby: name the primary server"),
    (errors.InsufficientPrivilege, "does not let this user do that: let it own the database, or its schema"),
    (errors.DiskFull, "cannot be written, the server's disk is full: free some space; nothing of this write was kept"),
    (errors.TooManyConnections, "has no connection free: raise max_connections, or use fewer servers"),
    (errors.InvalidCatalogName, _AT_THE_DOOR[1][1]),
    (errors.InvalidAuthorizationSpecification, _AT_THE_DOOR[0][1]),
    (errors.InvalidPassword, _AT_THE_DOOR[0][1]),
    (errors.InvalidSchemaName, "has no schema on its search_path: make one, or name another in the URL"),
    (psycopg.ProgrammingError, "has other tables than this Sematic's: was it changed by hand?"),
]


def is_lost(error: psycopg.Error) -> bool:
    """The connection is gone: what it was about may have been committed, or not."""
    if isinstance(error, _CUT_OFF):
        return True
    return isinstance(error, psycopg.OperationalError) and error.sqlstate is None and _refusal(error) is None


def passes(error: psycopg.Error) -> bool:
    """The same thing done again may succeed."""
    return isinstance(error, _ROLLED_BACK) or is_lost(error)


def explained(error: psycopg.Error, where: str, timeout: float) -> LedgerError:
    """The error of the driver as a sentence; no password is in either."""
    if isinstance(error, _TIMED_OUT):
        return LedgerLocked(
            f"{where} did not answer within {timeout:g} s: find what holds it for so long (pg_stat_activity) and try "
            "again; nothing of this write was kept"
        )
    if isinstance(error, psycopg.DataError):
        return LedgerError(f"this cannot be recorded by {where}: {_said(error)}")
    if is_lost(error):
        return LedgerAway(
            f"{where} cannot be reached ({_said(error)}): check that the server runs, and host and port in the URL; "
            "whether a write that was under way has been kept is not known"
        )
    return LedgerError(f"{where} {_kind(error)} ({_said(error)})")


def _kind(error: psycopg.Error) -> str:
    refusal = _refusal(error) if error.sqlstate is None else None
    return refusal or next((text for kind, text in _KINDS if isinstance(error, kind)), "cannot be used")


def _refusal(error: psycopg.Error) -> str | None:
    return next((text for pattern, text in _AT_THE_DOOR if re.search(pattern, str(error))), None)


def _said(error: psycopg.Error) -> str:
    return " ".join(str(error).split())

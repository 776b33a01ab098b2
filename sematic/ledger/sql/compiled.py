"""The statements as text; for SQLite compiled beforehand: opening a ledger there does not import SQLAlchemy.

Bazel compiles it when it builds the program, into `statements.json` beside this file. Elsewhere, and after a change to
what it is made from, it is compiled when first needed and kept beside the ledger.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

_HERE = Path(__file__).parent
BUILT = _HERE / "statements.json"
_SOURCES = [
    _HERE / "schema.py",
    _HERE / "statements.py",
    _HERE / "compiled.py",
    _HERE.parent.parent / "engine" / "states.py",
    _HERE.parent.parent / "engine" / "records.py",
]


class Compiled(NamedTuple):
    """`statements` are (text, names of the parameters in order) by name; `tables` makes an empty database."""

    version: int
    tables: list[str]
    statements: dict[str, tuple[str, list[str]]]


class Statement:
    """A statement for callers that give its parameters in an order of their own."""

    __slots__ = ("pick", "text")

    def __init__(self, text: str, names: list[str], given: tuple[str, ...]) -> None:
        self.text = text
        self.pick = _picker([given.index(name) for name in names])


def _picker(indices: list[int]) -> Any:
    if len(indices) > 1:
        return itemgetter(*indices)
    return lambda values: tuple(values[index] for index in indices)


def load(cache: Path) -> Compiled:
    """What was built, or else from `cache` (a folder), or compiled and kept there when that is possible."""
    digest = source_digest()
    kept = cache / f"ledger-{digest}.json"
    for path in (BUILT, kept):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            found = json.loads(path.read_bytes())
            if found.pop("made_from") == digest:
                return Compiled(**found)
    compiled = compile_all()
    with contextlib.suppress(OSError):
        keep(kept, compiled)
    return compiled


def source_digest() -> str:
    """What the compiled text depends on, short."""
    digest = hashlib.sha256()
    for path in _SOURCES:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def compile_all() -> Compiled:
    """Compile the schema and all statements for SQLite. Imports SQLAlchemy."""
    from sqlalchemy.dialects.sqlite import dialect, insert

    return _compile_all(dialect(paramstyle="qmark"), insert, "?")


def compile_for_postgres() -> Compiled:
    """The same for PostgreSQL, with parameters as its own protocol numbers them."""
    from sqlalchemy.dialects.postgresql import insert, psycopg

    dialect: Any = psycopg.dialect
    return _compile_all(dialect(paramstyle="numeric_dollar"), insert, "${}")


def _compile_all(dialect: Any, insert: Callable[[Any], Any], sign: str) -> Compiled:
    from sqlalchemy.schema import CreateIndex, CreateTable

    from sematic.ledger.sql import schema
    from sematic.ledger.sql.statements import statements

    tables = [str(CreateTable(table).compile(dialect=dialect)).strip() for table in schema.metadata.sorted_tables]
    for table in schema.metadata.sorted_tables:
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        tables += [str(CreateIndex(index).compile(dialect=dialect)) for index in indexes]
    texts = {name: _compile(statement, dialect, sign) for name, statement in statements(insert).items()}
    return Compiled(schema.VERSION, tables, texts)


def _compile(statement: Any, dialect: Any, sign: str) -> tuple[str, list[str]]:
    """Text and parameters; constants (of LIMIT, LIKE) become part of the text."""
    from sematic.ledger.sql.statements import PREFIX

    compiled = statement.compile(dialect=dialect)
    order: list[str] = list(compiled.positiontup or ())
    names = [name for name in order if name.startswith(PREFIX)]
    asked = iter(order)

    def spelled(found: re.Match[str]) -> str:
        """SQLite's signs stand for the next parameter, PostgreSQL's for the one with that number."""
        name = order[int(found[1]) - 1] if found[1] else next(asked)
        return sign.format(names.index(name) + 1) if name in names else _constant(compiled.binds[name].value)

    return re.sub(r"\?|\$(\d+)", spelled, str(compiled)), [name.removeprefix(PREFIX) for name in names]


def _constant(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)


def keep(path: Path, compiled: Compiled) -> None:
    """Write `compiled` to a file that `load` understands."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps({"made_from": source_digest(), **compiled._asdict()}))
    temporary.replace(path)

"""The least the same work can cost: `python -m tools.bench.floors calls|fan-out|rows SIZE` reports one floor.

The rows that a tracked step writes are written here with the statements a person would write by hand, in the same
transactions, tables and indexes, with the same durability.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import sys
import time
from collections.abc import Callable

from tools.bench import memory

_TABLES = """
CREATE TABLE pipeline_runs (id TEXT PRIMARY KEY, state TEXT, seq INTEGER);
CREATE TABLE runs (
    key INTEGER PRIMARY KEY, id TEXT, pipeline_run_id TEXT, function TEXT, arguments TEXT, parent_id TEXT,
    position INTEGER, state TEXT, attempt INTEGER, created_at REAL, started_at REAL, ended_at REAL, output TEXT);
CREATE UNIQUE INDEX runs_by_id ON runs (id);
CREATE INDEX runs_by_parent ON runs (pipeline_run_id, parent_id);
CREATE TABLE attempts (
    run_key INTEGER, number INTEGER, state TEXT, nonce TEXT, started_at REAL, ended_at REAL, source TEXT,
    cpu_seconds REAL, peak_memory INTEGER, PRIMARY KEY (run_key, number)) WITHOUT ROWID;
CREATE INDEX attempts_live ON attempts (run_key) WHERE ended_at IS NULL;
CREATE TABLE artifacts (
    key INTEGER PRIMARY KEY, id TEXT, touched_at REAL, spec TEXT, codec TEXT, digest TEXT, size INTEGER,
    summary TEXT, payload BLOB);
CREATE UNIQUE INDEX artifacts_by_id ON artifacts (id);
CREATE TABLE steps (pipeline_run_id TEXT, seq INTEGER, run_ids TEXT, PRIMARY KEY (pipeline_run_id, seq)) WITHOUT ROWID;
"""
_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "cache_size=-16384", "wal_autocheckpoint=4000")
_ROOT = "0" * 32
_NONCE = "f" * 32


def step(x: int) -> int:
    return x + 1


def chain(n: int) -> int:
    value = 0
    for _ in range(n):
        value = step(value)
    return value


def fan_out(n: int) -> int:
    return sum([step(i) for i in range(n)])


def rows(n: int) -> int:
    """One run, attempt and artifact a step; a step's result and the next one's start in one transaction."""
    cursor = _database().cursor()
    ids = [_digest(f"{_ROOT}/1/{position}")[:32] for position in range(n)]
    _transaction(cursor, lambda: _begin(cursor, ids))
    for key, id in enumerate(ids, 1):
        _transaction(cursor, lambda key=key, id=id: _step(cursor, key, id))  # type: ignore[misc]
    return int(cursor.execute("SELECT count(*) FROM runs WHERE state = 'RESOLVED'").fetchone()[0])


def _database() -> sqlite3.Connection:
    connection = sqlite3.connect("floor.db", isolation_level=None)
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    connection.executescript(_TABLES)
    return connection


def _transaction(cursor: sqlite3.Cursor, work: Callable[[], None]) -> None:
    cursor.execute("BEGIN IMMEDIATE")
    work()
    cursor.execute("COMMIT")


def _begin(cursor: sqlite3.Cursor, ids: list[str]) -> None:
    cursor.execute("INSERT INTO pipeline_runs VALUES (?, 'RUNNING', 0)", (_ROOT,))
    now = time.time()
    cursor.executemany(
        "INSERT INTO runs (id, pipeline_run_id, function, arguments, parent_id, position, state, attempt, created_at) "
        "VALUES (?, ?, 'tools.bench.workloads:step', ?, ?, ?, 'CREATED', 0, ?)",
        ((id, _ROOT, f'{{"x":["o",{position - 1}]}}', _ROOT, position, now) for position, id in enumerate(ids)),
    )


def _step(cursor: sqlite3.Cursor, key: int, id: str) -> None:
    now, text = time.time(), str(key)
    digest = _digest(text)
    artifact = _digest(f'["int"]\njson\n{digest}')[:32]
    cursor.execute("UPDATE runs SET state = 'RUNNING', attempt = 1, started_at = ? WHERE id = ?", (now, id))
    cursor.execute(
        "INSERT INTO attempts VALUES (?, 1, 'RUNNING', ?, ?, NULL, ?, NULL, NULL)", (key, _NONCE, now, digest)
    )
    cursor.execute(
        "UPDATE attempts SET state = 'RESOLVED', ended_at = ?, cpu_seconds = ?, peak_memory = ? "
        "WHERE run_key = ? AND number = 1",
        (now, 0.001, 1 << 26, key),
    )
    row = (artifact, now, '["int"]', "json", digest, len(text), text, text.encode())
    cursor.execute("INSERT OR IGNORE INTO artifacts VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    cursor.execute("UPDATE runs SET state = 'RESOLVED', ended_at = ?, output = ? WHERE id = ?", (now, artifact, id))
    cursor.execute("UPDATE pipeline_runs SET seq = seq + 1 WHERE id = ?", (_ROOT,))
    cursor.execute("INSERT INTO steps VALUES (?, ?, ?)", (_ROOT, key, id))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


FLOORS: dict[str, Callable[[int], int]] = {"calls": chain, "fan-out": fan_out, "rows": rows}


def main(name: str, size: str) -> None:
    before = memory.resident()
    begun, cpu = time.perf_counter(), time.process_time()
    FLOORS[name](int(size))
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    print(json.dumps({"seconds": seconds, "cpu": cpu, "memory": memory.peak() - before}))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The tables, once for every database.

Rows of runs are found by random ids but live in the order they were added: `key` is an integer, so that the runs of
one graph, and the attempts at them, share pages. Only the index over `id` is written in random places.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, LargeBinary, MetaData, String, Table, Text

VERSION = 2
"""The schema's version: the number of its newest migration."""

metadata = MetaData()

_ID = String(32).with_variant(String(32, collation="C"), "postgresql")
_KEY = BigInteger().with_variant(Integer, "sqlite")

pipeline_runs = Table(
    "pipeline_runs",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("function", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("owner", Text),
    Column("resolver", Text, nullable=False),
    Column("name", Text),
    Column("tags", Text),
    Column("command", Text),
    Column("git", Text),
    Column("settings", Text),
    Column("resumed_from", _ID),
    Column("ended_at", Double),
    Column("interrupted_at", Double),
    Column("seq", BigInteger, nullable=False),
    Index("pipeline_runs_by_time", "created_at", "id"),
)

runs = Table(
    "runs",
    metadata,
    Column("key", _KEY, primary_key=True),
    Column("id", _ID, nullable=False),
    Column("pipeline_run_id", _ID, nullable=False),
    Column("function", Text, nullable=False),
    Column("arguments", Text, nullable=False),
    Column("parent_id", _ID),
    Column("parent_attempt", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", Text),
    Column("options", Text),
    Column("state", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("ended_at", Double),
    Column("inputs", Text),
    Column("output", _ID),
    Column("graph", Text),
    Column("failure", Text),
    Column("taken_from", _ID),
    Index("runs_by_id", "id", unique=True),
    Index("runs_by_parent", "pipeline_run_id", "parent_id"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("run_key", _KEY, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),
    Column("nonce", Text, nullable=False),
    Column("started_at", Double),
    Column("owner", Text),
    Column("source", String(64)),
    Column("ended_at", Double),
    Column("failure", Text),
    Column("cpu_seconds", Double),
    Column("peak_memory", BigInteger),
    Column("log", Text),
    sqlite_with_rowid=False,
)
# live attempts are few: this index stays a page
Index(
    "attempts_live",
    attempts.c.run_key,
    sqlite_where=attempts.c.ended_at.is_(None),
    postgresql_where=attempts.c.ended_at.is_(None),
)

# `payload` is NULL when the bytes are in the store. `touched_at` is when a commit last named the artifact, to the hour.
artifacts = Table(
    "artifacts",
    metadata,
    Column("key", _KEY, primary_key=True),
    Column("id", _ID, nullable=False),
    Column("touched_at", Double, nullable=False),
    Column("spec", Text, nullable=False),
    Column("codec", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("summary", Text),
    Column("payload", LargeBinary),
    Index("artifacts_by_id", "id", unique=True),
)

artifact_edges = Table(
    "artifact_edges",
    metadata,
    Column("parent_id", _ID, primary_key=True),
    Column("child_id", _ID, primary_key=True),
    sqlite_with_rowid=False,
)

steps = Table(
    "steps",
    metadata,
    Column("pipeline_run_id", _ID, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("run_ids", Text, nullable=False),
    Column("nonce", Text),
    sqlite_with_rowid=False,
)

# Few commits of a local record have one: this index stays empty there
Index(
    "steps_by_nonce",
    steps.c.pipeline_run_id,
    steps.c.nonce,
    unique=True,
    sqlite_where=steps.c.nonce.is_not(None),
    postgresql_where=steps.c.nonce.is_not(None),
)

sources = Table(
    "sources",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("text", Text, nullable=False),
)

tombstones = Table(
    "tombstones",
    metadata,
    Column("pipeline_run_id", _ID, primary_key=True),
    Column("removed_at", Double, nullable=False),
    sqlite_with_rowid=False,
)

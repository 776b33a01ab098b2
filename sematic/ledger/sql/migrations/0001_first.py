"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ID = sa.String(32).with_variant(sa.String(32, collation="C"), "postgresql")
_KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make all tables."""
    _pipeline_runs()
    _runs()
    _attempts()
    _artifacts()
    _steps()


def _pipeline_runs() -> None:
    op.create_table(
        "pipeline_runs",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("function", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("resolver", sa.Text, nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("tags", sa.Text),
        sa.Column("command", sa.Text),
        sa.Column("git", sa.Text),
        sa.Column("settings", sa.Text),
        sa.Column("resumed_from", _ID),
        sa.Column("ended_at", sa.Double),
        sa.Column("interrupted_at", sa.Double),
        sa.Column("seq", sa.BigInteger, nullable=False),
    )
    op.create_index("pipeline_runs_by_time", "pipeline_runs", ["created_at", "id"])
    op.create_table(
        "tombstones",
        sa.Column("pipeline_run_id", _ID, primary_key=True),
        sa.Column("removed_at", sa.Double, nullable=False),
        sqlite_with_rowid=False,
    )


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("key", _KEY, primary_key=True),
        sa.Column("id", _ID, nullable=False),
        sa.Column("pipeline_run_id", _ID, nullable=False),
        sa.Column("function", sa.Text, nullable=False),
        sa.Column("arguments", sa.Text, nullable=False),
        sa.Column("parent_id", _ID),
        sa.Column("parent_attempt", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("options", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("started_at", sa.Double),
        sa.Column("ended_at", sa.Double),
        sa.Column("inputs", sa.Text),
        sa.Column("output", _ID),
        sa.Column("graph", sa.Text),
        sa.Column("failure", sa.Text),
        sa.Column("taken_from", _ID),
    )
    op.create_index("runs_by_id", "runs", ["id"], unique=True)
    op.create_index("runs_by_parent", "runs", ["pipeline_run_id", "parent_id"])


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("run_key", _KEY, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("nonce", sa.Text, nullable=False),
        sa.Column("started_at", sa.Double),
        sa.Column("owner", sa.Text),
        sa.Column("source", sa.String(64)),
        sa.Column("ended_at", sa.Double),
        sa.Column("failure", sa.Text),
        sa.Column("cpu_seconds", sa.Double),
        sa.Column("peak_memory", sa.BigInteger),
        sa.Column("log", sa.Text),
        sqlite_with_rowid=False,
    )
    live = sa.text("ended_at IS NULL")
    op.create_index("attempts_live", "attempts", ["run_key"], sqlite_where=live, postgresql_where=live)
    op.create_table(
        "sources",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
    )


def _artifacts() -> None:
    op.create_table(
        "artifacts",
        sa.Column("key", _KEY, primary_key=True),
        sa.Column("id", _ID, nullable=False),
        sa.Column("touched_at", sa.Double, nullable=False),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("codec", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("summary", sa.Text),
        sa.Column("payload", sa.LargeBinary),
    )
    op.create_index("artifacts_by_id", "artifacts", ["id"], unique=True)
    op.create_table(
        "artifact_edges",
        sa.Column("parent_id", _ID, primary_key=True),
        sa.Column("child_id", _ID, primary_key=True),
        sqlite_with_rowid=False,
    )


def _steps() -> None:
    op.create_table(
        "steps",
        sa.Column("pipeline_run_id", _ID, primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("run_ids", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )

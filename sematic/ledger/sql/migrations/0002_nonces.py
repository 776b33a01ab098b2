"""A commit may carry a nonce, by which one whose answer was lost is recognised."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Commits so far have none."""
    op.add_column("steps", sa.Column("nonce", sa.Text))
    given = sa.text("nonce IS NOT NULL")
    op.create_index(
        "steps_by_nonce",
        "steps",
        ["pipeline_run_id", "nonce"],
        unique=True,
        sqlite_where=given,
        postgresql_where=given,
    )

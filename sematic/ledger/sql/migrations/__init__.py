"""Alembic revisions. Revision ``000N`` leads to schema version N; a revision that was released is never changed."""

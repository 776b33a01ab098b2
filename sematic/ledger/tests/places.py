"""Where ledgers of tests are on PostgreSQL."""

from __future__ import annotations

from itertools import count

import psycopg

from tools.testing.postgres import Postgres

_numbers = count()


def new_place(server: Postgres) -> str:
    """The URL of an empty schema, which is made sooner than a database, and gone sooner."""
    name = f"ledger_{next(_numbers)}"
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    return f"{server.url()}?options=-csearch_path%3D{name}"

"""`INSERT … ON CONFLICT`, which SQLite and PostgreSQL share, and SQLAlchemy writes for each by itself."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.dialects.sqlite import insert as insert_sqlite


def insert_into(table: Table, dialect: str) -> SqliteInsert | PostgresqlInsert:
    """Return an INSERT that may be given `on_conflict_do_update` or `on_conflict_do_nothing`."""
    make: Any = insert_postgresql if dialect == "postgresql" else insert_sqlite
    statement: SqliteInsert | PostgresqlInsert = make(table)
    return statement

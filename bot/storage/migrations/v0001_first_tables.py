"""The first tables, also from SQLite files of versions that had no migrations.

They kept the version of their tables as `user_version`: the first releases 0, later ones 1, which has these tables.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision, down_revision = "0001", None

# Version 0 found the requests of a conversation by their JSON, in which the channel was called `place`. Quotes within
# messages are escaped there, so `"place":` is always that key. Requests of `/chat` that can't be read are deleted: they
# don't say which channel they belong to, so no deletion would reach them.
FROM_VERSION_0 = (
    "ALTER TABLE requests ADD COLUMN channel_id INTEGER",
    "DELETE FROM requests WHERE kind IN ('chat', 'work') AND NOT json_valid(content)",
    """
    UPDATE requests SET
        channel_id = json_extract(content, '$.place'),
        content = replace(content, '"place":', '"channel_id":')
    WHERE kind = 'chat'
    """,
    """
    UPDATE requests SET
        channel_id = json_extract(json_extract(content, '$.content'), '$.place'),
        content = json_set(content, '$.content',
            replace(json_extract(content, '$.content'), '"place":', '"channel_id":'))
    WHERE kind = 'work' AND json_extract(content, '$.task') = 'chat' AND json_valid(json_extract(content, '$.content'))
    """,
    """
    DELETE FROM requests WHERE channel_id IS NULL
        AND (kind = 'chat' OR kind = 'work' AND json_extract(content, '$.task') = 'chat')
    """,
)
RENAMED = {
    "exchanges": ("ALTER TABLE exchanges RENAME COLUMN place TO channel_id", "DROP INDEX IF EXISTS exchanges_by_place"),
    "deletions": ("ALTER TABLE deletions RENAME COLUMN place TO channel_id", "DROP INDEX IF EXISTS deletions_by_place"),
}


def upgrade(op: Operations) -> None:
    connection = op.get_bind()
    is_sqlite = connection.dialect.name == "sqlite"
    if is_sqlite and not connection.exec_driver_sql("PRAGMA user_version").scalar():
        _from_version_0(connection)
    _create_tables(op)
    _create_indexes(op)
    if is_sqlite:
        connection.exec_driver_sql("PRAGMA user_version=1")


def _from_version_0(connection: sa.Connection) -> None:
    tables = sa.inspect(connection).get_table_names()
    statements = [*FROM_VERSION_0] if "requests" in tables else []
    statements += [statement for table, renamed in RENAMED.items() if table in tables for statement in renamed]
    for statement in statements:
        connection.exec_driver_sql(statement)


def _create_tables(op: Operations) -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "requests",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("channel_id", sa.BigInteger()),
        sqlite_with_rowid=False,
        if_not_exists=True,
    )
    op.create_table(
        "exchanges",
        sa.Column("number", number, primary_key=True),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("speaker", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "deletions",
        sa.Column("number", number, primary_key=True),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )


def _create_indexes(op: Operations) -> None:
    of_a_conversation = sa.text("channel_id IS NOT NULL")
    op.create_index("requests_by_age", "requests", ["created"], if_not_exists=True)
    op.create_index(
        "requests_by_channel",
        "requests",
        ["channel_id"],
        sqlite_where=of_a_conversation,
        postgresql_where=of_a_conversation,
        if_not_exists=True,
    )
    op.create_index("exchanges_by_channel", "exchanges", ["channel_id", "number"], if_not_exists=True)
    op.create_index("exchanges_by_age", "exchanges", ["created"], if_not_exists=True)
    op.create_index("deletions_by_channel", "deletions", ["channel_id", "number"], if_not_exists=True)
    op.create_index("deletions_by_age", "deletions", ["created"], if_not_exists=True)

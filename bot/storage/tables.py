"""The tables as this version reads and writes them. `bot.storage.migrations` makes them; a test compares both."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, MetaData, Table, Text
from sqlalchemy.types import TypeEngine

METADATA = MetaData()


def snowflake() -> TypeEngine[int]:
    """Return the type of Discord's ids, which have 64 bits."""
    return BigInteger()


def number() -> TypeEngine[int]:
    """Return the type of numbers that the database gives. SQLite only numbers rows by its type INTEGER."""
    return BigInteger().with_variant(Integer(), "sqlite")


REQUESTS = Table(
    "requests",
    METADATA,
    Column("id", Text(), primary_key=True),
    Column("person", snowflake(), nullable=False),  # whose request it is
    Column("kind", Text(), nullable=False),  # the task's name
    Column("content", Text(), nullable=False),  # the request's fields, in JSON
    Column("created", Double(), nullable=False),  # in seconds since 1970
    # Of the conversation that it repeats something of (see `ChatRequest`), or NULL.
    Column("channel_id", snowflake()),
    sqlite_with_rowid=False,
)
Index("requests_by_age", REQUESTS.c.created)
_OF_A_CONVERSATION = REQUESTS.c.channel_id.is_not(None)
Index(
    "requests_by_channel", REQUESTS.c.channel_id, sqlite_where=_OF_A_CONVERSATION, postgresql_where=_OF_A_CONVERSATION
)

EXCHANGES = Table(
    "exchanges",
    METADATA,
    Column("number", number(), primary_key=True),
    Column("channel_id", snowflake(), nullable=False),  # by Discord, or of a person (see `ChatRequest`)
    Column("person", snowflake(), nullable=False),  # the one who spoke
    Column("speaker", Text(), nullable=False),  # their name
    Column("message", Text(), nullable=False),
    Column("answer", Text(), nullable=False),
    Column("created", Double(), nullable=False),  # in seconds since 1970
)
Index("exchanges_by_channel", EXCHANGES.c.channel_id, EXCHANGES.c.number)
Index("exchanges_by_age", EXCHANGES.c.created)

DELETIONS = Table(
    "deletions",
    METADATA,
    Column("number", number(), primary_key=True),  # never used again
    Column("channel_id", snowflake(), nullable=False),
    Column("created", Double(), nullable=False),  # in seconds since 1970
    sqlite_autoincrement=True,
)
Index("deletions_by_channel", DELETIONS.c.channel_id, DELETIONS.c.number)
Index("deletions_by_age", DELETIONS.c.created)

"""Deletions of conversations, which no write that began before may outlive.

A conversation may be deleted while an answer is under way, a button is pressed, or another process writes. So each
deletion has a number, and each write names the deletion that its conversation began with. One statement checks and
writes, so on SQLite no deletion can come between. On PostgreSQL a statement does not see what is committed after it has
begun, and not even two statements that wait for nobody would see each other. There writers share a lock of the channel,
and who deletes has it alone.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Connection, Double, Insert, Table, bindparam, delete, exists, func, insert, select

from bot.storage.database import Values
from bot.storage.erasures import is_erased
from bot.storage.locks import Lock, acquire
from bot.storage.tables import DELETIONS, EXCHANGES, REQUESTS

CHANNEL = bindparam("channel_id", type_=BigInteger)
NEWEST = select(func.coalesce(func.max(DELETIONS.c.number), 0)).where(DELETIONS.c.channel_id == CHANNEL)
"""The number of a channel's last deletion; 0 if there is none."""

_DELETION = insert(DELETIONS).returning(DELETIONS.c.number)
_DELETED = tuple(delete(table).where(table.c.channel_id == CHANNEL) for table in (EXCHANGES, REQUESTS))
_NUMBER = bindparam("number", type_=BigInteger)
_EXCHANGE_BEFORE = (
    select(func.coalesce(func.max(EXCHANGES.c.created), 0.0))
    .where(EXCHANGES.c.channel_id == CHANNEL, EXCHANGES.c.number < _NUMBER)
    .scalar_subquery()
)
_REQUESTS_SINCE_EXCHANGE = delete(REQUESTS).where(
    REQUESTS.c.channel_id == CHANNEL, REQUESTS.c.created > _EXCHANGE_BEFORE
)
_EXCHANGE = delete(EXCHANGES).where(EXCHANGES.c.number == _NUMBER, EXCHANGES.c.channel_id == CHANNEL)
_REQUESTS_SINCE = delete(REQUESTS).where(
    REQUESTS.c.channel_id == CHANNEL, REQUESTS.c.created >= bindparam("since", type_=Double)
)


def insert_unless_deleted(table: Table) -> Insert:
    """Return the statement that writes a row unless what it belongs to is deleted.

    That is the conversation of `channel_id` and `conversation` (none if both are None), or everything of `person` since
    `asked` (see `bot.storage.erasures`).
    """
    columns = [column for column in table.c if column is not table.autoincrement_column]
    values = select(*(bindparam(column.name, type_=column.type) for column in columns))
    later = exists().where(
        DELETIONS.c.channel_id == CHANNEL, DELETIONS.c.number > bindparam("conversation", type_=BigInteger)
    )
    return insert(table).from_select([column.name for column in columns], values.where(~later, ~is_erased()))


def let_nobody_delete(connection: Connection, channel_id: int, *, alone: bool = False) -> None:
    """Keep a conversation from being deleted until the transaction ends; alone, also from being written to."""
    acquire(connection, Lock.CONVERSATION, channel_id, shared=not alone)


def delete_conversation(connection: Connection, channel_id: int, now: float) -> int:
    """Delete what was said in a channel and the requests that repeat it, and return the deletion's number."""
    acquire(connection, Lock.CONVERSATION, channel_id)
    values: Values = {"channel_id": channel_id, "created": now}
    number: int = connection.execute(_DELETION, values).scalar_one()
    for statement in _DELETED:
        connection.execute(statement, {"channel_id": channel_id})
    return number


def delete_exchange(connection: Connection, channel_id: int, number: int) -> None:
    """Delete one exchange, and the requests that may repeat it: all of its channel since the exchange before it."""
    acquire(connection, Lock.CONVERSATION, channel_id)
    values: Values = {"channel_id": channel_id, "number": number}
    for statement in (_REQUESTS_SINCE_EXCHANGE, _EXCHANGE):
        connection.execute(statement, values)


def delete_requests_since(connection: Connection, channel_id: int, since: float) -> None:
    """Delete the requests of a conversation that were kept from some time on, in seconds since 1970."""
    acquire(connection, Lock.CONVERSATION, channel_id)
    connection.execute(_REQUESTS_SINCE, {"channel_id": channel_id, "since": since})

"""That people have had everything about them deleted, which no write that began before may outlive.

An answer may be under way meanwhile, in any process. Discord's ids grow with time, on Discord's own clock. So the id of
the interaction that deleted is kept, and what belongs to an older interaction or message is not written any more, if it
is the person's or holds words of theirs. As in `bot.storage.deletions`, on PostgreSQL writers share a lock, here of the
person.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeVar

import discord
from sqlalchemy import BigInteger, ColumnElement, Connection, bindparam, exists, func, select

from bot.request_ids import request_id
from bot.storage.database import Database, Values
from bot.storage.locks import Lock, acquire
from bot.storage.tables import ERASURES
from bot.storage.upserts import insert_into

T = TypeVar("T")
ASKED = bindparam("asked", type_=BigInteger)
PERSON = bindparam("person", type_=BigInteger)
"""The bound person; in an INSERT, the value of the column of that name as well."""

_ANY_ERASED = select(
    exists().where(ERASURES.c.person.in_(bindparam("people", expanding=True)), ERASURES.c.asked > ASKED)
)


def asked_now() -> int:
    """Return the id of the interaction or message that the running code works for; without one, the id of now."""
    known = request_id.get()
    return int(known) if known.isdecimal() else discord.utils.time_snowflake(discord.utils.utcnow(), high=True)


def is_erased() -> ColumnElement[bool]:
    """Return the condition that the bound `person` has deleted everything since `asked`."""
    return exists().where(ERASURES.c.person == PERSON, ERASURES.c.asked > ASKED)


def any_erased(connection: Connection, people: Collection[int], asked: int) -> bool:
    """Return whether one of some people has deleted everything since `asked`."""
    return bool(connection.execute(_ANY_ERASED, {"people": sorted(people), "asked": asked}).scalar())


def let_nobody_erase(connection: Connection, people: Collection[int]) -> None:
    """Keep what is about some people from being deleted until the transaction ends.

    It comes before a lock of a conversation (`let_nobody_delete`): all take them in this order.
    """
    for person in sorted(people):
        acquire(connection, Lock.PERSON, person, shared=True)


async def unless_erased(
    database: Database, people: Collection[int], work: Callable[[Connection], T], asked: int | None = None
) -> T | None:
    """Write something about people in a transaction, unless one of them has deleted everything since it was asked.

    Args:
        people: whose words are in it, or who asked.
        work: writes; see `Database.transaction`.
        asked: the id of the interaction or message that it belongs to; None for `asked_now`.

    Returns:
        what `work` returns; None if nothing was written.

    Raises:
        FAILURES: the database can't be used.
    """
    began = asked_now() if asked is None else asked

    def transaction(connection: Connection) -> T | None:
        let_nobody_erase(connection, people)
        return None if any_erased(connection, people, began) else work(connection)

    return await database.transaction(transaction)


def note_erasure(connection: Connection, person: int, asked: int, now: float) -> None:
    """Let everything older than `asked` be written no more. Holds the lock of the person until the transaction ends."""
    acquire(connection, Lock.PERSON, person)
    values: Values = {"person": person, "asked": asked, "created": now}
    insert = insert_into(ERASURES, connection.dialect.name)
    later = func.max if connection.dialect.name == "sqlite" else func.greatest
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["person"],
            set_={"asked": later(ERASURES.c.asked, insert.excluded.asked), "created": insert.excluded.created},
        ),
        values,
    )

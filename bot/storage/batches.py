"""Files that are answered row by row: kept until they are done, so that another process can go on.

When a file is done, all of it is deleted in one transaction. Each person has at most one.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, bindparam, case, delete, func, insert, select, update

from bot.storage.database import Database
from bot.storage.tables import BATCH_ANSWERS, BATCH_PARTS, BATCHES
from bot.storage.upserts import insert_into

PART_BYTES = 512 * 1024
"""Of a file in one row of the table."""


class BatchState(StrEnum):
    """How far a file is. The values are kept in the database."""

    ASKING = "asking"  # its person has yet to say which column it is about, or that it may begin
    RUNNING = "running"
    STOPPING = "stopping"  # its person wants it back as it is


@dataclass(frozen=True)
class KeptBatch:
    """A file on its way.

    Attributes:
        guild_id: of the server that it was given in, if it was.
        created: in seconds since 1970.
        content: what `bot.batches` knows about it, in JSON; None if its key is missing.
    """

    id: str
    person: int
    guild_id: int | None
    state: BatchState
    created: float
    content: str | None


class Batches:
    """The files in the database. Everything raises `FAILURES`.

    Attributes:
        now: returns the time, in seconds since 1970.
    """

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self.now = now
        self._insert = insert_into(BATCHES, database.dialect).on_conflict_do_nothing()

    async def add(self, person: int, guild_id: int | None, content: str, file: bytes) -> str | None:
        """Keep a file; return its id, or None if the person has another one already."""
        identity = secrets.token_urlsafe(12)
        values = {
            "id": identity,
            "person": person,
            "guild_id": guild_id,
            "state": BatchState.ASKING.value,
            "created": self.now(),
            "content": content,
        }
        parts = [
            {"batch_id": identity, "number": number, "content": base64.b64encode(file[start:][:PART_BYTES]).decode()}
            for number, start in enumerate(range(0, len(file), PART_BYTES))
        ]

        def work(connection: Connection) -> bool:
            if not connection.execute(self._insert.values(**values)).rowcount:
                return False
            for part in parts:
                connection.execute(insert(BATCH_PARTS).values(**part))
            return True

        return identity if await self._database.transaction(work) else None

    async def count(self, guild_id: int) -> int:
        """Return how many files of a server are on their way."""
        [[number]] = await self._database.rows(
            select(func.count()).select_from(BATCHES).where(BATCHES.c.guild_id == guild_id)
        )
        return int(number)

    async def find(self, identity: str) -> KeptBatch | None:
        """Return a file that is kept."""
        return next(iter(await self._found(BATCHES.c.id == identity)), None)

    async def of(self, person: int) -> KeptBatch | None:
        """Return a person's file, if there is one."""
        return next(iter(await self._found(BATCHES.c.person == person)), None)

    async def begun(self) -> Sequence[KeptBatch]:
        """Return the files that some process answers, or should; the oldest first."""
        return await self._found(BATCHES.c.state != BatchState.ASKING.value)

    async def file(self, identity: str) -> bytes | None:
        """Return the bytes of a file; None if it is not kept (any more), or its key is missing."""
        rows = await self._database.rows(
            select(BATCH_PARTS.c.content).where(BATCH_PARTS.c.batch_id == identity).order_by(BATCH_PARTS.c.number)
        )
        if not rows or any(row.content is None for row in rows):
            return None
        return b"".join(base64.b64decode(row.content) for row in rows)

    async def change(self, identity: str, state: BatchState, content: str) -> bool:
        """Replace what is known about a file; return whether it is still kept.

        A stop is not taken back.
        """
        stopping = BatchState.STOPPING.value
        kept = case((BATCHES.c.state == stopping, stopping), else_=state.value)
        statement = update(BATCHES).where(BATCHES.c.id == identity).values(content=content, state=kept)
        return await self._database.run(statement) > 0

    async def stop(self, identity: str, person: int) -> bool:
        """Ask for a file as it is; return whether this person has it."""
        statement = update(BATCHES).where(BATCHES.c.id == identity, BATCHES.c.person == person)
        return await self._database.run(statement.values(state=BatchState.STOPPING.value)) > 0

    async def keep(self, identity: str, number: int, content: str) -> None:
        """Keep the answers of some rows, unless the file was deleted.

        Args:
            number: the index of one of the rows, so that they are kept once.
        """
        values = {"batch_id": identity, "number": number, "content": content}
        statement = insert_into(BATCH_ANSWERS, self._database.dialect).values(**values).on_conflict_do_nothing()

        def work(connection: Connection) -> None:
            held = select(BATCHES.c.id).where(BATCHES.c.id == identity).with_for_update()
            if connection.execute(held).first() is not None:
                connection.execute(statement)

        await self._database.transaction(work)

    async def answers(self, identity: str) -> Sequence[str | None]:
        """Return what `keep` was given; None in the place of what cannot be decrypted."""
        rows = await self._database.rows(
            select(BATCH_ANSWERS.c.content).where(BATCH_ANSWERS.c.batch_id == identity).order_by(BATCH_ANSWERS.c.number)
        )
        return [row.content for row in rows]

    async def remove(self, identity: str) -> None:
        """Delete a file and everything of it."""

        def work(connection: Connection) -> None:
            connection.execute(delete(BATCHES).where(BATCHES.c.id == identity))
            for table in (BATCH_PARTS, BATCH_ANSWERS):
                connection.execute(delete(table).where(table.c.batch_id == identity))

        await self._database.transaction(work)

    async def expire(self, asking_seconds: float, seconds: float) -> None:
        """Delete the files that are older than this.

        Args:
            asking_seconds: those whose person has yet to say something.
        """
        old = BATCHES.c.created < bindparam("before")
        asking = BATCHES.c.state == BatchState.ASKING.value

        def work(connection: Connection) -> None:
            now = self.now()
            connection.execute(delete(BATCHES).where(old), {"before": now - seconds})
            connection.execute(delete(BATCHES).where(old, asking), {"before": now - asking_seconds})
            for table in (BATCH_PARTS, BATCH_ANSWERS):
                connection.execute(delete(table).where(table.c.batch_id.not_in(select(BATCHES.c.id))))

        await self._database.transaction(work)

    async def _found(self, condition: ColumnElement[bool]) -> Sequence[KeptBatch]:
        rows = await self._database.rows(select(BATCHES).where(condition).order_by(BATCHES.c.created))
        return [
            KeptBatch(row.id, row.person, row.guild_id, BatchState(row.state), row.created, row.content) for row in rows
        ]

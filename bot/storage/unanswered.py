"""The interactions that a process has acknowledged and not yet answered, for the others to answer if it dies."""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, Text, bindparam, delete, func, literal, select, update

from bot.errors import describe
from bot.storage.clock import DatabaseNow
from bot.storage.database import FAILURES, Database, Values
from bot.storage.erasures import is_erased
from bot.storage.heartbeat import BEAT_SECONDS, Heartbeat, is_alive
from bot.storage.tables import UNANSWERED
from bot.storage.upserts import insert_into

log = logging.getLogger(__name__)

KEEP_SECONDS = 1.0
"""How long an acknowledgement waits for the database. Discord waits three seconds."""
LAST_SECONDS = 14 * 60.0
"""An older interaction is not answered any more. Discord forgets it after 15 minutes."""
MOST_AT_ONCE = 20
"""Interactions that a process takes over in one go."""

_DEAD = ~is_alive(UNANSWERED.c.process)
_MINE = UNANSWERED.c.process == bindparam("mine")
_HOW_MANY_DEAD = select(func.count()).select_from(UNANSWERED).where(_DEAD)
# Both conditions: of two processes that claim one row, the second looks at it again when the first is done, and only at
# the outer one.
_NEXT = select(UNANSWERED.c.id).where(_DEAD).limit(MOST_AT_ONCE).with_for_update(skip_locked=True)
_CLAIM = (
    update(UNANSWERED)
    .where(UNANSWERED.c.id.in_(_NEXT), _DEAD)
    .values(process=bindparam("claimant", type_=Text), tries=UNANSWERED.c.tries + 1)
    .returning(
        UNANSWERED.c.id,
        UNANSWERED.c.acknowledged,
        UNANSWERED.c.payload,
        UNANSWERED.c.tries,
        (DatabaseNow() - UNANSWERED.c.created).label("age"),
    )
)


@dataclass(frozen=True)
class Abandoned:
    """An interaction whose process has died before it answered.

    Attributes:
        acknowledged: the type of its first response.
        payload: as Discord sent it.
        tries: how many processes have died while they answered it.
        age: in seconds.
    """

    id: int
    acknowledged: int
    payload: Mapping[str, Any]
    tries: int
    age: float


class UnansweredInteractions:
    """The acknowledged interactions of all processes. If the database fails, they are answered as ever."""

    def __init__(self, database: Database, heartbeat: Heartbeat) -> None:
        self._database = database
        self._heartbeat = heartbeat
        row: dict[str, ColumnElement[Any]] = {
            "id": bindparam("interaction", type_=BigInteger),
            "process": literal(heartbeat.process, Text()),
            "acknowledged": bindparam("kind", type_=Integer),
            "payload": bindparam("content", type_=UNANSWERED.c.payload.type),
            "created": DatabaseNow(),
            "tries": literal(0, Integer()),
            "person": bindparam("person", type_=BigInteger),
        }
        kept = insert_into(UNANSWERED, database.dialect).from_select([*row], select(*row.values()).where(~is_erased()))
        self._keep = kept.on_conflict_do_nothing()
        self._answered: set[int] = set()
        self._task: asyncio.Task[None] | None = None
        self._context = contextvars.copy_context()

    async def keep(self, interaction: int, kind: int, payload: str, person: int | None = None) -> bool:
        """Keep an interaction that is about to be acknowledged; return whether to call `answered` at its end.

        Args:
            kind: the type of its first response.
            payload: as Discord sent it, in JSON.
            person: whose it is. If they have deleted everything since, it is not kept.
        """
        values: Values = {
            "interaction": interaction,
            "kind": kind,
            "content": payload,
            "person": person,
            "asked": interaction,
        }
        has_begun = is_late = False

        async def write() -> None:
            nonlocal has_begun
            await self._heartbeat.begin()
            if is_late:
                self._heartbeat.end()
                return
            has_begun = True
            await self._database.run(self._keep, values)

        try:
            await self._database.patience.wait(write(), KEEP_SECONDS)
        except FAILURES as error:  # if it has begun, it is perhaps kept a little later
            is_late = True
            log.warning("an interaction may end with this process: %s", describe(error))
        return has_begun

    def answered(self, interaction: int) -> None:
        """Forget an interaction, because it has been answered."""
        self._answered.add(interaction)
        if self._task is None or self._task.done():
            self._task = self._context.run(asyncio.get_running_loop().create_task, self._forget())

    async def claim(self) -> list[Abandoned]:
        """Take over interactions of dead processes; call `answered` for each at its end.

        Raises:
            FAILURES: the database can't be used.
        """
        [[dead]] = await self._database.rows(_HOW_MANY_DEAD)
        if not dead:
            return []
        await self._heartbeat.begin()  # without a sign of life, others would take them over from this process
        try:
            claimed = await self._database.rows(_CLAIM, {"claimant": self._heartbeat.process})
            for _ in claimed:
                await self._heartbeat.begin()
        finally:
            self._heartbeat.end()
        for row in claimed:
            if row.payload is None:  # its key is missing, so nobody here can answer it
                self.answered(row.id)
        return [
            Abandoned(row.id, row.acknowledged, json.loads(row.payload), row.tries, row.age)
            for row in claimed
            if row.payload is not None
        ]

    async def close(self) -> None:
        """Forget what has been answered. The rest is the other processes'."""
        if self._task is not None:
            await asyncio.wait((self._task,), timeout=KEEP_SECONDS)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _forget(self) -> None:
        while self._answered:
            some = list(self._answered)
            statement = delete(UNANSWERED).where(UNANSWERED.c.id.in_(bindparam("ids", some, expanding=True)), _MINE)
            try:
                await self._database.run(statement, {"mine": self._heartbeat.process})
            except FAILURES as error:  # otherwise others would answer them again when this process ends
                log.warning("an answered interaction cannot be forgotten yet: %s", describe(error))
                await asyncio.sleep(BEAT_SECONDS)
                continue
            self._answered.difference_update(some)
            for _ in some:
                self._heartbeat.end()

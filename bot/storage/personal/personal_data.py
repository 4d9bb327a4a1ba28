"""All that is kept about a person."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Connection, Double, Row, select

from bot.errors import Unanswered, describe
from bot.locales.message import later
from bot.storage.database import FAILURES, Database, Values
from bot.storage.deletions import let_nobody_delete
from bot.storage.encryption import cipher_of
from bot.storage.erasures import note_erasure
from bot.storage.personal.holding import PERSON, Holding
from bot.storage.personal.holdings import HOLDINGS
from bot.storage.tables import EXCHANGES, UNANSWERED
from bot.storage.writing import Writing

log = logging.getLogger(__name__)

MOST_BYTES = 8 * 1024 * 1024
"""Of an export. Discord takes files of 10 MiB."""
AT_ONCE = 100
"""Rows of one statement, so that nobody waits long for it."""
UNREADABLE = "cannot be read: its key is missing"

_CHANNELS = select(EXCHANGES.c.channel_id).distinct().where(EXCHANGES.c.person == PERSON)


@dataclass(frozen=True)
class Held:
    """What one table holds about a person: how many rows, and since when the oldest is there."""

    holding: Holding
    count: int
    oldest: float | None


@dataclass(frozen=True)
class Export:
    """A person's data.

    Attributes:
        data: JSON, in UTF-8.
        left_out: rows for which there was no room.
    """

    data: bytes
    left_out: int


class PersonalData:
    """Counts, exports and deletes what is kept about a person."""

    def __init__(self, database: Database, writing: Writing, now: Callable[[], float]) -> None:
        self._database = database
        self._writing = writing
        self._now = now

    @property
    def is_encrypted(self) -> bool:
        """Whether texts are encrypted at rest."""
        return cipher_of(self._database.events.dialect).is_on

    async def held(self, person: int, interaction: int) -> tuple[Held, ...]:
        """Return what each table holds about a person.

        Args:
            interaction: the one in which they ask.

        Raises:
            Unanswered: the database can't be used.
        """
        values: Values = {"about": person, "interaction": interaction}

        def work(connection: Connection) -> tuple[Held, ...]:
            rows = ((one, connection.execute(one.counting, values).one()) for one in HOLDINGS)
            return tuple(Held(one, count, oldest) for one, (count, oldest) in rows)

        try:
            return await self._database.connected(work)
        except FAILURES as error:
            log.error("what is kept about a person cannot be counted: %s", describe(error))
            raise Unanswered(
                later(
                    "I could not look up what I keep about you, and the failure has been logged. Please try again in a "
                    "minute."
                )
            ) from error

    async def export(self, person: int, interaction: int) -> Export:
        """Return a person's data, the newest of each table first, as far as there is room.

        Raises:
            Unanswered: the database can't be used.
        """
        held = await self.held(person, interaction)
        found: dict[str, object] = {}
        room, left_out = MOST_BYTES, 0
        try:
            for one in held:
                rows, room = await self._rows(one.holding, {"about": person, "interaction": interaction}, room)
                missing = max(0, one.count - len(rows)) if one.holding.shown else 0
                left_out += missing
                found[one.holding.name] = {
                    "what": one.holding.words(one.count),
                    "kept": str(one.holding.kept),
                    "count": one.count,
                    "left out because the file would be too large": missing,
                    "rows": rows,
                }
        except FAILURES as error:
            log.error("what is kept about a person cannot be exported: %s", describe(error))
            raise Unanswered(
                later(
                    "I could not read all that I keep about you, and the failure has been logged. Please try again in "
                    "a minute."
                )
            ) from error
        document = {"person": str(person), "exported": _date(self._now()), "data": found}
        return Export(await asyncio.to_thread(_json, document), left_out)

    async def erase(self, person: int, interaction: int, *, on_request: bool = False) -> tuple[Held, ...]:
        """Delete everything about a person in one transaction, and return what was deleted.

        Nothing that belongs to an earlier interaction or message is written any more (see `bot.storage.erasures`).

        Args:
            interaction: the one in which they ask.
            on_request: also what only goes on request.

        Raises:
            Unanswered: the database can't be used. Nothing has been deleted, unless only its receipt was lost.
        """

        def work(connection: Connection) -> tuple[Held, ...]:
            note_erasure(connection, person, interaction, self._now())
            for channel_id in sorted(connection.execute(_CHANNELS, {"about": person}).scalars()):
                # Those who trim a conversation have it alone, too: each could wait for a row of the other's.
                let_nobody_delete(connection, channel_id, alone=True)
            going = [one for one in reversed(HOLDINGS) if not one.stays and (on_request or not one.on_request)]
            done = [Held(one, one.erase(connection, person, interaction), None) for one in going]
            return tuple(reversed(done))

        try:
            done = await self._database.transaction(work)
        except FAILURES as error:
            log.error("what is kept about a person cannot be deleted: %s", describe(error))
            raise Unanswered(
                later(
                    "I could not delete what I keep about you, and the failure has been logged. /privacy shows what is "
                    "still there; please try again in a minute."
                )
            ) from error
        self._writing.stop_all(person)  # also those that are too short to be in the database yet
        return done

    async def _rows(self, holding: Holding, values: Values, room: int) -> tuple[list[Mapping[str, object]], int]:
        """Return as many rows as there is room for, and the room that is left, in bytes."""
        rows: list[Mapping[str, object]] = []
        while holding.shown:
            page = await self._database.rows(holding.page(len(rows), AT_ONCE), values)
            for row in page:
                shown = dict(_fields(holding, row))
                size = len(_json(shown))
                if size > room:
                    return rows, room
                room -= size
                rows.append(shown)
            if len(page) < AT_ONCE:
                break
        return rows, room


def _fields(holding: Holding, row: Row[Any]) -> Iterator[tuple[str, object]]:
    for column in holding.shown:
        value = row._mapping[column]
        unreadable = value is None and not column.nullable
        yield column.name, UNREADABLE if unreadable else _shown(column, value)


def _shown(column: Column[Any], value: Any) -> object:
    """Return a value for JSON: ids as texts, because JavaScript reads no integers of 64 bits, and dates as such."""
    if value is None:
        return None
    if column is UNANSWERED.c.payload:
        return json.loads(value).get("data")  # the rest is Discord's, such as a token
    if column.name == "content":
        return json.loads(value)
    if isinstance(column.type, Double):
        return _date(value)
    return str(value) if column.name.endswith("_id") else value


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8", "replace")

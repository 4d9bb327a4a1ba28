"""Who does not want the bot to read along."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import BigInteger, Text, bindparam, delete, select

from bot.storage.database import Database
from bot.storage.tables import OPT_OUTS
from bot.storage.upserts import insert_into


class ReadAlong(StrEnum):
    """What the bot does with messages that were not written to it. The values are kept in the database."""

    REACTIONS = "reactions"  # translates them under a flag
    MOODS = "moods"  # counts them in pictures of a channel
    FORUM_TAGS = "forum tags"  # proposes tags for posts
    CHAT = "chat"  # reads them as context of a conversation


_WHO = select(OPT_OUTS.c.person).where(
    OPT_OUTS.c.what == bindparam("what"), OPT_OUTS.c.person.in_(bindparam("persons", expanding=True))
)
_OF_PERSON = select(OPT_OUTS.c.what).where(OPT_OUTS.c.person == bindparam("of", type_=BigInteger))
_DELETE = delete(OPT_OUTS).where(
    OPT_OUTS.c.person == bindparam("of", type_=BigInteger), OPT_OUTS.c.what == bindparam("what")
)


class OptOuts:
    """People who have opted out. All methods raise `FAILURES`; then the bot must not read along."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert = (
            insert_into(OPT_OUTS, database.dialect)
            .values(person=bindparam("of", type_=BigInteger), what=bindparam("what", type_=Text))
            .on_conflict_do_nothing()
        )

    async def among(self, persons: Iterable[int], what: ReadAlong) -> frozenset[int]:
        """Return those of some people who have opted out of something."""
        asked = sorted(set(persons))
        # SQLite takes 32,766 values in a statement, PostgreSQL's protocol as many.
        parts = [asked[start : start + 10_000] for start in range(0, len(asked), 10_000)]

        async def out(part: list[int]) -> list[int]:
            rows = await self._database.connected(
                lambda connection: connection.execute(_WHO, {"what": what.value, "persons": part}).all()
            )
            return [row.person for row in rows]

        return frozenset([person for part in parts for person in await out(part)])

    async def of(self, person: int) -> frozenset[ReadAlong]:
        """Return what a person has opted out of."""
        rows = await self._database.rows(_OF_PERSON, {"of": person})
        return frozenset(ReadAlong(row.what) for row in rows if row.what in set(ReadAlong))

    async def set(self, person: int, what: ReadAlong, out: bool) -> None:
        """Opt a person out of something, or in again."""
        await self._database.run(self._insert if out else _DELETE, {"of": person, "what": what.value})

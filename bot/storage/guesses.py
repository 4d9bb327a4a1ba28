"""What people have guessed: each person once for each question."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import BigInteger, Connection, Text, bindparam, func, select

from bot.storage.database import Database, Values
from bot.storage.erasures import unless_erased
from bot.storage.tables import GUESSES
from bot.storage.upserts import insert_into

GAVE_UP = -1
"""Chosen by somebody who wants to see the answer without a guess."""

_OF = GUESSES.c.request_id == bindparam("of", type_=Text)
_MINE = select(GUESSES.c.chosen).where(_OF, GUESSES.c.person == bindparam("whose", type_=BigInteger))
_COUNTS = select(GUESSES.c.chosen, func.count().label("people")).where(_OF).group_by(GUESSES.c.chosen)


class Guesses:
    """Guesses, by the id of the request behind a question, with which they go. All methods raise `FAILURES`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert = insert_into(GUESSES, database.dialect).on_conflict_do_nothing()

    async def guess(self, request_id: str, person: int, chosen: int) -> int:
        """Keep a person's guess unless they have made one; return the one that counts.

        Args:
            chosen: the index of an option, or `GAVE_UP`.
        """
        values: Values = {"request_id": request_id, "person": person, "chosen": chosen}

        def work(connection: Connection) -> int | None:
            connection.execute(self._insert, values)
            return connection.execute(_MINE, {"of": request_id, "whose": person}).scalar()

        kept = await unless_erased(self._database, {person}, work)
        return chosen if kept is None else kept

    async def counts(self, request_id: str) -> Mapping[int, int]:
        """Return how many people have chosen what."""
        rows = await self._database.rows(_COUNTS, {"of": request_id})
        return {row.chosen: row.people for row in rows}

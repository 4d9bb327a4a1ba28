"""Turns to identify a shard at Discord, among all processes."""

from __future__ import annotations

from sqlalchemy import Double, Integer, Text, bindparam, or_, select

from bot.storage.clock import DatabaseNow
from bot.storage.database import Database
from bot.storage.tables import IDENTIFICATIONS
from bot.storage.upserts import insert_into

LONGEST_SECONDS = 60.0
"""No turn ends later than so. One that does is from before the database's clock was set back."""

_BUCKET = IDENTIFICATIONS.c.bucket == bindparam("bucket")
_LEFT = select(IDENTIFICATIONS.c.free - DatabaseNow()).where(_BUCKET)


class Identifications:
    """The turns, one a bucket at a time: rows that say when the next one begins.

    No lock that ends with its process: Discord counts the seconds since a process has identified, whether it lives
    or not.
    """

    def __init__(self, database: Database, process: str) -> None:
        self._database = database
        self._process = process
        free = DatabaseNow() + bindparam("seconds", type_=Double)
        values = {"free": free, "process": bindparam("holder", type_=Text)}
        begin = insert_into(IDENTIFICATIONS, database.dialect).values(
            bucket=bindparam("bucket", type_=Integer), **values
        )
        is_free = or_(
            IDENTIFICATIONS.c.free <= DatabaseNow(),
            IDENTIFICATIONS.c.free > DatabaseNow() + LONGEST_SECONDS,
            IDENTIFICATIONS.c.process == process,
        )
        self._begin = begin.on_conflict_do_update(index_elements=["bucket"], set_=values, where=is_free)

    async def reserve(self, bucket: int, seconds: float) -> float:
        """Reserve a turn for a shard that connects; return 0, or the seconds until it is worth asking again.

        Args:
            seconds: how long others wait for the shard to identify.

        Raises:
            FAILURES: the database can't be used.
        """
        return await self._turn(bucket, seconds, self._process)

    async def take(self, bucket: int, seconds: float) -> float:
        """Take a turn, the reserved one or a new one; return 0, or the seconds until it is worth asking again.

        Args:
            seconds: until the next turn.

        Raises:
            FAILURES: the database can't be used.
        """
        return await self._turn(bucket, seconds, None)

    async def _turn(self, bucket: int, seconds: float, holder: str | None) -> float:
        values = {"bucket": bucket, "seconds": seconds, "holder": holder}
        if await self._database.run(self._begin, values):
            return 0.0
        left = await self._database.rows(_LEFT, {"bucket": bucket})
        return max(0.05, *(float(row[0]) for row in left)) if left else 0.05

"""The shards of all processes, for an operator to see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Double, Integer, Text, bindparam, select
from sqlalchemy.types import Boolean

from bot.storage.clock import DatabaseNow
from bot.storage.database import Database
from bot.storage.tables import SHARD_STATES
from bot.storage.upserts import insert_into


@dataclass(frozen=True)
class ShardState:
    """One connection to Discord's gateway.

    Attributes:
        process: where it runs, as its process calls itself.
        latency: seconds from a heartbeat to its receipt; None before the first.
        age: seconds since its process said so.
    """

    shard: int
    process: str
    connected: bool
    latency: float | None
    age: float = 0.0


class ShardStates:
    """What processes say of their shards. All methods raise `FAILURES`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        of = SHARD_STATES.c
        self._all = select(of.shard, of.process, of.connected, of.latency, (DatabaseNow() - of.seen).label("age"))
        values = {
            "process": bindparam("process", type_=Text),
            "connected": bindparam("connected", type_=Boolean),
            "latency": bindparam("latency", type_=Double),
            "seen": DatabaseNow(),
        }
        say = insert_into(SHARD_STATES, database.dialect).values(shard=bindparam("number", type_=Integer), **values)
        self._say = say.on_conflict_do_update(index_elements=["shard"], set_=values)

    async def say(self, states: Sequence[ShardState]) -> None:
        """Replace what is known of some shards."""

        def work(connection: Connection) -> None:
            # In order, so that two processes that both claim a shard never wait for each other.
            for one in sorted(states, key=lambda state: state.shard):
                values = {"number": one.shard, "process": one.process}
                connection.execute(self._say, {**values, "connected": one.connected, "latency": one.latency})

        await self._database.transaction(work)

    async def all(self) -> list[ShardState]:
        """Return what is known of every shard, by number."""
        rows = await self._database.rows(self._all.order_by(SHARD_STATES.c.shard))
        return [ShardState(row.shard, row.process, row.connected, row.latency, max(0.0, row.age)) for row in rows]

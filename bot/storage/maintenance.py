"""Whether the bot is under maintenance, in all processes."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Double, Text, bindparam, delete, select

from bot.storage.database import Database
from bot.storage.tables import MAINTENANCE
from bot.storage.upserts import insert_into

_FIND = select(MAINTENANCE.c.reason, MAINTENANCE.c.ends)


@dataclass(frozen=True)
class Notice:
    """What the operator has said about a maintenance.

    Attributes:
        reason: in the operator's words; empty if none was given.
        ends: when it should be over, in seconds since 1970; None if that is open.
    """

    reason: str = ""
    ends: float | None = None


class MaintenanceTable:
    """The maintenance mode, which outlives restarts. All methods raise `FAILURES`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.patience = database.patience
        values = {"reason": bindparam("reason", type_=Text), "ends": bindparam("ends", type_=Double)}
        begin = insert_into(MAINTENANCE, database.dialect).values(only=1, **values)
        self._begin = begin.on_conflict_do_update(index_elements=["only"], set_=values)

    async def find(self) -> Notice | None:
        """Return the notice; None if there is no maintenance."""
        found = await self._database.rows(_FIND)
        return Notice(found[0].reason, found[0].ends) if found else None

    async def begin(self, notice: Notice) -> None:
        """Begin a maintenance, or replace its notice."""
        await self._database.run(self._begin, {"reason": notice.reason, "ends": notice.ends})

    async def end(self) -> None:
        """End it, if there is one."""
        await self._database.run(delete(MAINTENANCE))

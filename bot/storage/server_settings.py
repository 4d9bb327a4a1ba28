"""What servers have set, as documents."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import BigInteger, Connection, Double, bindparam, delete, select, update

from bot.storage.database import Database
from bot.storage.tables import SERVER_SETTINGS
from bot.storage.upserts import insert_into

AFTER_LEAVING_SECONDS = 30 * 24 * 3600.0
"""How long the settings of a server are kept that the bot has left."""

_OF_SERVER = SERVER_SETTINGS.c.guild_id == bindparam("guild", type_=BigInteger)
_FIND = select(SERVER_SETTINGS.c.content, SERVER_SETTINGS.c.revision).where(_OF_SERVER)
_FOR_CHANGE = select(SERVER_SETTINGS.c.content, SERVER_SETTINGS.c.revision).where(_OF_SERVER).with_for_update()
_LEFT = update(SERVER_SETTINGS).where(_OF_SERVER).values(left_at=bindparam("when", type_=Double))
_DELETE = delete(SERVER_SETTINGS).where(_OF_SERVER)


class ServerSettingsTable:
    """The settings of servers, in JSON, each with a revision that grows with every change.

    All methods raise `FAILURES` if the database can't be used.
    """

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now
        content = bindparam("content", type_=SERVER_SETTINGS.c.content.type)
        insert = insert_into(SERVER_SETTINGS, database.dialect).values(
            guild_id=bindparam("guild", type_=BigInteger), content=content, revision=1, left_at=None
        )
        self._write = insert.on_conflict_do_update(
            index_elements=["guild_id"],
            set_={"content": content, "revision": SERVER_SETTINGS.c.revision + 1, "left_at": None},
        )

    async def find(self, guild_id: int) -> tuple[str, int] | None:
        """Return a server's document and its revision; None if it has set nothing."""
        found = await self._database.rows(_FIND, {"guild": guild_id})
        return (found[0].content, found[0].revision) if found else None

    async def change(self, guild_id: int, change: Callable[[str | None], str]) -> str:
        """Replace a server's document by what `change` makes of it, in one transaction, and return the new one."""

        def work(connection: Connection) -> str:
            found = connection.execute(_FOR_CHANGE, {"guild": guild_id}).first()
            content = change(None if found is None else found.content)
            connection.execute(self._write, {"guild": guild_id, "content": content})
            return content

        return await self._database.transaction(work)

    async def left(self, guild_id: int) -> None:
        """Note that the bot is not in a server any more: its document is deleted after `AFTER_LEAVING_SECONDS`."""
        await self._database.run(_LEFT, {"guild": guild_id, "when": self._now()})

    async def joined(self, guild_id: int) -> None:
        """Note that the bot is in a server (again)."""
        await self._database.run(_LEFT, {"guild": guild_id, "when": None})

    async def delete(self, guild_id: int) -> None:
        """Forget what a server has set."""
        await self._database.run(_DELETE, {"guild": guild_id})

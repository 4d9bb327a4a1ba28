"""What servers have set, as documents."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import BigInteger, Connection, Double, Integer, Text, bindparam, delete, select, update

from bot.storage.database import Database
from bot.storage.tables import SERVER_SETTINGS
from bot.storage.upserts import insert_into

NOTHING = "{}"
"""The document of a server that has set nothing."""

_GUILD = bindparam("guild", type_=BigInteger)
_OF_SERVER = SERVER_SETTINGS.c.guild_id == _GUILD
_FIND = select(SERVER_SETTINGS.c.content, SERVER_SETTINGS.c.revision).where(_OF_SERVER)
_FOR_CHANGE = select(SERVER_SETTINGS.c.content, SERVER_SETTINGS.c.revision).where(_OF_SERVER).with_for_update()
_ALL = (
    select(SERVER_SETTINGS.c.guild_id, SERVER_SETTINGS.c.content)
    .where(SERVER_SETTINGS.c.guild_id > bindparam("after", type_=BigInteger))
    .order_by(SERVER_SETTINGS.c.guild_id)
    .limit(bindparam("most", type_=Integer))
)
AT_ONCE = 1_000
"""Documents of one statement, so that nobody waits long for it."""
_LEFT = select(SERVER_SETTINGS.c.guild_id, SERVER_SETTINGS.c.left_at.is_not(None).label("is_left"))
_JOINED = update(SERVER_SETTINGS).where(_OF_SERVER).values(left_at=None)
_DELETE = delete(SERVER_SETTINGS).where(_OF_SERVER)


class ServerSettingsTable:
    """The settings of servers, in JSON, each with a revision that grows with every change.

    All methods raise `FAILURES` if the database can't be used.
    """

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now
        content, kept = bindparam("content", type_=Text), bindparam("kept", type_=Double)
        self._write = (
            insert_into(SERVER_SETTINGS, database.dialect)
            .values(guild_id=_GUILD, content=content, revision=1, left_at=None, kept_seconds=kept)
            .on_conflict_do_update(
                index_elements=["guild_id"],
                set_={
                    "content": content,
                    "revision": SERVER_SETTINGS.c.revision + 1,
                    "left_at": None,
                    "kept_seconds": kept,
                },
            )
        )
        # A row even for a server that has set nothing: other tables may have something of it.
        when = bindparam("when", type_=Double)
        self._left = (
            insert_into(SERVER_SETTINGS, database.dialect)
            .values(guild_id=_GUILD, content=NOTHING, revision=0, left_at=when, kept_seconds=None)
            .on_conflict_do_update(
                index_elements=["guild_id"], set_={"left_at": when}, where=SERVER_SETTINGS.c.left_at.is_(None)
            )
        )

    async def find(self, guild_id: int) -> tuple[str, int] | None:
        """Return a server's document and its revision; None if it has set nothing."""
        found = await self._database.rows(_FIND, {"guild": guild_id})
        return (found[0].content, found[0].revision) if found else None

    async def all(self, most: int) -> list[tuple[int, str]]:
        """Return the documents of all servers, or of `most` of them, with the servers' ids."""
        found: list[tuple[int, str]] = []
        while len(found) < most:
            after, limit = (found[-1][0] if found else 0), min(AT_ONCE, most - len(found))
            rows = await self._database.rows(_ALL, {"after": after, "most": limit})
            found += [(row.guild_id, row.content) for row in rows]
            if len(rows) < limit:
                break
        return found

    async def change(self, guild_id: int, change: Callable[[str | None], tuple[str, float | None]]) -> str:
        """Replace a server's document in one transaction, and return the new one.

        Args:
            change: makes the document of the one there is, and the seconds for which what is asked in the server is
                kept; None for as long as anything is. It must not block.
        """

        def work(connection: Connection) -> str:
            found = connection.execute(_FOR_CHANGE, {"guild": guild_id}).first()
            content, kept = change(None if found is None else found.content)
            connection.execute(self._write, {"guild": guild_id, "content": content, "kept": kept})
            return content

        return await self._database.transaction(work)

    async def left(self, guild_id: int) -> None:
        """Note that the bot is not in a server any more: everything of it is deleted later (see `Expiry`)."""
        await self._database.run(self._left, {"guild": guild_id, "when": self._now()})

    async def joined(self, guild_id: int) -> None:
        """Note that the bot is in a server (again)."""
        await self._database.run(_JOINED, {"guild": guild_id})

    async def whereabouts(self) -> dict[int, bool]:
        """Return whether the bot is noted to have left, by the ids of all servers that something is kept of."""
        return {row.guild_id: bool(row.is_left) for row in await self._database.rows(_LEFT)}

    async def delete(self, guild_id: int) -> None:
        """Forget what a server has set."""
        await self._database.run(_DELETE, {"guild": guild_id})

"""For how long what is asked is kept: the usual time, or the shorter one of the server that it was asked in."""

from __future__ import annotations

from sqlalchemy import BigInteger, ColumnElement, Connection, Delete, Double, Table, bindparam, delete, func, select

from bot.storage.tables import EXCHANGES, METADATA, REQUESTS, SERVER_SETTINGS

KEPT_SECONDS = 30 * 24 * 3600.0
"""How long requests, exchanges and deletions are kept; longer than any answer takes."""
AFTER_LEAVING_SECONDS = 30 * 24 * 3600.0
"""How long what a server has set is kept after the bot has left it, in case that it comes back."""

AT_ONCE = 1_000
"""The most rows of one statement, so that nobody waits long for it."""

_GUILD = bindparam("guild", type_=BigInteger)
_NOW = bindparam("now", type_=Double)
_OF_SERVERS = tuple(
    delete(table).where(table.c.guild_id == _GUILD)
    for table in METADATA.sorted_tables
    if "guild_id" in table.c and table is not SERVER_SETTINGS
)
_IS_LONG_GONE = SERVER_SETTINGS.c.left_at < bindparam("before", type_=Double)
LONG_GONE = select(SERVER_SETTINGS.c.guild_id).where(_IS_LONG_GONE)
"""The servers that the bot has left `before`."""
_LOCKED = (
    select(SERVER_SETTINGS.c.guild_id).where(SERVER_SETTINGS.c.guild_id == _GUILD, _IS_LONG_GONE).with_for_update()
)
_SETTINGS = delete(SERVER_SETTINGS).where(SERVER_SETTINGS.c.guild_id == _GUILD)


def is_kept(table: Table) -> ColumnElement[bool]:
    """Return the condition that a row is still kept at the time `now`."""
    kept = select(SERVER_SETTINGS.c.kept_seconds).where(SERVER_SETTINGS.c.guild_id == table.c.guild_id)
    return table.c.created >= _NOW - func.coalesce(kept.scalar_subquery(), KEPT_SECONDS)


def delete_expired(table: Table) -> Delete:
    """Return the statement that deletes up to `AT_ONCE` rows that a server wants to be kept no longer."""
    [key] = table.primary_key
    expired = (
        select(key)
        .join(SERVER_SETTINGS, SERVER_SETTINGS.c.guild_id == table.c.guild_id)
        .where(SERVER_SETTINGS.c.kept_seconds.is_not(None), table.c.created < _NOW - SERVER_SETTINGS.c.kept_seconds)
        .limit(AT_ONCE)
        .with_for_update(of=table, skip_locked=True)
    )
    return delete(table).where(key.in_(expired))


EXPIRED_IN_SERVERS = tuple(map(delete_expired, (REQUESTS, EXCHANGES)))


def forget_server(connection: Connection, guild_id: int, before: float) -> None:
    """Delete everything of a server in one transaction, unless the bot has come back meanwhile."""
    values = {"guild": guild_id, "before": before}
    if connection.execute(_LOCKED, values).first() is None:
        return
    for statement in (*_OF_SERVERS, _SETTINGS):
        connection.execute(statement, {"guild": guild_id})

"""Alembic, run by the program: a database gets the tables of this version when it is opened."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.locks import Lock, acquire

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

    from bot.storage.database import Database

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).with_name("migrations")


async def upgrade(database: Database) -> None:
    """Run the migrations that a database has not had. If one fails, the database is as it was before.

    Only one process does it at a time; others wait, and then find it done.
    """
    migrations = await asyncio.to_thread(read_migrations)

    async def work(connection: AsyncConnection) -> None:
        await acquire(connection, Lock.MIGRATIONS)
        await connection.run_sync(_upgrade, migrations)

    await database.transaction(work)


def read_migrations() -> ScriptDirectory:
    """Import the migrations. Afterwards no file is read."""
    from alembic.script import ScriptDirectory

    migrations = ScriptDirectory(MIGRATIONS, version_locations=[MIGRATIONS])
    migrations.get_heads()
    return migrations


def _upgrade(connection: Connection, migrations: ScriptDirectory) -> None:
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext

    context = MigrationContext.configure(
        connection, opts={"fn": lambda revision, _: migrations._upgrade_revs("head", revision)}
    )
    known = {script.revision for script in migrations.walk_revisions()}
    if not known.issuperset(context.get_current_heads()):
        log.warning("the database is of a newer version, and is used as it is")
        return
    # Alembic's own `op` is global: two databases that are opened at once would get each other's migrations.
    context.run_migrations(op=Operations(context))

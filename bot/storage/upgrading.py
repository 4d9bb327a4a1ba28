"""Alembic, run by the program: a database gets the tables of this version when it is opened."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).with_name("migrations")


def read_migrations() -> ScriptDirectory:
    """Import the migrations. Running them reads no more files."""
    from alembic.script import ScriptDirectory

    migrations = ScriptDirectory(MIGRATIONS, version_locations=[MIGRATIONS])
    migrations.get_heads()
    return migrations


def is_current(connection: Connection, migrations: ScriptDirectory) -> bool:
    """Return whether a database has the tables of this version. Reading that needs no lock."""
    from alembic.runtime.migration import MigrationContext

    return set(MigrationContext.configure(connection).get_current_heads()) == set(migrations.get_heads())


def upgrade(connection: Connection, migrations: ScriptDirectory) -> None:
    """Run the migrations that a database has not had, in the open transaction.

    The caller holds a lock, so that only one process does it at a time; the next one finds it done.
    """
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext

    context = MigrationContext.configure(
        connection, opts={"fn": lambda revision, _: migrations._upgrade_revs("head", revision)}
    )
    known = {migration.revision for migration in migrations.walk_revisions()}
    if not known.issuperset(context.get_current_heads()):
        log.warning("the database is of a newer version, and is used as it is")
        return
    # Alembic's own `op` is global: two databases that are opened at once would get each other's migrations.
    context.run_migrations(op=Operations(context))

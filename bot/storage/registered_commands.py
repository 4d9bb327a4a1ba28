"""What Discord was told about the commands, by any process."""

from __future__ import annotations

from sqlalchemy import BigInteger, Text, bindparam, select

from bot.storage.database import Database
from bot.storage.tables import REGISTERED_COMMANDS
from bot.storage.upserts import insert_into

_DIGEST = select(REGISTERED_COMMANDS.c.digest).where(REGISTERED_COMMANDS.c.application_id == bindparam("application"))


class RegisteredCommands:
    """A digest of the commands that were registered last, by application. Methods raise `FAILURES`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        digest = bindparam("digest", type_=Text)
        keep = insert_into(REGISTERED_COMMANDS, database.dialect).values(
            application_id=bindparam("application", type_=BigInteger), digest=digest
        )
        self._keep = keep.on_conflict_do_update(index_elements=["application_id"], set_={"digest": digest})

    async def digest(self, application_id: int) -> str | None:
        """Return the digest; None if none is known."""
        found = await self._database.rows(_DIGEST, {"application": application_id})
        return found[0].digest if found else None

    async def keep(self, application_id: int, digest: str) -> None:
        """Keep the digest of what Discord has accepted."""
        await self._database.run(self._keep, {"application": application_id, "digest": digest})

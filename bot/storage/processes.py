"""This bot process among all that share its database."""

from __future__ import annotations

from sqlalchemy import delete

from bot.storage.clock import DatabaseNow
from bot.storage.database import Database
from bot.storage.heartbeat import Heartbeat, is_alive
from bot.storage.identifications import Identifications
from bot.storage.leases import Leases
from bot.storage.registered_commands import RegisteredCommands
from bot.storage.shard_states import ShardStates
from bot.storage.tables import LEASES, PROCESSES, WRITING
from bot.storage.unanswered import UnansweredInteractions
from bot.storage.writing import Writing

REMEMBERED_SECONDS = 3600.0
"""How long a dead process is remembered."""

_SWEEP = (
    delete(WRITING).where(~is_alive(WRITING.c.process)),
    delete(LEASES).where(~is_alive(LEASES.c.process)),
    delete(PROCESSES).where(PROCESSES.c.seen < DatabaseNow() - REMEMBERED_SECONDS),
)


class Processes:
    """What this process tells the others, and hears from them.

    Attributes:
        leases: what one process has alone.
        identifications: turns to identify a shard.
        commands: what Discord was told about them.
        writing: texts that are being written.
        unanswered: interactions that are acknowledged and not yet answered.
        shards: the connections of all processes to Discord.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._heartbeat = Heartbeat(database)
        self.leases = Leases(database, self._heartbeat)
        self.identifications = Identifications(database, self._heartbeat.process)
        self.commands = RegisteredCommands(database)
        self.writing = Writing(database, self._heartbeat)
        self.unanswered = UnansweredInteractions(database, self._heartbeat)
        self.shards = ShardStates(database)

    async def sweep(self) -> None:
        """Forget what dead processes have left behind, but for their unanswered interactions; raise `FAILURES`."""
        for statement in _SWEEP:
            await self._database.run(statement)

    async def close(self) -> None:
        """Say that this process ends, as far as the database lets it in a moment."""
        await self.writing.close()
        await self.leases.close()
        await self.unanswered.close()
        await self._heartbeat.close()

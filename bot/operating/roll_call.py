"""What the processes tell an operator about their shards."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Iterable, Sequence

from bot.errors import describe
from bot.operating.gateway import Gateway, Sharded
from bot.storage.database import FAILURES
from bot.storage.shard_states import ShardState, ShardStates

log = logging.getLogger(__name__)

EVERY_SECONDS = 60.0


class RollCall:
    """Says once a minute how this process's shards are, if there are others; reads what all have said.

    Args:
        process: what this process calls itself.
        gateway: knows which of this process's shards are ready; without it, those that have a connection are.
    """

    def __init__(self, states: ShardStates, client: Sharded, process: str, gateway: Gateway | None = None) -> None:
        self.process = process
        self._states = states
        self._client = client
        self._gateway = gateway

    async def run(self) -> None:
        """Say so until this is cancelled. A process with all shards writes nothing."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            if (own := self.own()) and len(own) < (self._client.shard_count or 0):
                try:
                    await self._states.say(own)
                except FAILURES as error:
                    log.warning("the other processes cannot be told of these shards: %s", describe(error))

    def own(self) -> list[ShardState]:
        """Return this process's shards."""
        client = self._client
        if client.shard_count is None:
            return []
        latencies = dict(client.latencies)
        missing = None if self._gateway is None else self._gateway.missing
        return [
            ShardState(shard, self.process, _is_connected(shard, latencies, missing), _finite(latencies.get(shard)))
            for shard in self._ids(client.shard_count)
        ]

    async def all(self) -> list[ShardState]:
        """Return the shards of all processes by number, this one's as they are now. What others say may be missing."""
        known: dict[int, ShardState] = {}
        try:
            known = {one.shard: one for one in await self._states.all() if one.shard < (self._client.shard_count or 0)}
        except FAILURES as error:
            log.warning("the shards of other processes are unknown: %s", describe(error))
        known |= {one.shard: one for one in self.own()}
        return [known[shard] for shard in sorted(known)]

    def _ids(self, count: int) -> Iterable[int]:
        return range(count) if self._client.shard_ids is None else self._client.shard_ids


def _is_connected(shard: int, latencies: dict[int, float], missing: Sequence[int] | None) -> bool:
    return shard in latencies if missing is None else shard not in missing


def _finite(seconds: float | None) -> float | None:
    return seconds if seconds is not None and math.isfinite(seconds) else None

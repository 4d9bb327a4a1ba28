"""The status of the servers, asked for in the background."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Mapping

from bot.errors import GlassboxError
from bot.inference.languages.pairs import LanguagePairs
from bot.inference.remote.endpoint import Endpoint
from bot.inference.remote.failures import AttemptFailed
from bot.inference.remote.http import HttpClient
from bot.inference.remote.limits import RemoteLimits
from bot.inference.status import WorkerStatus
from bot.inference.wire.codec import Codec


class Watch:
    """Asks servers for what a backend tells without waiting: their status, and the languages of their checkpoints.

    It is also what finds out that a server is back: while a circuit breaker is open, only the watch asks.
    """

    def __init__(self, client: HttpClient, codec: Codec, limits: RemoteLimits) -> None:
        self._client = client
        self._codec = codec
        self._limits = limits
        self._phases: dict[Endpoint, object] = {}

    async def look(self, endpoint: Endpoint) -> None:
        """Ask one server. A failure is noted at the endpoint."""
        with contextlib.suppress(AttemptFailed, GlassboxError):
            await self._look(endpoint)

    async def _look(self, endpoint: Endpoint) -> None:
        seconds = self._limits.connect_seconds + self._limits.poll_seconds
        with endpoint.noted():
            status = await self._client.get(endpoint, "status", seconds=seconds, decode=self._codec.status.decode)
        endpoint.status, endpoint.is_draining = status, not status.accepting
        # A checkpoint may declare its languages only when its files are here.
        phases = tuple((one.name, one.phase, one.offered) for one in status.checkpoints)
        if self._phases.get(endpoint) != phases:
            endpoint.languages = await self._languages(endpoint, status)
            self._phases[endpoint] = phases

    async def go_on(self, endpoint: Endpoint) -> None:
        """Ask one server now and then, for ever."""
        while True:
            # Many bots that were started together do not ask together.
            await asyncio.sleep(self._limits.poll_seconds * random.uniform(0.8, 1.2))
            await self.look(endpoint)

    async def _languages(self, endpoint: Endpoint, status: WorkerStatus) -> Mapping[str, LanguagePairs | None]:
        seconds = self._limits.connect_seconds + self._limits.poll_seconds
        decode = self._codec.languages.decode
        known: dict[str, LanguagePairs | None] = {}
        for one in status.checkpoints:
            if not one.tasks and "translate" not in one.offered:
                continue
            name = one.tasks[0] if one.tasks else one.name
            pairs = await self._client.get(endpoint, "languages", name, seconds=seconds, decode=decode)
            known |= dict.fromkeys((*one.tasks, one.name), pairs)
        return known

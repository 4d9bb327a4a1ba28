"""The quotas of a cluster: actors that all processes share, each for a part of the people."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import ray
from ray.exceptions import RayError

from bot import __version__
from bot.errors import TooManyRequests, describe
from bot.inference.serving.quotas import OWNER_SECONDS, Quotas

log = logging.getLogger(__name__)

NAMESPACE = "glassbox"
RENEW_SECONDS = OWNER_SECONDS / 4
IDLE_SECONDS = 6 * OWNER_SECONDS
"""An actor that nobody has used for so long ends. The next owner starts another."""
ANSWER_SECONDS = 2.0
"""How long an owner waits for an actor, before it counts on its own."""


class QuotaShard:
    """Counts the requests of a part of the people, in an actor.

    Its methods only count, so one thread takes them in turn. It outlives the process that started it.
    """

    def __init__(self) -> None:
        self._quotas = Quotas()
        threading.Thread(target=self._end_when_idle, daemon=True).start()

    def admit(self, owner: str, request: str, person: int, limit: int) -> bool:
        """See `Quotas.admit`."""
        return self._quotas.admit(owner, request, person, limit)

    def release(self, owner: str, request: str) -> None:
        """See `Quotas.release`."""
        self._quotas.release(owner, request)

    def renew(self, owner: str, requests: Mapping[str, int]) -> None:
        """See `Quotas.renew`."""
        self._quotas.renew(owner, requests)

    def _end_when_idle(self) -> None:
        while time.monotonic() - self._quotas.last_heard < IDLE_SECONDS:
            time.sleep(OWNER_SECONDS)
        ray.kill(ray.get_runtime_context().current_actor)


class ClusterQuotas:
    """Counts people's requests together with all other processes of the cluster. An async context manager.

    If the actors do not answer, this process counts its own requests only: a quota is no reason to refuse everybody.

    Args:
        limit: the most requests of one person.
        shards: how many actors share the people among them. All processes must name the same number.
    """

    def __init__(self, limit: int, shards: int = 1) -> None:
        self.limit = limit
        self._owner = uuid.uuid4().hex
        self._shards: list[Any] = [None] * shards
        self._mine: list[dict[str, int]] = [{} for _ in range(shards)]
        self._counts: Counter[int] = Counter()
        self._renewing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> ClusterQuotas:
        self._renewing = asyncio.create_task(self._renew())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)

    async def admit(self, request: str, person: int) -> None:
        """Count a request.

        Raises:
            TooManyRequests: the person has as many requests waiting as the limit allows.
        """
        index = person % len(self._shards)
        mine = self._mine[index]
        # Before the actor is asked: requests that arrive together must not all pass if it does not answer.
        if self._counts[person] >= self.limit:
            raise TooManyRequests(self.limit)
        mine[request] = person
        self._counts[person] += 1
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                shard = await self._shard(index)
                admitted = await shard.admit.remote(self._owner, request, person, self.limit)
        except (RayError, ValueError, TimeoutError) as error:
            log.warning("a quota cannot be asked for: %s", describe(error))
            self._shards[index] = None
            return
        except asyncio.CancelledError:
            self.release(request, person)
            raise
        if not admitted:
            self._forget(request, person)
            raise TooManyRequests(self.limit)

    def release(self, request: str, person: int) -> None:
        """Forget a request."""
        self._forget(request, person)
        if (shard := self._shards[person % len(self._shards)]) is not None:
            shard.release.remote(self._owner, request)

    def _forget(self, request: str, person: int) -> None:
        if self._mine[person % len(self._shards)].pop(request, None) is not None:
            self._counts[person] -= 1
            if not self._counts[person]:
                del self._counts[person]

    async def _shard(self, index: int) -> Any:
        if self._shards[index] is None:
            self._shards[index] = await asyncio.to_thread(_start, index, len(self._shards))
        return self._shards[index]

    async def _renew(self) -> None:
        """Tell the actors again and again what this process asks for."""
        while True:
            for index, mine in enumerate(self._mine):
                try:
                    async with asyncio.timeout(ANSWER_SECONDS):
                        shard = await self._shard(index)
                        await shard.renew.remote(self._owner, dict(mine))
                except (RayError, ValueError, TimeoutError) as error:
                    log.warning("the quotas cannot be renewed: %s", describe(error))
                    self._shards[index] = None
            await asyncio.sleep(RENEW_SECONDS)


def _start(index: int, shards: int) -> Any:
    """Return a shard's actor, started if necessary."""
    options: dict[str, Any] = {
        # Another version may count in another way.
        "name": f"quotas-{__version__}-{index}-of-{shards}",
        "namespace": NAMESPACE,
        "lifetime": "detached",
        "get_if_exists": True,
        "num_cpus": 0,
    }
    return ray.remote(QuotaShard).options(**options).remote()

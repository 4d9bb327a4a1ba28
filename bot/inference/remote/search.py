"""The search for an address that takes a call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import tenacity

from bot.errors import ModelsUnreachable, QueueFull, Refused, ShuttingDown
from bot.inference.remote.endpoint import Endpoint, Endpoints
from bot.inference.remote.failures import AttemptFailed

T = TypeVar("T")

_PAUSE = tenacity.wait_exponential_jitter(multiplier=0.1, max=2.0, jitter=0.2)
_ELSEWHERE = (AttemptFailed, QueueFull, ShuttingDown)
"""What another address may do better."""


@dataclass(eq=False)
class Search:
    """Makes a call that is safe to repeat, at one address after the other, until one takes it.

    Others are asked at once, the same ones again after a pause that grows.

    Attributes:
        seconds: after which the search ends.
        waits: whether it goes on while no address works, because one may come back.
        tried: those that were asked.
        excluded: those that it is no use to ask again.
        refusals: what servers have said when they did not take the call.
    """

    endpoints: Endpoints
    seconds: float
    waits: bool = False
    tried: set[Endpoint] = field(default_factory=set, init=False)
    excluded: set[Endpoint] = field(default_factory=set, init=False)
    refusals: list[Refused] = field(default_factory=list, init=False)

    async def run(self, call: Callable[[Endpoint], Awaitable[T]]) -> T:
        """Return the outcome of the first call that an address takes.

        Raises:
            Refused: none takes it.
            GlassboxError: an address has said what is wrong, and another one would say the same.
        """
        retrying = tenacity.AsyncRetrying(
            sleep=asyncio.sleep,
            retry=tenacity.retry_if_exception_type(_ELSEWHERE),
            stop=self._is_over,
            wait=self._pause,
            reraise=True,
        )
        try:
            return await retrying(self._try_next, call)
        except _ELSEWHERE:
            raise self._refusal() from None

    async def _try_next(self, call: Callable[[Endpoint], Awaitable[T]]) -> T:
        endpoint = self.endpoints.choose(self.tried, self.excluded)
        if endpoint is None:
            raise AttemptFailed("no address works")
        self.tried.add(endpoint)
        try:
            with endpoint.noted():
                return await call(endpoint)
        except AttemptFailed as failure:
            if failure.lasting:
                self.excluded.add(endpoint)
            raise
        except (QueueFull, ShuttingDown) as refusal:
            self.refusals.append(refusal)
            if isinstance(refusal, QueueFull):
                self.excluded.add(endpoint)
            raise

    def _is_over(self, state: tenacity.RetryCallState) -> bool:
        if tenacity.stop_before_delay(self.seconds)(state) or len(self.excluded) == len(self.endpoints):
            return True
        return not self.waits and not self.endpoints.working(self.excluded)

    def _pause(self, state: tenacity.RetryCallState) -> float:
        return 0.0 if set(self.endpoints.working(self.excluded)) - self.tried else _PAUSE(state)

    def _refusal(self) -> Refused:
        """Return what the person is told."""
        full = [one for one in self.refusals if isinstance(one, QueueFull)]
        if full:
            return min(full, key=lambda one: one.wait)
        return self.refusals[-1] if self.refusals else ModelsUnreachable()

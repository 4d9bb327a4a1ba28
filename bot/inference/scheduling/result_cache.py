"""Equal requests are computed once: they share a computation that is in flight, and later its cached result."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from cachetools import LRUCache

T = TypeVar("T")


@dataclass(eq=False)
class _InFlight:
    computing: asyncio.Task[Any]
    callers: int = 0


@dataclass(frozen=True)
class _Cached:
    result: object
    weight: int


class ResultCache:
    """Results by request.

    Args:
        size: the most results, each counted by its weight; with 0, computations in flight are still shared.
    """

    def __init__(self, size: int) -> None:
        self._cached: LRUCache[Hashable, _Cached] | None = LRUCache(size, _weight) if size else None
        self._in_flight: dict[Hashable, _InFlight] = {}
        self._computing: set[asyncio.Task[object]] = set()

    def __len__(self) -> int:
        return len(self._cached or ())

    def find(self, request: Hashable) -> Any | None:
        """Return the cached result of an equal request, or None."""
        found = None if self._cached is None else self._cached.get(request)
        return None if found is None else found.result

    async def get(self, request: Hashable, compute: Callable[[], Coroutine[Any, Any, T]], weight: int = 1) -> T:
        """Return a request's result; compute it unless an equal request has been, or is being, computed.

        The computation is cancelled when its last caller is. Every caller gets its error, which is not cached.

        Args:
            weight: how many ordinary results this one counts for; one above the size is not cached.
        """
        cached: T | None = self.find(request)
        if cached is not None:
            return cached
        shared = self._in_flight.get(request)
        if shared is None:
            shared = self._in_flight[request] = _InFlight(asyncio.create_task(compute()))
            shared.computing.add_done_callback(partial(self._end, request, weight))
            self._computing.add(shared.computing)
        shared.callers += 1
        try:
            result: T = await asyncio.shield(shared.computing)
            return result
        finally:
            shared.callers -= 1
            if not shared.callers and not shared.computing.done():
                del self._in_flight[request]  # a new caller must not join a cancelled computation
                shared.computing.cancel()
            del shared  # its error refers to this frame: such a circle would keep a checkpoint in memory

    async def aclose(self) -> None:
        """Wait until nothing is in flight."""
        await asyncio.gather(*self._computing, return_exceptions=True)

    def _end(self, request: Hashable, weight: int, computing: asyncio.Task[object]) -> None:
        self._computing.discard(computing)
        shared = self._in_flight.get(request)
        if shared is not None and shared.computing is computing:
            del self._in_flight[request]
        if self._cached is None or weight > self._cached.maxsize:
            return
        if not computing.cancelled() and computing.exception() is None:
            self._cached[request] = _Cached(computing.result(), weight)


def _weight(cached: _Cached) -> int:
    return cached.weight

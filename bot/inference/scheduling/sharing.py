"""Equal requests are computed once: joined while they are under way, and remembered for a while afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from cachetools import LRUCache

T = TypeVar("T")


@dataclass(eq=False)
class _UnderWay:
    computing: asyncio.Task[Any]
    waiting: int = 0


@dataclass(frozen=True)
class _Remembered:
    result: Any
    weight: int


class SharedResults:
    """Results by request.

    Args:
        size: how many results are remembered, each counted by its weight; 0 remembers none, and still joins what is
            under way.
    """

    def __init__(self, size: int) -> None:
        self._remembered: LRUCache[Hashable, _Remembered] | None = LRUCache(size, _weight) if size else None
        self._under_way: dict[Hashable, _UnderWay] = {}
        self._computing: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._remembered or ())

    def find(self, request: Hashable) -> Any | None:
        """The remembered result of an equal request; None where there is none."""
        found = None if self._remembered is None else self._remembered.get(request)
        return None if found is None else found.result

    async def get(self, request: Hashable, compute: Callable[[], Coroutine[Any, Any, T]], weight: int = 1) -> T:
        """A request's result, computed only where no equal one has been or is being computed.

        Giving up ends the computation only where nobody else waits for it. A failure is told to all who wait, and not
        remembered.

        Args:
            weight: how many ordinary results this one counts for; one above the size is not remembered.
        """
        remembered: T | None = self.find(request)
        if remembered is not None:
            return remembered
        shared = self._under_way.get(request)
        if shared is None:
            shared = self._under_way[request] = _UnderWay(asyncio.create_task(compute()))
            shared.computing.add_done_callback(partial(self._end, request, weight))
            self._computing.add(shared.computing)
        shared.waiting += 1
        try:
            result: T = await asyncio.shield(shared.computing)
            return result
        finally:
            shared.waiting -= 1
            if not shared.waiting and not shared.computing.done():
                # Whoever asks from now on must not join a computation that was given up.
                del self._under_way[request]
                shared.computing.cancel()

    async def aclose(self) -> None:
        """Wait until nothing is under way."""
        await asyncio.gather(*self._computing, return_exceptions=True)

    def _end(self, request: Hashable, weight: int, computing: asyncio.Task[Any]) -> None:
        self._computing.discard(computing)
        shared = self._under_way.get(request)
        if shared is not None and shared.computing is computing:
            del self._under_way[request]
        if self._remembered is None or weight > self._remembered.maxsize:
            return
        if not computing.cancelled() and computing.exception() is None:
            self._remembered[request] = _Remembered(computing.result(), weight)


def _weight(remembered: _Remembered) -> int:
    return remembered.weight

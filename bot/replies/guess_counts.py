"""How many have guessed, under the questions of `/guess`: the last number that is shown is the right one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from cachetools import LRUCache

Counts = Mapping[int, int]
"""How many people have chosen what."""
MOST_QUESTIONS = 1_000
"""That are remembered. A question that was forgotten is edited once more than it need be."""


@dataclass
class _Shown:
    counts: Counts | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class GuessCounts:
    """The counts that questions show. People may guess at the same moment, and Discord may take any edit first."""

    def __init__(self) -> None:
        self._shown: LRUCache[str, _Shown] = LRUCache(MOST_QUESTIONS)

    async def show(
        self, request_id: str, count: Callable[[], Awaitable[Counts]], edit: Callable[[Counts], Awaitable[object]]
    ) -> None:
        """Show how many have guessed: one edit after the other, each with what is counted just before it.

        Args:
            request_id: of the request behind the question.
            count: counts the guesses that are kept.
            edit: changes the question. It is not called if an edit for somebody else has shown the same.

        Raises:
            Exception: whatever they raise.
        """
        if (shown := self._shown.get(request_id)) is None:
            shown = self._shown[request_id] = _Shown()
        async with shown.lock:
            if (counts := await count()) != shown.counts:
                await edit(counts)
                shown.counts = counts

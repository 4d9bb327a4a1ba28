"""The limit of one person's requests, for all processes together."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator

from bot.errors import TooManyRequests
from bot.storage.leases import Leases


class SharedQuota:
    """As many leases a person as they may have requests.

    For processes that each have a worker, whose own limit counts only what it was given. If the database fails, the
    worker's limit is left.

    Args:
        limit: the most requests of one person.
    """

    def __init__(self, leases: Leases, limit: int) -> None:
        self._leases = leases
        self._limit = limit
        self._taken: defaultdict[int, set[int]] = defaultdict(set)

    @contextlib.asynccontextmanager
    async def request_of(self, person: int) -> AsyncIterator[None]:
        """Count a request until the end of the body.

        Raises:
            TooManyRequests: the person has as many as they may have.
        """
        slot, is_mine = await self._free_slot(person)
        try:
            yield
        finally:
            if is_mine:
                await self._leases.give_back(_name(person, slot))
            self._leave(person, slot)

    async def _free_slot(self, person: int) -> tuple[int, bool]:
        """Return a slot that this process may use, and whether it is leased, which it is unless the database fails."""
        for slot in range(self._limit):
            if slot in self._taken[person]:
                continue
            self._taken[person].add(slot)
            try:
                is_mine = await self._leases.take_quickly(_name(person, slot))
            except BaseException:
                self._leave(person, slot)
                raise
            if is_mine is not False:
                return slot, bool(is_mine)
            self._leave(person, slot)
        if not self._taken[person]:
            del self._taken[person]
        raise TooManyRequests(self._limit)

    def _leave(self, person: int, slot: int) -> None:
        self._taken[person].discard(slot)
        if not self._taken[person]:
            del self._taken[person]


def _name(person: int, slot: int) -> str:
    return f"person {person} {slot}"

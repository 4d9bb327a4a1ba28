"""How many requests each person has waiting, counted across processes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping

OWNER_SECONDS = 10.0
"""An owner that has not been heard of for so long has gone, and its requests with it."""


class Quotas:
    """The requests of people, by the process that asks for them (the owner).

    What is known of an owner that has gone expires, and each owner tells again and again what it has: so nothing is
    lost if this starts anew.

    Args:
        clock: in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._heard: dict[str, float] = {}
        self._people: dict[str, dict[str, int]] = {}
        self._counts: Counter[int] = Counter()
        self.last_heard = clock()

    def admit(self, owner: str, request: str, person: int, limit: int) -> bool:
        """Count a request of a person; return False if that would be more than the limit."""
        self._hear(owner)
        if request in self._people[owner]:  # its owner has just renewed it
            return True
        if self._counts[person] >= limit:
            return False
        self._people[owner][request] = person
        self._counts[person] += 1
        return True

    def release(self, owner: str, request: str) -> None:
        """Forget a request. A second call does nothing."""
        person = self._people.get(owner, {}).pop(request, None)
        if person is not None:
            self._discount(person)

    def renew(self, owner: str, requests: Mapping[str, int]) -> None:
        """Replace what is known of an owner by its people, by request; forget the owners that have gone."""
        self._forget(owner)
        self._hear(owner)
        self._people[owner] = dict(requests)
        self._counts.update(requests.values())
        now = self._clock()
        for other, heard in list(self._heard.items()):
            if now - heard > OWNER_SECONDS:
                self._forget(other)
                del self._heard[other]

    def count(self, person: int) -> int:
        """Return how many requests of a person are waiting."""
        return self._counts[person]

    def _hear(self, owner: str) -> None:
        self._heard[owner] = self.last_heard = self._clock()
        self._people.setdefault(owner, {})

    def _forget(self, owner: str) -> None:
        for person in self._people.pop(owner, {}).values():
            self._discount(person)

    def _discount(self, person: int) -> None:
        self._counts[person] -= 1
        if not self._counts[person]:
            del self._counts[person]

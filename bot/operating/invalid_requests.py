"""A breaker in front of Discord: it stops well before the number of invalid requests that has an address shut out.

Discord shuts an address out for an hour after 10,000 responses with 401, 403 or 429 in ten minutes.
Source: https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from cachetools import TTLCache

from bot.errors import DiscordAvoided
from bot.locales.message import later
from bot.locales.values import later_seconds
from bot.operating.rest import route_class

WINDOW_SECONDS = 600.0
"""For so long Discord counts an invalid request."""
MOST = 2_500
"""Invalid requests in this time, after which nothing is asked of Discord but what answers interactions. A quarter of
what Discord allows, because several processes may share an address."""
MOST_ANSWERING = 5_000
"""After which nothing at all is."""
MOST_OF_A_PLACE = 10
"""Refusals (401, 403) of the same call in the same channel or server in this time; then this call is not made there."""
MOST_PLACES = 10_000

INVALID = frozenset((401, 403, 429))
TOO_MANY_REQUESTS = 429
SHARED = "shared"
"""The scope of a rate limit that somebody else has used up. It does not count."""

_API = re.compile(r"/api(?:/v\d+)?(?P<path>/.*)")
_OF_PLACE = re.compile(r"/(?P<place>(?:channels|guilds)/\d+)(?P<rest>/.*)?")
_ANSWERING = re.compile(r"/(?:interactions|webhooks|gateway)(?:/.*)?")
"""Calls that answer interactions, for which Discord is asked as long as possible, and those that connect."""

Window: TypeAlias = "TTLCache[int, float]"
"""When the newest invalid requests were, in order, by their number. Each is forgotten when Discord forgets it."""


@dataclass(frozen=True)
class Refusals:
    """What a breaker has seen.

    Attributes:
        invalid: requests within the last ten minutes.
        places: how many calls are not made in some channel or server.
        seconds: until Discord is asked for everything again; 0 if it is now.
    """

    invalid: int = 0
    places: int = 0
    seconds: float = 0.0


class InvalidRequests:
    """Counts the invalid requests of this process, and says which calls are not to be made.

    A circuit breaker of the usual kind counts failures in a row. Discord counts them within ten minutes, however many
    calls succeed in between; so do these.

    Args:
        clock: returns seconds, on a clock that nobody sets.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._all = self._window(MOST_ANSWERING)
        self._places: TTLCache[str, Window] = TTLCache(MOST_PLACES, WINDOW_SECONDS, clock)
        self._numbers = itertools.count()

    def check(self, method: str, path: str) -> None:
        """Raise `DiscordAvoided` if a call is not to be made.

        Args:
            path: of its URL.
        """
        if (call := _call_of(path)) is None:
            return
        most = MOST_ANSWERING if _ANSWERING.fullmatch(call) else MOST
        if (seconds := self._seconds_until_fewer_than(most)) > 0:
            raise DiscordAvoided(
                # Translators: {time} is such as "2 minutes".
                later(
                    "Discord has refused so much of what I asked it lately that I ask for less, or it would shut me "
                    "out. Please try again in {time}.",
                    time=later_seconds(seconds),
                )
            )
        place = _place_of(method, call)
        if place is not None and len(self._places.get(place, ())) >= MOST_OF_A_PLACE:
            raise DiscordAvoided(
                later(
                    "Discord has refused this here {number} times within ten minutes, so I leave it alone for now. "
                    "Somebody who manages this server can look at what I may do here.",
                    number=MOST_OF_A_PLACE,
                )
            )

    def note(self, method: str, path: str, status: int, scope: str | None = None) -> None:
        """Hear of a response.

        Args:
            path: of the call's URL.
            scope: of the rate limit that has been hit, as Discord calls it.
        """
        call = _call_of(path)
        if call is None or status not in INVALID or (status == TOO_MANY_REQUESTS and scope == SHARED):
            return
        number = next(self._numbers)
        self._all[number] = self._clock()
        place = _place_of(method, call)
        if place is not None and status != TOO_MANY_REQUESTS:  # discord.py waits by itself after a rate limit
            window = self._places.pop(place, None) or self._window(MOST_OF_A_PLACE)
            window[number] = self._clock()
            self._places[place] = window  # anew, so that it is kept for as long as its newest entry

    def refusals(self) -> Refusals:
        """Return what has been seen within the last ten minutes."""
        avoided = sum(len(window) >= MOST_OF_A_PLACE for window in self._places.values())
        return Refusals(len(self._all), avoided, self._seconds_until_fewer_than(MOST))

    def _window(self, most: int) -> Window:
        return TTLCache(most, WINDOW_SECONDS, self._clock)

    def _seconds_until_fewer_than(self, most: int) -> float:
        """Return the seconds until there were fewer invalid requests within the window; 0 if there were now."""
        surplus = len(self._all) - most
        if surplus < 0:
            return 0.0
        with self._all.timer:  # whose time stands still, so that nothing is forgotten on the way
            when = next(itertools.islice(self._all.values(), surplus, None))
        return max(0.001, when + WINDOW_SECONDS - self._clock())


def _call_of(path: str) -> str | None:
    """Return the path of a call within Discord's API; None if it is none, such as a download."""
    found = _API.fullmatch(path)
    return None if found is None else found["path"]


def _place_of(method: str, call: str) -> str | None:
    """Return the name of a call in its channel or server, without other ids; None for one that is in none."""
    found = _OF_PLACE.fullmatch(call)
    return None if found is None else f"{method} /{found['place']}{route_class(found['rest'] or '')}"

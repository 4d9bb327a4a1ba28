"""What a call says besides its body: who asks, until when, and in which form the answer is wanted."""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from bot.errors import InvalidRequest
from bot.inference.wire import headers

_LARGEST = 2**63 - 1


@dataclass(frozen=True)
class Caller:
    """The one who asks.

    Attributes:
        person: for fairness and the limit per person.
        deadline: how many seconds the caller still waits; None for as long as it takes.
        background: whether this is computed behind everybody who waits.
        streams: whether events are wanted, rather than the answer alone.
    """

    person: int
    deadline: float | None
    background: bool
    streams: bool

    @classmethod
    def of(cls, connection: HTTPConnection) -> Caller:
        """Read the headers.

        Raises:
            InvalidRequest: one of them cannot be read.
        """
        return cls(
            _person(connection),
            _deadline(connection.headers),
            _is_background(connection.headers),
            headers.EVENT_STREAM in connection.headers.get("accept", ""),
        )


def _person(connection: HTTPConnection) -> int:
    value = connection.headers.get(headers.PERSON)
    if value is None:
        return _person_at(connection)
    try:
        person = int(value)
    except ValueError:
        person = _LARGEST + 1
    if not -_LARGEST <= person <= _LARGEST:
        raise InvalidRequest(f"`{headers.PERSON}` must be an integer of at most 63 bits.")
    return person


def _person_at(connection: HTTPConnection) -> int:
    """Return a number for an address: all callers there without a number of their own. Discord's are positive."""
    try:
        return -1 - int(ipaddress.ip_address(connection.client.host if connection.client else ""))
    except ValueError:
        return -1


def _is_background(given: Headers) -> bool:
    value = given.get(headers.PRIORITY, headers.NORMAL)
    if value not in {headers.NORMAL, headers.BACKGROUND}:
        raise InvalidRequest(f"`{headers.PRIORITY}` must be `{headers.NORMAL}` or `{headers.BACKGROUND}`.")
    return value == headers.BACKGROUND


def _deadline(given: Headers) -> float | None:
    value = given.get(headers.DEADLINE_SECONDS)
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds > 0):
        raise InvalidRequest(f"`{headers.DEADLINE_SECONDS}` must be a number of seconds above 0.")
    return seconds

"""What became of a call to Discord that has failed. discord.py's errors are read here, and nowhere else.

discord.py trusts answers to be as Discord documents them, and raises whatever its reading of others brings: `KeyError`
for a 429 without `retry_after`, `TypeError` or `AttributeError` for a body that is no JSON object, `ValueError` for one
that is no JSON or no UTF-8. A proxy, Cloudflare, or a dropped connection can bring each of them. So callers catch
`Exception` around a call and nothing else, and ask here what it means.
"""

from __future__ import annotations

from enum import Enum

import discord

ALREADY_ACKNOWLEDGED = 40060
"""Discord's code for a second response to an interaction."""
INVALID_WEBHOOK_TOKEN = 50027
"""Discord's code for an interaction that has expired."""
TOO_MANY_REQUESTS = 429
MALFORMED = (LookupError, TypeError, AttributeError, ValueError)
"""What discord.py raises where an answer is none of Discord's."""
LONGEST_WAIT = 60.0
"""Seconds. An answer that asks for a longer wait is no help within the quarter of an hour that an interaction lives."""


class Fault(Enum):
    """What became of a call."""

    ACKNOWLEDGED = "the interaction has its first response already"
    GONE = "the interaction has expired, or somebody has deleted its response"
    REFUSED = "Discord has not done it, and never will"
    BUSY = "it has not been done now"
    UNKNOWN = "nobody knows whether it was done: the answer was lost, or is none of Discord's"

    @property
    def may_pass(self) -> bool:
        """Whether the same call may be taken next time."""
        return self in (Fault.BUSY, Fault.UNKNOWN)


def fault_of(error: Exception) -> Fault:
    """What an error that was raised by a call to Discord says about the call."""
    if isinstance(error, discord.RateLimited):
        return Fault.BUSY
    if not isinstance(error, discord.HTTPException):
        return Fault.UNKNOWN
    if error.code == ALREADY_ACKNOWLEDGED:
        return Fault.ACKNOWLEDGED
    if error.status == TOO_MANY_REQUESTS:
        return Fault.BUSY
    if not 400 <= error.status < 500:
        return Fault.UNKNOWN
    if _is_page(error.text):
        return Fault.BUSY
    return Fault.GONE if _is_of_an_interaction_that_is_gone(error) else Fault.REFUSED


def is_gone(error: Exception) -> bool:
    """Whether an interaction has expired, or somebody has deleted its response."""
    return fault_of(error) is Fault.GONE


def seconds_asked_for(error: Exception) -> float:
    """How long the header `Retry-After` asks to wait; 0 where there is none that can be read."""
    headers = getattr(getattr(error, "response", None), "headers", {})
    try:
        seconds = float(headers.get("Retry-After", 0))
    except (TypeError, ValueError):
        return 0.0
    return min(seconds, LONGEST_WAIT) if seconds > 0 else 0.0  # neither negative, nor "nan"


def _is_page(text: object) -> bool:
    """Whether a body is a page for people, such as Cloudflare's: then Discord itself has not seen the call."""
    return isinstance(text, str) and text.lstrip().startswith("<")


def _is_of_an_interaction_that_is_gone(error: discord.HTTPException) -> bool:
    return isinstance(error, discord.NotFound) or error.code == INVALID_WEBHOOK_TOKEN

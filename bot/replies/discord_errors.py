"""The meaning of a failed call to Discord."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

import discord

from bot.errors import DiscordAvoided

ALREADY_ACKNOWLEDGED = 40060
"""Discord's code for a second response to an interaction."""
INVALID_WEBHOOK_TOKEN = 50027
"""Discord's code for an interaction that has expired."""
TOO_MANY_REQUESTS = 429
MALFORMED = (LookupError, TypeError, AttributeError, ValueError)
"""What discord.py raises for a body that is not Discord's."""
LONGEST_WAIT = 60.0
"""Seconds. A longer wait does not help within the 15 minutes of an interaction."""


class Outcome(Enum):
    """What has become of a failed call."""

    ACKNOWLEDGED = "the interaction has its first response already"
    GONE = "the interaction has expired, or somebody has deleted its response"
    REFUSED = "Discord has not done it, and never will"
    BUSY = "Discord has not done it yet"
    UNKNOWN = "Discord may have done it: its response is lost or unreadable"

    @property
    def is_retryable(self) -> bool:
        """Whether the same call may succeed next time."""
        return self in (Outcome.BUSY, Outcome.UNKNOWN)


def outcome_of(error: Exception) -> Outcome:
    """Return what has become of a call that raised an error. Callers catch `Exception` around a call."""
    if isinstance(error, discord.RateLimited):
        return Outcome.BUSY
    if isinstance(error, DiscordAvoided):
        return Outcome.REFUSED
    if not isinstance(error, discord.HTTPException):
        # discord.py trusts bodies to be as documented. Because of a proxy, Cloudflare or a dropped connection it may
        # raise almost anything: `KeyError` for a 429 without `retry_after`, `TypeError` or `AttributeError` for a body
        # that is not a JSON object, `ValueError` for one that is not JSON or not UTF-8.
        return Outcome.UNKNOWN
    if error.code == ALREADY_ACKNOWLEDGED:
        return Outcome.ACKNOWLEDGED
    if error.status == TOO_MANY_REQUESTS:
        return Outcome.BUSY
    if not 400 <= error.status < 500:
        return Outcome.UNKNOWN
    if _is_page(error.text):
        return Outcome.BUSY
    gone = isinstance(error, discord.NotFound) or error.code == INVALID_WEBHOOK_TOKEN
    return Outcome.GONE if gone else Outcome.REFUSED


def _is_page(body: object) -> bool:
    """Return whether a body is a web page, such as Cloudflare's. Discord itself has not seen the call then."""
    return isinstance(body, str) and body.lstrip().startswith("<")


def is_gone(error: Exception) -> bool:
    """Return whether an interaction has expired, another process has it, or somebody has deleted its response."""
    return outcome_of(error) in (Outcome.GONE, Outcome.ACKNOWLEDGED)


def retry_after(error: Exception) -> float:
    """Return the seconds in the header `Retry-After`; 0 if there is none, or if it cannot be read."""
    return wait_of(getattr(getattr(error, "response", None), "headers", {}))


def wait_of(headers: Mapping[str, str]) -> float:
    """Return the seconds that a response's headers ask to wait; 0 if they do not, or if they cannot be read."""
    try:
        seconds = float(headers.get("Retry-After", 0))
    except (TypeError, ValueError):
        return 0.0
    return min(seconds, LONGEST_WAIT) if seconds > 0 else 0.0  # neither negative nor "nan"

"""What can fail between two machines, before it becomes a sentence for people."""

from __future__ import annotations

import aiohttp

from bot.errors import describe

TRANSPORT = (aiohttp.ClientError, OSError, TimeoutError)
"""What aiohttp raises if a connection fails. (`TimeoutError` is an `OSError`, and named for the reader.)"""


class AttemptFailed(Exception):
    """An address has given no usable response: no connection, a proxy's error, or something that cannot be read.

    Attributes:
        reason: for the log; no text of anybody's.
        lasting: whether the same request would fail there again, or add to the load of a server that is silent.
    """

    lasting = False

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    @classmethod
    def of(cls, error: Exception) -> AttemptFailed:
        """Describe a failed connection."""
        return (Silent if isinstance(error, TimeoutError) else cls)(describe(error))


class Silent(AttemptFailed):
    """The server has given no sign of life for too long."""

    lasting = True


class WrongKey(AttemptFailed):
    """The server does not accept the key."""

    lasting = True


class NotGlassbox(AttemptFailed):
    """Another kind of server answers, or another version of this one."""

    lasting = True

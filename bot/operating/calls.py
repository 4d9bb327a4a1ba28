"""Hooks for every request of discord.py's HTTP session."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from types import SimpleNamespace

import aiohttp
import discord

from bot.operating.invalid_requests import InvalidRequests
from bot.replies.attempts import note_attempt
from bot.replies.discord_errors import wait_of

TIMEOUT = aiohttp.ClientTimeout(total=120.0, sock_connect=10.0, sock_read=15.0)
"""Of one request, in seconds; aiohttp's own is 300. Files of ten megabytes must get through, and Discord must not be
silent for longer than an edit may take."""


_ASKED: ContextVar[float] = ContextVar("glassbox-asked-to-wait", default=0.0)
"""How long the last response to a call of this context has asked to wait, in seconds."""


class Pause(asyncio.Event):
    """Set unless Discord's global rate limit is waited for, which ends by itself.

    discord.py clears its event, sleeps and sets it again. If that call is cancelled meanwhile, because we do not wait
    so long, nobody sets it, and every later call would wait for ever.

    Args:
        seconds: the longest that the limit is waited for, and how long if Discord's headers do not say it.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None
        self.set()

    def clear(self) -> None:
        super().clear()
        if self._timer is not None:
            self._timer.cancel()
        seconds = min(_ASKED.get() or self._seconds, self._seconds)
        self._timer = asyncio.get_running_loop().call_later(seconds, self.set)


def pause_for_at_most(client: discord.http.HTTPClient, seconds: float) -> None:
    """Let a client that has logged in wait for the global rate limit for so long at most.

    Args:
        seconds: its `max_ratelimit_timeout`.
    """
    client._global_over = Pause(seconds)


class Calls:
    """Bounds each request, avoids those that would only be refused, and notes what comes of them.

    Args:
        config: the session's hooks, which may have others.
        invalid_requests: says which requests are not made.
    """

    def __init__(self, config: aiohttp.TraceConfig, invalid_requests: InvalidRequests) -> None:
        self._invalid_requests = invalid_requests
        # Before all others: what is not made is neither counted nor timed.
        config.on_request_start.insert(0, self._begin)
        config.on_request_end.append(self._end)
        config.on_request_exception.append(self._fail)

    async def _begin(
        self, session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestStartParams
    ) -> None:
        # discord.py makes the session and leaves no way to set its timeout. It holds from the second request on.
        session._timeout = TIMEOUT
        self._invalid_requests.check(params.method, params.url.path)

    async def _end(
        self, session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestEndParams
    ) -> None:
        response = params.response
        note_attempt(response.status)
        _ASKED.set(wait_of(response.headers))  # discord.py's next step is to wait, in this context
        scope = response.headers.get("X-RateLimit-Scope")
        self._invalid_requests.note(params.method, params.url.path, response.status, scope)

    async def _fail(
        self, session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestExceptionParams
    ) -> None:
        note_attempt(None)

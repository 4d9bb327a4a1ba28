"""Discord's REST API: the calls of discord.py, by class of route and status."""

from __future__ import annotations

import asyncio
import re
from types import SimpleNamespace

import aiohttp
from prometheus_client import CollectorRegistry

from bot.operating.meter import PrometheusMeter

WORDS = frozenset(
    (
        *("@me", "@original", "applications", "attachments", "bot", "callback", "channels", "commands"),
        *("ephemeral-attachments", "gateway", "guilds", "interactions", "members", "messages", "oauth2", "threads"),
        *("users", "webhooks"),
    )
)
"""Parts of a path that are the same for everybody. All others are ids, tokens and names of files."""
MOST_PARTS = 8
SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
NO_RESPONSE = "error"
UPGRADED = 101
"""The status of a connection to the gateway."""


class RestMetrics:
    """Counts and times the calls of a session of aiohttp."""

    def __init__(self, registry: CollectorRegistry) -> None:
        meter = PrometheusMeter(registry)
        self._calls = meter.counter(
            "glassbox_discord_requests", "Calls of Discord's REST API.", ("method", "route", "status")
        )
        self._seconds = meter.histogram("glassbox_discord_request_seconds", "Time of these calls.", ("route",), SECONDS)

    def trace_config(self) -> aiohttp.TraceConfig:
        """Return the hooks for a session."""
        config = aiohttp.TraceConfig()
        config.on_request_start.append(self._begin)
        config.on_request_end.append(self._end)
        config.on_request_exception.append(self._fail)
        return config

    async def _begin(
        self, session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestStartParams
    ) -> None:
        context.began = asyncio.get_running_loop().time()

    async def _end(
        self, session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestEndParams
    ) -> None:
        if params.response.status != UPGRADED:
            self._count(context, params.method, params.url.path, str(params.response.status))

    async def _fail(
        self, session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestExceptionParams
    ) -> None:
        self._count(context, params.method, params.url.path, NO_RESPONSE)

    def _count(self, context: SimpleNamespace, method: str, path: str, status: str) -> None:
        route = route_class(path)
        self._calls(method, route, status)
        self._seconds((asyncio.get_running_loop().time() - context.began,), route)


def route_class(path: str) -> str:
    """Return a path without its ids: `/api/v10/channels/1/messages` → `/channels/:id/messages`."""
    parts = re.sub(r"^/api(/v\d+)?(?=/|$)", "", path).strip("/").split("/")[:MOST_PARTS]
    return "/" + "/".join(part if part in WORDS else ":id" for part in parts if part)

"""Which calls of Discord's API are the same in the metrics."""

from __future__ import annotations

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest

from bot.operating.rest import RestMetrics, route_class
from tests.operating.conftest import Scrape


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/api/v10/users/@me", "/users/@me"),
        ("/api/v10/applications/1000/commands", "/applications/:id/commands"),
        ("/api/v10/interactions/5000/aW50ZXJhY3Rpb24/callback", "/interactions/:id/:id/callback"),
        ("/api/v10/webhooks/1000/aW50ZXJhY3Rpb24/messages/@original", "/webhooks/:id/:id/messages/@original"),
        ("/api/v10/channels/4000/messages", "/channels/:id/messages"),
        ("/attachments/4000/5000/my secret.txt", "/attachments/:id/:id/:id"),
        ("/ephemeral-attachments/4000/5000/secret.txt", "/ephemeral-attachments/:id/:id/:id"),
        ("/api/v10", "/"),
        ("/", "/"),
        ("/a" * 100, "/:id" * 8),
    ],
)
def test_route_classes(path: str, route: str) -> None:
    assert route_class(path) == route


async def test_calls_are_counted_by_their_status() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=int(request.query["status"]))

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    registry = CollectorRegistry()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/v10/channels/4000/messages"
    async with aiohttp.ClientSession(trace_configs=[RestMetrics(registry).trace_config()]) as session:
        for status in (200, 429, 429, 503):
            async with session.get(url, params={"status": status}):
                pass
        await runner.cleanup()
        with pytest.raises(aiohttp.ClientError):
            await session.post(url)

    scraped = Scrape(generate_latest(registry).decode())
    assert scraped.all("glassbox_discord_requests_total", route="/channels/:id/messages") == {
        ("GET", "200"): 1,
        ("GET", "429"): 2,
        ("GET", "503"): 1,
        ("POST", "error"): 1,
    }
    assert scraped.value("glassbox_discord_request_seconds_count") == 5

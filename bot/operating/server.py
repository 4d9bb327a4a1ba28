"""The local HTTP server for an operator: `/healthz`, `/readyz` and `/metrics`."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web
from prometheus_client.exposition import choose_encoder

from bot.operating.address import Address
from bot.operating.watch import Watch
from bot.stopping import beside

log = logging.getLogger(__name__)

OK, UNAVAILABLE = 200, 503

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@contextlib.asynccontextmanager
async def watched(address: Address | None, watch: Watch) -> AsyncIterator[Address | None]:
    """Measure the event loop and serve what an operator asks for, while the body runs.

    Args:
        address: where to listen; None serves nothing. If it cannot be used, that is logged, and the body runs anyway,
            because people matter more than metrics.

    Yields:
        The address in use, with its port if any free one was asked for; None if nothing is served.
    """
    runner = web.AppRunner(_app(watch), access_log=None, shutdown_timeout=1.0)
    async with beside(watch.heartbeat.beat()):
        try:
            yield None if address is None else await _listen(runner, address)
        finally:
            await runner.cleanup()


async def _listen(runner: web.AppRunner, address: Address) -> Address | None:
    await runner.setup()
    try:
        await web.TCPSite(runner, address.host, address.port).start()
    except OSError as error:
        log.error(
            "METRICS_ADDRESS %s cannot be used (%s), so there are no metrics: choose another address, or “off”",
            address,
            type(error).__name__ if error.strerror is None else error.strerror,
        )
        return None
    port = int(runner.addresses[0][1])
    log.info("metrics and health are at http://%s", address := Address(address.host, port))
    return address


@web.middleware
async def _only_by_its_own_name(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse (403) callers of loopback that know it under another name.

    A page in a browser on this machine may reach the address under a name of its own (DNS rebinding). On any other
    address, whoever set it decides who reaches it, by which name.
    """
    served = request.transport and request.transport.get_extra_info("sockname")
    if served and _is_loopback(served[0]) and not _is_loopback(request.url.host or ""):
        raise web.HTTPForbidden(text="On this machine, ask for localhost or 127.0.0.1.\n")
    return await handler(request)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _app(watch: Watch) -> web.Application:
    async def health(request: web.Request) -> web.Response:
        heartbeat = watch.heartbeat
        content = {"healthy": heartbeat.is_healthy, "lag_seconds": round(heartbeat.lag, 3)}
        return web.json_response(content, status=OK if heartbeat.is_healthy else UNAVAILABLE)

    async def readiness(request: web.Request) -> web.Response:
        missing = [str(lack) for lack in watch.missing()]
        return web.json_response({"ready": not missing, "missing": missing}, status=UNAVAILABLE if missing else OK)

    async def metrics(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        watch.refresh()
        # On a thread, because some thousand series and the files of the process take milliseconds.
        body = await asyncio.to_thread(encode, watch.registry)
        return web.Response(body=body, headers={"Content-Type": content_type})

    app = web.Application(middlewares=[_only_by_its_own_name])
    app.add_routes([web.get("/healthz", health), web.get("/readyz", readiness), web.get("/metrics", metrics)])
    return app

"""The API on a real socket, and its callers."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import uvicorn
from fastapi import FastAPI

from bot.inference.backend import Backend
from bot.inference.requests import Request
from bot.inference.serving.api import create_app
from bot.inference.wire.codec import Codec
from bot.tasks import all_tasks
from bot.tasks.examples import example_requests
from tests.timers import PATIENCE

CODEC = Codec(all_tasks())
JSON = {"Accept": "application/json", "Content-Type": "application/json"}
EVENTS = {"Accept": "text/event-stream", "Content-Type": "application/json"}


@dataclass(frozen=True)
class Response:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        return self.json["error"]


@dataclass(frozen=True)
class Api:
    """A server, and what its callers do."""

    url: str
    session: aiohttp.ClientSession

    async def post(self, path: str, body: bytes | str = b"", **headers: str) -> Response:
        return await self.call("POST", path, data=body, headers={**JSON, **in_http(headers)})

    async def ask(self, request: Request[Any], **headers: str) -> Response:
        """Ask for an answer in one piece."""
        task = CODEC.task_of(request)
        return await self.post(f"/v1/{task}", CODEC[task].request.encode(request), **headers)

    async def get(self, path: str, **headers: str) -> Response:
        return await self.call("GET", path, headers=in_http(headers))

    async def call(self, method: str, path: str, **options: Any) -> Response:
        async with self.session.request(method, self.url + path, **options) as response:
            return Response(response.status, response.headers, await response.read())

    @asynccontextmanager
    async def streaming(self, request: Request[Any], **headers: str) -> AsyncIterator[AsyncIterator[tuple[str, Any]]]:
        """Ask for events; leaving goes away."""
        task = CODEC.task_of(request)
        async with self.session.post(
            f"{self.url}/v1/{task}", data=CODEC[task].request.encode(request), headers={**EVENTS, **in_http(headers)}
        ) as response:
            assert response.status == 200, await response.text()
            assert response.content_type == "text/event-stream"
            yield _events(response.content)

    async def events(self, request: Request[Any], **headers: str) -> list[tuple[str, Any]]:
        """Ask for events, and return all."""
        async with self.streaming(request, **headers) as events:
            return [event async for event in events]


def in_http(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


async def _events(content: aiohttp.StreamReader) -> AsyncIterator[tuple[str, Any]]:
    name = ""
    async for line in content:
        field, _, value = line.decode().rstrip("\n").partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value)
        elif field == "" and value:
            yield "comment", value


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[Api]:
    """Serve an application on loopback, in the test's own loop."""
    # Only of sockets with a protocol does asyncio switch Nagle's algorithm off, which holds messages back for 40 ms.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False, timeout_graceful_shutdown=5))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:
            assert not serving.done()
            await asyncio.sleep(0.001)
        timeout = aiohttp.ClientTimeout(total=None)  # tests put the loop's clock forward
        try:
            async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
                yield Api(f"http://127.0.0.1:{port}", session)
        finally:
            server.should_exit = True
            await serving


@asynccontextmanager
async def api_of(backend: Backend, **options: Any) -> AsyncIterator[Api]:
    """Serve a backend."""
    async with served(create_app(backend, CODEC, examples=example_requests(), **options)) as api:
        yield api


async def until_first(wanted: str, events: AsyncIterator[tuple[str, Any]]) -> AsyncIterator[tuple[str, Any]]:
    """The events up to the first of a name."""
    while True:
        name, data = await anext(events)
        yield name, data
        if name == wanted:
            return


async def until(condition: Any) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - threads and sockets set no event
            await asyncio.sleep(0.005)

"""HTTP calls to one address, over a pool of connections."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from typing import TypeVar

import aiohttp

from bot.inference.remote.endpoint import Endpoint
from bot.inference.remote.events import EventParser, EventTooLarge, ServerSentEvent
from bot.inference.remote.failures import TRANSPORT, AttemptFailed, NotGlassbox, WrongKey
from bot.inference.remote.limits import RemoteLimits
from bot.inference.wire.errors import decode_error
from bot.inference.wire.headers import EVENT_STREAM, REQUEST_ID
from bot.request_ids import request_id

T = TypeVar("T")

KEEPALIVE_SECONDS = 4.0
"""An idle connection is closed before uvicorn closes it (after five), so that no request meets a closing one."""
END_SECONDS = 0.1
"""How long the end of a stream may come after its last event; otherwise its connection is closed."""
LARGEST_ANSWER = 16 * 1024 * 1024
"""Bytes of a status, a description or an error."""
QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)
"""Linux has it. It holds for the moment only, so it is set again after each message."""
UNAUTHORIZED = 401
GATEWAY_ERRORS = frozenset({500, 502, 503, 504})


class HttpClient:
    """Calls servers. Opened and closed with `async with`.

    Args:
        key: INFERENCE_KEY; None sends none.
    """

    def __init__(self, key: str | None, limits: RemoteLimits) -> None:
        self._key = key
        self._limits = limits
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> HttpClient:
        limits = self._limits
        self._session = aiohttp.ClientSession(
            # Every open stream holds a connection. Servers limit the number of requests, and say so.
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEPALIVE_SECONDS),
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=limits.connect_seconds, sock_read=limits.read_seconds
            ),
            headers={} if self._key is None else {"Authorization": f"Bearer {self._key}"},
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, endpoint: Endpoint, *path: str, seconds: float, decode: Callable[[bytes], T]) -> T:
        """Return what a server has under a path.

        Args:
            seconds: the longest that the whole call may take.

        Raises:
            AttemptFailed: there is no usable response.
            GlassboxError: the server says what is wrong.
        """
        async with self._call("GET", endpoint, path, {}, seconds=seconds) as response:
            body = await _whole(response)
        try:
            return decode(body)
        except ValueError:
            raise NotGlassbox("what it sends cannot be read") from None

    async def post(self, endpoint: Endpoint, *path: str, seconds: float) -> None:
        """Ask a server to do something; raises like `get`."""
        async with self._call("POST", endpoint, path, {}, seconds=seconds):
            pass

    @contextlib.asynccontextmanager
    async def events(
        self, endpoint: Endpoint, *path: str, body: bytes, headers: Mapping[str, str]
    ) -> AsyncIterator[AsyncIterator[ServerSentEvent]]:
        """Send a request, and yield the events of its answer, which end with the connection.

        Leaving the context with an exception closes the connection, by which the server knows that nobody waits.
        Iterating raises `AttemptFailed` if the connection breaks.

        Raises:
            AttemptFailed: there is no usable response.
            GlassboxError: the server refuses the request.
        """
        headers = {"Accept": EVENT_STREAM, "Content-Type": "application/json", **headers}
        async with self._call("POST", endpoint, path, headers, body=body) as response:
            try:
                if response.content_type != EVENT_STREAM:
                    raise NotGlassbox("what it sends is no stream of events")
                async with contextlib.aclosing(_events(response)) as events:
                    yield events
                    await _read_to_the_end(events)
            finally:
                response.close()

    @contextlib.asynccontextmanager
    async def _call(
        self,
        method: str,
        endpoint: Endpoint,
        path: tuple[str, ...],
        headers: Mapping[str, str],
        *,
        body: bytes | None = None,
        seconds: float | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        assert self._session is not None, "the client is not open"
        url = endpoint.url.joinpath("v1", *path)
        if known := request_id.get():
            headers = {REQUEST_ID: known, **headers}
        timeout = self._session.timeout
        if seconds is not None:
            timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=self._limits.connect_seconds)
        with transport_failures():
            # A redirect would send what people write elsewhere.
            async with self._session.request(
                method, url, data=body, headers=headers, allow_redirects=False, timeout=timeout
            ) as response:
                acknowledge_at_once(response)
                if not 200 <= response.status < 300:
                    raise await self._error(response)
                yield response

    async def _error(self, response: aiohttp.ClientResponse) -> Exception:
        body = await _whole(response)
        if response.status == UNAUTHORIZED:
            return WrongKey("it does not accept the key")
        if _is_spoken(body):
            return decode_error(body)
        fault = f"status {response.status} without a sentence"
        return AttemptFailed(fault) if response.status in GATEWAY_ERRORS else NotGlassbox(fault)


@contextlib.contextmanager
def transport_failures() -> Iterator[None]:
    """Turn the errors of a connection into `AttemptFailed`."""
    try:
        yield
    except TRANSPORT as error:
        raise AttemptFailed.of(error) from None


def acknowledge_at_once(response: aiohttp.ClientResponse) -> None:
    """Tell the other side's TCP that its bytes have arrived.

    Uvicorn on a socket that somebody else has opened, as in Ray Serve, leaves Nagle's algorithm on: it holds each
    further message back until the one before is acknowledged, which Linux would delay by 40 ms.
    """
    connection = response.connection
    if QUICK_ACK is None or connection is None or connection.transport is None:
        return
    if (opened := connection.transport.get_extra_info("socket")) is not None:
        with contextlib.suppress(OSError):  # it has just been closed
            opened.setsockopt(socket.IPPROTO_TCP, QUICK_ACK, 1)


def _is_spoken(body: bytes) -> bool:
    """Return whether the body of an error is one of Glassbox's."""
    try:
        error = json.loads(body)["error"]
        return isinstance(error["code"], str) and isinstance(error["sentence"], str)
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    """Return the body of a response.

    Raises:
        NotGlassbox: it is too large.
    """
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise NotGlassbox("what it sends does not end")
    return bytes(body)


async def _read_to_the_end(events: AsyncIterator[ServerSentEvent]) -> None:
    """Read what follows the last event, so that the connection can serve another request."""
    with contextlib.suppress(AttemptFailed, TimeoutError):
        async with asyncio.timeout(END_SECONDS):
            async for _ in events:
                pass


async def _events(response: aiohttp.ClientResponse) -> AsyncGenerator[ServerSentEvent]:
    parser = EventParser()
    with transport_failures():
        async for chunk in response.content.iter_any():
            acknowledge_at_once(response)
            try:
                for event in parser.feed(chunk):
                    yield event
            except EventTooLarge:
                raise NotGlassbox("an event does not end") from None

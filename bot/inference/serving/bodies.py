"""Reading the body of a call, and waiting until its caller goes away."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.types import Receive

from bot.inference.serving.refusals import HttpRefusal

MOST_BYTES = 1_000_000
"""Of a body. The longest request, a summary of 40,000 characters that are all escaped, has half of it."""
BODY_SECONDS = 30.0
"""How long a body may take to arrive."""


class CallerGone(Exception):
    """The caller went away before there was an answer."""


async def read_body(headers: Headers, receive: Receive) -> bytes:
    """Return the body of a POST.

    Raises:
        HttpRefusal: it is not said to be JSON, is too large, or takes too long.
        CallerGone: the caller went away in the middle of it.
    """
    # A page in a browser cannot send this type to another site without being asked first.
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HttpRefusal(415, "unsupported_media_type", "Please send JSON: `Content-Type: application/json`.")
    if headers.get("content-length", "").isdecimal() and int(headers["content-length"]) > MOST_BYTES:
        raise _too_large()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _chunks(receive)
    except TimeoutError:
        raise HttpRefusal(408, "request_timeout", "The body took too long to arrive.") from None


async def _chunks(receive: Receive) -> bytes:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CallerGone
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MOST_BYTES:
            raise _too_large()
    return bytes(body)


def _too_large() -> HttpRefusal:
    return HttpRefusal(413, "too_large", f"The body is too large: at most {MOST_BYTES:,} bytes are read.")


async def until_gone(receive: Receive) -> None:
    """Wait until the caller goes away. The body has been read."""
    while (await receive())["type"] != "http.disconnect":
        pass

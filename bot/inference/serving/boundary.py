"""The outermost layer of the API: ids of requests, and errors that nobody expected."""

from __future__ import annotations

import logging
import re
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.errors import describe
from bot.inference.serving.refusals import error_response
from bot.inference.wire import headers
from bot.request_ids import request_id

log = logging.getLogger(__name__)

_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")


class Boundary:
    """Gives each call the id that its caller has chosen, or a new one, and keeps the texts of exceptions from others.

    The server would log an exception with its text and its traceback, in which somebody's message may stand.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        chosen = Headers(scope=scope).get(headers.REQUEST_ID, "")
        identity = chosen if _ID.fullmatch(chosen) else secrets.token_hex(8)
        token = request_id.set(identity)
        begun = False

        async def identified(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                MutableHeaders(scope=message)[headers.REQUEST_ID] = identity
            await send(message)

        try:
            await self._app(scope, receive, identified)
        except Exception as error:
            log.error("a call failed: %s", describe(error))
            if not begun:
                await error_response(error)(scope, receive, identified)
        finally:
            request_id.reset(token)

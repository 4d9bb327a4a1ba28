"""Errors as responses: the status for programs, the sentence for people."""

from __future__ import annotations

import math
from collections.abc import Mapping

from starlette.responses import Response

from bot.errors import (
    DeadlinePassed,
    GlassboxError,
    InvalidRequest,
    ModelUnavailable,
    QueueFull,
    Refused,
    ShuttingDown,
    StillLoading,
    TooManyRequests,
)
from bot.inference.wire.errors import plain_error
from bot.inference.wire.form import encode_plain

# The first that an error is an instance of.
_STATUSES: Mapping[type[GlassboxError], int] = {
    InvalidRequest: 400,
    QueueFull: 429,
    TooManyRequests: 429,
    Refused: 503,
    ModelUnavailable: 503,
    DeadlinePassed: 504,
}
RESTART_SECONDS = 60
"""After how long a server that drains, or a checkpoint that loads for an unknown time, is worth another try."""


class HttpRefusal(Exception):
    """A call that never becomes a request for inference: no key, no such path, too large a body.

    Args:
        code: for programs, as those of `bot.inference.wire.errors`.
        sentence: for people.
    """

    def __init__(self, status: int, code: str, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.sentence = sentence
        self.headers = dict(headers or {})

    @property
    def response(self) -> Response:
        """The response that says so."""
        return json_response({"error": {"code": self.code, "sentence": self.sentence}}, self.status, self.headers)


def json_response(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response with JSON, which nobody keeps: answers are people's own."""
    return json_bytes(encode_plain(content), status, headers)


def json_bytes(content: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response with what is JSON already."""
    return Response(content, status, {"Cache-Control": "no-store", **(headers or {})}, "application/json")


def error_response(error: BaseException) -> Response:
    """Return the response to a request that is refused, or could not be answered."""
    wait = retry_after(error)
    headers = {} if wait is None else {"Retry-After": str(wait)}
    return json_response({"error": plain_error(error)}, status_of(error), headers)


def status_of(error: BaseException) -> int:
    """Return the HTTP status of an error."""
    return next((status for kind, status in _STATUSES.items() if isinstance(error, kind)), 500)


def retry_after(error: BaseException) -> int | None:
    """Return after how many seconds another try is worth it; None if waiting does not help."""
    match error:
        case QueueFull():
            return max(1, math.ceil(error.wait)) if math.isfinite(error.wait) else RESTART_SECONDS
        case TooManyRequests():
            return 1
        case StillLoading():
            return RESTART_SECONDS if error.seconds is None else max(1, math.ceil(error.seconds))
        case ShuttingDown():
            return RESTART_SECONDS
    return None

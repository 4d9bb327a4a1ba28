"""The id of the request that the running code works for, from the interaction to the device and back.

The log and the calls of a remote backend read it. Tasks inherit it with their context.
"""

from __future__ import annotations

from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The interaction's id in Discord, or the `X-Request-ID` of a call; empty outside of requests."""

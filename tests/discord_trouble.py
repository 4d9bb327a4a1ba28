"""What can come of a request to Discord instead of Discord's answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import discord.webhook.async_
import pytest

from bot.client import Glassbox
from bot.replies import acknowledgement, pending

PAGE = b"<!doctype html><title>Error</title><h1>Please come back later</h1>"
JSON, HTML = "application/json", "text/html"
CLOUDFLARE = {"Via": "1.1 google"}
"""discord.py reads the body of a 429 only with this header."""


@dataclass(frozen=True)
class Trouble:
    """What comes of one request.

    Attributes:
        status: of the answer; None where the connection is dropped.
        processed: whether Discord has done what was asked.
        hangs: whether nothing comes at all, for as long as somebody waits.
    """

    status: int | None = None
    body: bytes = PAGE
    content_type: str = HTML
    headers: Mapping[str, str] = field(default_factory=dict)
    processed: bool = False
    hangs: bool = False


BEFORE: Mapping[str, Trouble] = {
    "dropped": Trouble(),
    "bad gateway": Trouble(502),
    "unavailable": Trouble(503, b'{"code": 0, "message": "unavailable"}', JSON),
    "blocked by Cloudflare": Trouble(403, b"<html>error code: 1015</html>"),
    "429": Trouble(429, b'{"message": "slow", "retry_after": 0.01, "global": false}', JSON, CLOUDFLARE),
    "429 without headers": Trouble(429, b'{"message": "slow", "retry_after": 0.01}', JSON),
    "429 without retry_after": Trouble(429, b'{"message": "slow"}', JSON, CLOUDFLARE),
    "429 with odd retry_after": Trouble(429, b'{"retry_after": "soon"}', JSON, CLOUDFLARE),
    "429 as a page": Trouble(429, headers=CLOUDFLARE),
    "429 as a page without headers": Trouble(429),
    "429 as a list": Trouble(429, b"[]", JSON, CLOUDFLARE),
    "429 cut short": Trouble(429, b'{"retry_af', JSON, CLOUDFLARE),
    "429 in no encoding": Trouble(429, b"\xff\xfe", JSON, CLOUDFLARE),
}
"""Discord has not seen the request, or not done it."""

AFTER: Mapping[str, Trouble] = {
    "dropped afterwards": Trouble(processed=True),
    "bad gateway afterwards": Trouble(502, processed=True),
    "a page as the receipt": Trouble(200, processed=True),
    "an empty receipt": Trouble(200, b"", JSON, processed=True),
    "another receipt": Trouble(200, b"{}", JSON, processed=True),
    "a receipt in no encoding": Trouble(200, b"\xff\xfe", JSON, processed=True),
    "no time when the limit ends": Trouble(200, b"{}", JSON, {"X-Ratelimit-Remaining": "0"}, processed=True),
}
"""Discord has done it, and its answer was lost."""


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let discord.py pause for no time between its own tries."""
    sleep = asyncio.sleep

    class Hurried:
        def __getattr__(self, name: str) -> Any:
            return getattr(asyncio, name)

        async def sleep(self, seconds: float) -> None:
            await sleep(seconds * 0)  # which no text can be multiplied by, nor slept for

    monkeypatch.setattr(discord.webhook.async_, "asyncio", Hurried())


def hurry_bot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the bot, too, pause for hardly any time: before it identifies, between its tries and between its edits."""

    async def at_once(*arguments: object, **options: object) -> None:
        pass

    hurry(monkeypatch)
    monkeypatch.setattr(Glassbox, "before_identify_hook", at_once)
    monkeypatch.setattr(acknowledgement, "PAUSES", (0.0, 0.0, 0.0))
    for name, seconds in {"EDIT_SECONDS": 0.02, "LOOK_SECONDS": 0.01, "RETRY_SECONDS": 0.001}.items():
        monkeypatch.setattr(pending, name, seconds)

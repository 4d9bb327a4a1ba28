"""An OpenAI-compatible server beside the bot, such as llama.cpp's or vLLM, asked by as many people as the worker.

Source: OpenAI's API reference, "Create completion", which these servers follow; `ignore_eos`, `top_k` and `min_p` are
their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from bot.errors import GlassboxError, SettingsError
from bot.tasks.generate import GenerateRequest
from tests.bench.load import closed_loop
from tests.bench.run import Run

PATIENCE = 600.0
"""Seconds for an answer."""
SAME_WORK: dict[str, Any] = {"ignore_eos": True, "top_k": 0, "min_p": 0.0}
"""No end of text, and nothing between the model and the tokens but temperature and top_p."""
UNKNOWN_OPTION = frozenset({400, 422})
FAILURES = (aiohttp.ClientError, OSError, TimeoutError, ValueError, LookupError, TypeError)


class NoCompletion(GlassboxError):
    """The server did not answer a request."""


class ServerBeside:
    """An OpenAI-compatible server.

    Attributes:
        model: as the server calls it; None if it doesn't say.
        same_work: whether it understands `SAME_WORK`.
    """

    def __init__(self, address: str, users: int) -> None:
        self.users = users
        self.parallel = users > 1
        self.model: str | None = None
        self.same_work = True
        self._address = completions_address(address)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(PATIENCE)
        )

    @classmethod
    async def open(cls, address: str, users: int, probe: GenerateRequest) -> ServerBeside:
        """Connect to the server, and have it answer a request.

        Raises:
            SettingsError: there is no such server, or it does not count tokens.
        """
        server = cls(address, users)
        try:
            await server._get_to_know(probe)
        except FAILURES:
            await server.aclose()
            raise SettingsError(
                f"--beside is “{address}”, and there is no server that continues a text and counts its tokens: "
                "give the address of an OpenAI-compatible one, such as http://127.0.0.1:8080."
            ) from None
        return server

    async def run(self, requests: Sequence[Any]) -> Run:
        return await closed_loop(self._ask, requests, self.users)

    async def aclose(self) -> None:
        await self._session.close()

    async def _ask(self, request: Any, person: int) -> int:
        try:
            return await self._complete(request)
        except FAILURES:
            raise NoCompletion("The server did not answer.") from None

    async def _get_to_know(self, probe: GenerateRequest) -> None:
        async with self._session.get(f"{self._address}/models") as response:
            if response.ok:
                self.model = str((await response.json())["data"][0]["id"])
        try:
            await self._complete(probe)
        except aiohttp.ClientResponseError as error:
            if error.status not in UNKNOWN_OPTION:
                raise
            self.same_work = False
            await self._complete(probe)

    async def _complete(self, request: GenerateRequest) -> int:
        """Return the number of tokens that the server says it wrote."""
        asked: dict[str, Any] = {
            "prompt": request.prompt,
            "max_tokens": request.max_new_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
        }
        if self.model is not None:
            asked["model"] = self.model
        if self.same_work:
            asked |= SAME_WORK
        async with (
            asyncio.timeout(PATIENCE),
            self._session.post(f"{self._address}/completions", json=asked) as response,
        ):
            response.raise_for_status()
            return int((await response.json())["usage"]["completion_tokens"])


def completions_address(address: str) -> str:
    """Return the base address of the API: `http://127.0.0.1:8080` and `http://127.0.0.1:8080/v1/` are the same server.

    Raises:
        SettingsError: it is no address of a web server.
    """
    try:
        parts = urlsplit(address)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise SettingsError(f"--beside is “{address}”: give an address such as http://127.0.0.1:8080.")
    plain = address.rstrip("/")
    return plain if plain.endswith("/v1") else f"{plain}/v1"

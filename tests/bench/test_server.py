"""A server beside the bot: a real one on this machine, that speaks like OpenAI's."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from rich.console import Console

from bot.benchmark.comparison import worker_at
from bot.benchmark.workload import NEW_TOKENS
from bot.errors import SettingsError
from bot.settings import Settings
from bot.tasks.generate import GenerateRequest
from tests.bench.command import measure_all
from tests.bench.lineup import BESIDE
from tests.bench.options import Options
from tests.bench.server import ServerBeside, completions_address
from tests.bench.workload import Workload

PROBE = GenerateRequest("Hello", max_new_tokens=3)


class Completions:
    """A server that writes nothing, and counts as many tokens as it was asked for.

    Args:
        knows: options that it understands beside OpenAI's; it refuses others.
        models: whether it says what it serves.
        broken: gives an answer that is none, or None for a usual one.
    """

    def __init__(
        self,
        *,
        knows: frozenset[str] = frozenset({"ignore_eos", "top_k", "min_p"}),
        models: bool = True,
        broken: Callable[[int], web.Response | None] = lambda number: None,
    ) -> None:
        self.asked: list[dict[str, Any]] = []
        self._knows = knows | {"model", "prompt", "max_tokens", "temperature", "top_p"}
        self._models = models
        self._broken = broken

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_post("/v1/completions", self._complete)
        if self._models:
            app.router.add_get("/v1/models", self._list)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    async def _list(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "tiny-model"}]})

    async def _complete(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if set(asked) - self._knows:
            return web.json_response({"error": {"message": "unknown option"}}, status=400)
        self.asked.append(asked)
        if (broken := self._broken(len(self.asked))) is not None:
            return broken
        return web.json_response(
            {"choices": [{"text": " and"}], "usage": {"completion_tokens": asked["max_tokens"], "prompt_tokens": 2}}
        )


@pytest.fixture
def requests() -> list[Any]:
    """Twenty requests to continue a text."""
    return Workload("generate").take(20)


async def test_is_asked_what_the_worker_is_asked_and_counts_tokens(requests: list[Any]) -> None:
    completions = Completions()
    async with completions.listening() as address:
        server = await ServerBeside.open(address, 4, PROBE)
        completions.asked.clear()
        run = await server.run(requests)
        await server.aclose()

    assert (server.model, server.same_work, server.parallel) == ("tiny-model", True, True)
    assert (run.requests, run.failures, run.tokens) == (20, 0, 20 * NEW_TOKENS)
    assert len(run.latencies) == 20
    assert sorted(one["prompt"] for one in completions.asked) == sorted(request.prompt for request in requests)
    first = requests[0]
    assert {
        "model": "tiny-model",
        "prompt": first.prompt,
        "max_tokens": NEW_TOKENS,
        "temperature": first.temperature,
        "top_p": first.top_p,
        "ignore_eos": True,
        "top_k": 0,
        "min_p": 0.0,
    } in completions.asked


async def test_a_server_that_knows_only_the_standard_is_asked_in_it() -> None:
    completions = Completions(knows=frozenset(), models=False)
    async with completions.listening() as address:
        server = await ServerBeside.open(f"{address}/v1/", 1, PROBE)
        await server.aclose()

    assert (server.model, server.same_work, server.parallel) == (None, False, False)
    assert completions.asked == [{"prompt": "Hello", "max_tokens": 3, "temperature": 0.8, "top_p": 0.95}]


async def test_requests_that_fail_are_counted(requests: list[Any]) -> None:
    completions = Completions(broken=lambda number: web.Response(status=500) if number % 2 == 0 else None)
    async with completions.listening() as address:
        server = await ServerBeside.open(address, 2, PROBE)
        run = await server.run(requests[:10])
        await server.aclose()

    assert (run.requests, run.failures, run.tokens) == (10, 5, 5 * NEW_TOKENS)


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.Response(status=500),
        lambda: web.Response(text="Hello"),
        lambda: web.json_response({"choices": []}),
        lambda: web.json_response([]),
    ],
)
async def test_something_else_at_the_address_is_told(answer: Callable[[], web.Response]) -> None:
    async with Completions(broken=lambda number: answer()).listening() as address:
        with pytest.raises(SettingsError, match="no server that continues a text"):
            await ServerBeside.open(address, 2, PROBE)


async def test_nobody_at_the_address_is_told() -> None:
    async with Completions().listening() as address:
        pass
    with pytest.raises(SettingsError, match="--beside"):
        await ServerBeside.open(address, 2, PROBE)


def test_addresses() -> None:
    for address in ("http://localhost:8080", "http://localhost:8080/", "http://localhost:8080/v1/"):
        assert completions_address(address) == "http://localhost:8080/v1"
    assert completions_address("https://example.org/llm") == "https://example.org/llm/v1"


@pytest.mark.may_block
async def test_takes_part_in_the_same_run(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    async with Completions().listening() as address:
        options = Options(tasks=("generate",), users=(2,), requests=4, seconds=0.05, quick=True, beside=address)
        await measure_all(settings, options, True, Console())
    [report] = json.loads(capsys.readouterr().out)["measured"]

    figures = {one["who"]: one for one in report["figures"]}
    assert figures[BESIDE]["token_rate"] > 0
    assert f"{worker_at(2)} / {BESIDE}" in [one["what"] for one in report["ratios"]]
    assert any("tiny-model" in note for note in report["notes"])

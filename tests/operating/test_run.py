"""`python -m bot run` as its operator sees it, connected to a Discord on this machine over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot import app
from bot.inference.checkpoints.loading import load_head
from bot.inference.heads.head import Head
from bot.operating.address import Address
from bot.operating.server import watched
from bot.settings import Settings
from tests.discord_server import TOKEN, DiscordServer
from tests.operating.conftest import ANY, Operator, Scrape, operator_at
from tests.timers import PATIENCE

TEXT = "I love to hate this course"


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DiscordServer]:
    async with DiscordServer().serving() as server:
        server.take_the_place_of_discord(monkeypatch)
        yield server


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Operator]:
    """Run the bot with metrics on a free port, and stop it at the end."""
    changed = settings.model_copy(update={"discord_token": SecretStr(TOKEN), "metrics_address": ANY})
    used: asyncio.Future[Address] = asyncio.get_running_loop().create_future()

    @contextlib.asynccontextmanager
    async def tell(*arguments: Any) -> AsyncIterator[None]:
        async with watched(*arguments) as address:
            assert address is not None
            used.set_result(address)
            yield

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "watched", tell)
        run = asyncio.create_task(app.run_bot(changed, lambda line: None))
        await asyncio.wait((run, used), return_when=asyncio.FIRST_COMPLETED)
        if run.done():
            run.result()
    try:
        async with operator_at(await used) as operator:
            yield operator
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            await run
    finally:
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)


async def until_ready(operator: Operator, ready: bool) -> list[str]:
    """Wait until the bot is ready, or is not; return what is missing."""
    async with asyncio.timeout(PATIENCE):
        while True:
            status, readiness = await operator.get("/readyz")
            assert status == (200 if readiness["ready"] else 503)
            if readiness["ready"] is ready:
                missing: list[str] = readiness["missing"]
                return missing
            await asyncio.sleep(0.01)


async def until_scraped(operator: Operator, condition: Callable[[Scrape], bool]) -> Scrape:
    """Wait until the metrics are so."""
    async with asyncio.timeout(PATIENCE):
        while not condition(scraped := await operator.scrape()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return scraped


async def test_readiness_follows_the_gateway_and_the_checkpoints(server: DiscordServer, settings: Settings) -> None:
    async with running(settings) as operator:
        assert await until_ready(operator, False)
        await server.connected()
        assert await until_ready(operator, True) == []

        resumed = len(server.resumed)
        await server.hang_up(4000)
        await server.connected_again(resumed=resumed + 1)
        assert await until_ready(operator, True) == []
        scraped = await until_scraped(operator, lambda one: one.value("glassbox_gateway_resumes_total") == 1)
        assert scraped.all("glassbox_gateway_disconnects_total") == {("0",): 1}
        assert scraped.all("glassbox_gateway_connected") == {("0",): 1}
        assert scraped.all("glassbox_gateway_latency_seconds").keys() == {("0",)}


async def test_a_shard_that_is_away_is_named(
    server: DiscordServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_resume = asyncio.Event()
    resume = server._resume

    async def when_allowed(*arguments: object) -> None:
        await may_resume.wait()
        await resume(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(server, "_resume", when_allowed)
    async with running(settings) as operator:
        await server.connected()
        await until_ready(operator, True)
        await server.hang_up(4000)
        assert await until_ready(operator, False) == ["shard 0 is not connected"]
        assert (await operator.scrape()).all("glassbox_gateway_connected") == {("0",): 0}
        may_resume.set()
        await until_ready(operator, True)


async def test_a_checkpoint_that_fails_is_named(
    server: DiscordServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def all_but_one(folder: Path, *arguments: Any) -> Head:
        if folder.name == "roberta":
            raise RuntimeError
        return load_head(folder, *arguments)

    monkeypatch.setattr("bot.inference.checkpoints.pool.load_head", all_but_one)
    async with running(settings) as operator:
        async with asyncio.timeout(PATIENCE):
            while await until_ready(operator, False) != ["roberta is not loaded (failed)"]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        scraped = await operator.scrape()
        assert scraped.all("glassbox_checkpoint_phase", phase="failed")["roberta",] == 1
        assert scraped.all("glassbox_checkpoint_load_failures_total") == {("roberta",): 1}


async def test_calls_of_discord_are_counted(server: DiscordServer, settings: Settings) -> None:
    async with running(settings) as operator:
        await server.connected()
        token = await server.invoke("sentiment", text=TEXT)
        await server.until("PATCH", f"/{token}/messages/@original", lambda edit: edit.get("embeds"))
        scraped = await until_scraped(
            operator, lambda one: one.value("glassbox_interactions_total", outcome="answered") == 1
        )
    calls = scraped.all("glassbox_discord_requests_total")
    assert calls["GET", "/users/@me", "200"] == 1
    assert calls["PUT", "/applications/:id/commands", "200"] == 1
    assert calls["POST", "/interactions/:id/:id/callback", "200"] == 1
    assert calls["PATCH", "/webhooks/:id/:id/messages/@original", "200"] >= 1
    assert scraped.all("glassbox_worker_answers_total") == {("answered", "", "sentiment"): 1}
    for text in (token, TEXT, TOKEN, "alice", '"2000"'):
        assert text not in scraped.text

"""`python -m bot run`, connected to a Discord on this machine over real sockets."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import discord.http
import pytest
from pydantic import SecretStr

import bot
from bot import app
from bot.app import run_bot
from bot.client import Glassbox, Tree
from bot.errors import HungAgain, ModelsUnreachable, SettingsError, ShuttingDown
from bot.inference.compute.collection import leave_out
from bot.inference.heads.sequence_classifier import SequenceClassifier
from bot.inference.scheduling.queue import DeviceQueue
from bot.inference.worker import InferenceWorker, Limits
from bot.intents import intents_of
from bot.servers.needs import MENUS
from bot.settings import Settings
from bot.stopping import SIGNALS, stop_signals, until_stopped
from tests.cogs.pacing import held_after
from tests.discord_server import TOKEN, DiscordServer
from tests.discord_trouble import AFTER
from tests.inference.remote.scripted_server import ScriptedServer
from tests.inference.toys import until
from tests.support import COMMANDS
from tests.timers import PATIENCE, Timers, turns

TEXT = "I love to hate this course"
DEFERRED = 5


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"discord_token": SecretStr(TOKEN)})


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DiscordServer]:
    async with DiscordServer().serving() as server:
        server.take_the_place_of_discord(monkeypatch)
        yield server


class Run:
    """A bot that runs: what it has said, and its end."""

    def __init__(self, settings: Settings) -> None:
        self.said: list[str] = []
        self.task = asyncio.create_task(run_bot(settings, self.said.append))

    async def end(self) -> None:
        """Wait until it has ended by itself."""
        async with asyncio.timeout(PATIENCE):
            await self.task


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Run]:
    """Run the bot until the end of the body; then stop it. It must leave nothing behind."""
    run = Run(settings)
    try:
        yield run
        stop()
        await run.end()
    finally:
        run.task.cancel()
        await asyncio.gather(run.task, return_exceptions=True)
    await nothing_left()


Start = Callable[[Settings], AbstractAsyncContextManager[Run]]


@pytest.fixture
def start(server: DiscordServer) -> Start:
    """Run the bot until it is connected; it must have been stopped at the end, and leave nothing behind."""

    @asynccontextmanager
    async def start(settings: Settings) -> AsyncIterator[Run]:
        handlers = [signal.getsignal(number) for number in SIGNALS]
        run = Run(settings)
        try:
            connected = asyncio.create_task(server.connected())
            await asyncio.wait((run.task, connected), return_when=asyncio.FIRST_COMPLETED)
            connected.cancel()
            if run.task.done():
                run.task.result()
            yield run
            await run.end()
        finally:
            run.task.cancel()
            await asyncio.gather(run.task, return_exceptions=True)
        assert [signal.getsignal(number) for number in SIGNALS] == handlers
        await nothing_left()

    return start


async def nothing_left() -> None:
    """Wait until no task of ours or discord.py's is there any more, and none of their threads."""
    async with asyncio.timeout(PATIENCE):
        while any(map(_whose, asyncio.all_tasks())) or _threads():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def _whose(task: asyncio.Task[Any]) -> str | None:
    """The function of a task; None for those of aiohttp and the tests, and for discord.py's wait for its guilds."""
    code = getattr(task.get_coro(), "cr_code", None)
    if code is None or code.co_name in {"_delay_ready", "_delay_shard_ready"}:
        return None
    ours = any(Path(package.__path__[0]) in Path(code.co_filename).parents for package in (bot, discord))
    return code.co_qualname if ours else None


def _threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith(("glassbox", "keep-alive"))]


def stop(number: signal.Signals = signal.SIGTERM) -> None:
    os.kill(os.getpid(), number)


def is_answer(edit: Any) -> bool:
    return bool(edit.get("embeds")) and "Writing" not in str(edit["embeds"])


class Device:
    """A device that begins a batch when it likes.

    Attributes:
        begun: set when it has something to do.
        may_go_on: set to let it.
        asked: how often it was asked for something.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun = threading.Event()
        self.may_go_on = threading.Event()
        self.asked = 0

        run, compute = DeviceQueue._run, DeviceQueue.compute

        def when_allowed(*arguments: Any) -> Any:
            self.begun.set()
            assert self.may_go_on.wait(PATIENCE)
            return run(*arguments)

        def counted(*arguments: Any, **options: Any) -> Any:
            self.asked += 1
            return compute(*arguments, **options)

        monkeypatch.setattr(DeviceQueue, "_run", when_allowed)
        monkeypatch.setattr(DeviceQueue, "compute", counted)


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[Device]:
    device = Device(monkeypatch)
    yield device
    device.may_go_on.set()


class TestStart:
    async def test_logs_in_registers_its_commands_and_says_where_to_install_it(
        self, server: DiscordServer, settings: Settings, start: Start
    ) -> None:
        async with start(settings) as run:
            stop()

        synced, server_link, account_link = run.said
        assert synced == "Commands: synced."
        assert "client_id=1000" in server_link
        assert "client_id=1000" in account_link
        assert {command["name"] for command in await server.until("PUT", "/commands")} == COMMANDS | set(MENUS)
        [identity] = server.identified
        assert identity["token"] == TOKEN
        assert identity["intents"] == intents_of(mentions=True, message_content=False).value
        assert server.heartbeats >= 1

    async def test_registers_its_commands_on_the_first_start_only(
        self, server: DiscordServer, settings: Settings, start: Start
    ) -> None:
        for expected in ("Commands: synced.", "Commands: unchanged."):
            server.identified.clear()
            async with start(settings) as run:
                stop()
            assert run.said[0] == expected
        assert server.count("PUT", "/commands") == 1

    async def test_as_many_shards_as_are_set(self, server: DiscordServer, settings: Settings, start: Start) -> None:
        async with start(settings.model_copy(update={"shard_count": 1})):
            stop()
        assert server.identified[0]["shard"] == [0, 1]

    async def test_answers_a_command(self, server: DiscordServer, settings: Settings, start: Start) -> None:
        async with start(settings):
            token = await server.invoke("sentiment", text=TEXT)
            assert (await server.until("POST", f"/{token}/callback"))["type"] == DEFERRED
            edit = await server.until("PATCH", f"/{token}/messages/@original", lambda edit: edit.get("embeds"))
            stop()

        assert "POSITIVE" in edit["embeds"][0]["description"]
        assert edit["content"] is None

    async def test_garbage_collection_skips_what_stays(
        self, server: DiscordServer, settings: Settings, start: Start, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        left_out = asyncio.Semaphore(0)
        loop = asyncio.get_running_loop()

        def noted() -> None:
            leave_out()
            loop.call_soon_threadsafe(left_out.release)

        monkeypatch.setattr(app, "leave_out", noted)
        async with start(settings):
            for _ in ("servers", "checkpoints"):
                await left_out.acquire()
            watched = {type(one) for one in gc.get_objects()}
            stop()

        assert not watched & {Tree, SequenceClassifier}

    async def test_answers_with_models_that_are_elsewhere(
        self, server: DiscordServer, settings: Settings, start: Start
    ) -> None:
        async with ScriptedServer().serving() as models:
            models.key = "k3y"
            elsewhere = {"inference_url": str(models.url), "inference_key": SecretStr("k3y"), "preset": "not read"}
            async with start(settings.model_copy(update=elsewhere)) as run:
                token = await server.invoke("sentiment", text=TEXT)
                edit = await server.until("PATCH", f"/{token}/messages/@original", lambda edit: edit.get("embeds"))
                stop()
            assert "POSITIVE" in edit["embeds"][0]["description"]
            assert run.said[0] == f"Models: 1 checkpoint on cpu at 127.0.0.1:{models.port}."
            [call] = models.calls
            assert int(call.request.headers["X-Person"]) > 0

    async def test_starts_before_the_models_do(self, server: DiscordServer, settings: Settings, start: Start) -> None:
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
            async with start(settings.model_copy(update={"inference_url": url})) as run:
                token = await server.invoke("sentiment", text=TEXT)
                told = await server.until("POST", f"/{token}/callback")
                stop()
            assert told["data"]["content"] == ModelsUnreachable().sentence
            assert "cannot be reached yet" in run.said[0]

    @pytest.mark.parametrize("status", [403, 503])
    async def test_serves_when_discord_does_not_take_the_commands(
        self, server: DiscordServer, settings: Settings, start: Start, status: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        server.failing["PUT /applications/1000/commands"] = status
        async with start(settings) as run:
            stop()

        assert "did not take them" in run.said[0]
        assert "could not be registered" in caplog.text
        assert "Traceback" not in caplog.text

        server.failing.clear()
        server.identified.clear()
        async with start(settings) as run:
            stop()
        assert run.said[0] == "Commands: synced."

    async def test_serves_when_the_commands_have_a_malformed_receipt(
        self, server: DiscordServer, settings: Settings, start: Start
    ) -> None:
        server.plan("PUT", "/commands", AFTER["a page as the receipt"])
        async with start(settings) as run:
            stop()
        assert "did not take them" in run.said[0]

    async def test_serves_when_discord_lets_the_commands_wait(
        self, server: DiscordServer, settings: Settings, start: Start, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def for_hours(*arguments: Any) -> bool:
            await asyncio.sleep(3600)
            return True

        monkeypatch.setattr(app, "SYNC_SECONDS", 0.05)
        monkeypatch.setattr(Glassbox, "sync_if_changed", for_hours)
        async with start(settings) as run:
            stop()
        assert "did not take them" in run.said[0]


class TestNoStart:
    async def test_no_token(self, settings: Settings) -> None:
        with pytest.raises(SettingsError, match="DISCORD_TOKEN is not set"):
            await run_bot(settings.model_copy(update={"discord_token": None}), print)

    @pytest.mark.parametrize("token", ["wrong", "two\nlines", "a token …"])
    async def test_a_wrong_token(
        self, server: DiscordServer, settings: Settings, token: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, "bot")
        wrong = settings.model_copy(update={"discord_token": SecretStr(token)})
        with pytest.raises(SettingsError, match="does not accept the DISCORD_TOKEN"):
            await run_bot(wrong, print)
        await nothing_left()
        assert not server.identified
        assert caplog.text.count("loaded in") <= 1  # the first checkpoint, which is on the disk

    async def test_a_database_that_cannot_be_used(self, settings: Settings, tmp_path: Path) -> None:
        url = SecretStr(f"postgresql://alice:s3cret@/database?host={tmp_path}")
        with pytest.raises(SettingsError, match="No PostgreSQL answers") as caught:
            await run_bot(settings.model_copy(update={"database_url": url}), print)
        assert "s3cret" not in caught.value.sentence

    async def test_discord_cannot_be_reached(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            monkeypatch.setattr(discord.http.Route, "BASE", f"http://127.0.0.1:{unused.getsockname()[1]}/api")
            with pytest.raises(SettingsError, match="cannot be reached"):
                await run_bot(settings, print)
        await nothing_left()

    @pytest.mark.parametrize("path", ["/users/@me", "/oauth2/applications/@me"])
    async def test_discord_is_out_of_order(self, server: DiscordServer, settings: Settings, path: str) -> None:
        server.failing[f"GET {path}"] = 503
        with pytest.raises(SettingsError, match="HTTP 503"):
            await run_bot(settings, print)
        await nothing_left()

    async def test_another_answers_in_discords_place(self, server: DiscordServer, settings: Settings) -> None:
        server.plan("GET", "/users/@me", AFTER["a page as the receipt"])
        with pytest.raises(SettingsError, match="is not Discord"):
            await run_bot(settings, print)
        await nothing_left()

    async def test_the_gateway_is_not_to_be_found(self, server: DiscordServer, settings: Settings) -> None:
        server.failing["GET /gateway/bot"] = 503
        with pytest.raises(SettingsError, match="cannot be reached"):
            await run_bot(settings, print)
        await nothing_left()

    @pytest.mark.parametrize(("code", "sentence"), [(4004, "does not accept the DISCORD_TOKEN"), (4013, "code 4013")])
    async def test_the_gateway_hangs_up(
        self, server: DiscordServer, settings: Settings, code: int, sentence: str
    ) -> None:
        server.gateway_close = code
        with pytest.raises(SettingsError, match=sentence):
            await run_bot(settings, print)
        await nothing_left()


class TestStop:
    @pytest.mark.parametrize("number", SIGNALS)
    async def test_answers_what_runs_and_tells_the_rest_to_try_again(
        self, server: DiscordServer, settings: Settings, start: Start, device: Device, number: signal.Signals
    ) -> None:
        async with start(settings) as run:
            running = await server.invoke("sentiment", text=TEXT)
            assert await asyncio.to_thread(device.begun.wait, PATIENCE)
            waiting = await server.invoke("sentiment", text="Another text")
            await server.until("POST", f"/{waiting}/callback")
            await until(lambda: device.asked == 2)  # prepared, and in the queue

            stop(number)
            # By one call: three would take too long if Discord is slow.
            told = await server.until("PATCH", f"/{waiting}/messages/@original")
            assert told["content"] == ShuttingDown().sentence
            assert not run.task.done()

            late = await server.invoke("sentiment", text="Too late")
            refused = await server.until("POST", f"/{late}/callback")
            assert refused["data"]["content"] == ShuttingDown().sentence

            server.until_closed = True
            device.may_go_on.set()
        answer = await server.until("PATCH", f"/{running}/messages/@original")
        assert "POSITIVE" in answer["embeds"][0]["description"]
        # Nothing more is taken while the last answers are on their way.
        assert [one.method for one in server.requests[-2:]] == ["CLOSE", "PATCH"]
        assert server.requests[-2].content == 1000

    async def test_a_text_that_takes_too_long_ends_with_what_is_written(
        self, server: DiscordServer, settings: Settings, start: Start, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        limits = Limits(seconds=840.0, drain_seconds=600.0, ending_seconds=300.0)
        monkeypatch.setattr(Settings, "limits", property(lambda settings: limits))
        with held_after(monkeypatch, 8) as go_on:
            async with start(settings):
                token = await server.invoke("generate", prompt="In this course", max_new_tokens=500)
                path = f"/{token}/messages/@original"
                await server.until("PATCH", path, lambda edit: "Stop" in str(edit.get("components")))
                timers = Timers(monkeypatch)
                stop()
                late = await server.invoke("sentiment", text="Too late")
                await server.until("POST", f"/{late}/callback")
                await timers.skip(301.0)
                go_on.set()
        answer = await server.until("PATCH", path, lambda edit: "Regenerate" in str(edit.get("components")))
        assert not server.exchanges[token].followups
        assert len(str(answer["embeds"][0]["description"])) < 400  # of 500 tokens

    async def test_answers_a_press_of_a_button_that_runs(
        self, server: DiscordServer, settings: Settings, start: Start, device: Device
    ) -> None:
        def is_whole(edit: Any) -> bool:
            return "Regenerate" in str(edit.get("components"))

        device.may_go_on.set()
        async with start(settings):
            command = await server.invoke("generate", prompt="In this course")
            path = f"/{command}/messages/@original"
            message = await server.until("PATCH", path, is_whole)
            device.may_go_on.clear()
            device.begun.clear()
            press = await server.press("Regenerate", message)
            assert await asyncio.to_thread(device.begun.wait, PATIENCE)
            stop()
            await turns()
            server.until_closed = True
            device.may_go_on.set()
        assert is_whole(server.requests[-1].content)
        assert press in server.requests[-1].path

    async def test_answers_a_message_that_runs_and_tells_the_one_that_waits(
        self, server: DiscordServer, settings: Settings, start: Start, device: Device
    ) -> None:
        async with start(settings) as run:
            await server.say("Hello")
            assert await asyncio.to_thread(device.begun.wait, PATIENCE)
            await server.say("And then?")
            await server.until_true(lambda: server.count("POST", "/typing"))  # it waits for its turn
            stop()
            await turns()
            assert not run.task.done()
            server.until_closed = True
            device.may_go_on.set()
        answer, told = server.messages.values()
        assert "New conversation" in str(answer["components"])
        assert told["content"] == ShuttingDown().sentence

    @pytest.mark.parametrize(("command", "option"), [("complete", "code"), ("tokenize", "texts")])
    async def test_answers_a_form_that_was_sent(
        self, server: DiscordServer, settings: Settings, start: Start, command: str, option: str
    ) -> None:
        """Item 24: `/complete`'s form was not waited for."""
        async with start(settings) as run:
            loading = await server.invoke(command, **{option: "x = 1"})
            await server.until("PATCH", f"/{loading}/messages/@original", is_answer)
            asked = await server.invoke(command)
            form = await server.until("POST", f"/{asked}/callback")
            server.may_edit.clear()
            sent = await server.send_form(form["data"], "x = 2")
            await server.until_true(lambda: server.edits_held)
            stop()
            await server.until("CLOSE", "/gateway")
            await asyncio.wait((run.task,), timeout=0.3)
            assert not run.task.done()
            server.may_edit.set()
        edit = await server.until("PATCH", f"/{sent}/messages/@original", is_answer)
        assert server.requests[-1].content == edit
        assert not server.exchanges[sent].followups

    async def test_before_the_bot_is_logged_in(
        self, server: DiscordServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = asyncio.Event()

        async def for_ever(*arguments: Any) -> None:
            asked.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(Glassbox, "login", for_ever)
        run = Run(settings)
        await asked.wait()
        stop()
        await run.end()
        assert run.said == []
        await nothing_left()


class TestStopSignals:
    async def test_are_as_before_afterwards(self) -> None:
        before = [signal.getsignal(number) for number in SIGNALS]
        with stop_signals() as stopped:
            assert [signal.getsignal(number) for number in SIGNALS] != before
            assert not stopped.is_set()
            stop()
            await asyncio.wait_for(stopped.wait(), PATIENCE)
        assert [signal.getsignal(number) for number in SIGNALS] == before

    async def test_work_that_ends_by_itself(self) -> None:
        async def fail() -> None:
            raise SettingsError("No")

        never = asyncio.Event()
        await until_stopped(never, asyncio.create_task(asyncio.sleep(0)))
        with pytest.raises(SettingsError, match="No"):
            await until_stopped(never, asyncio.create_task(fail()))


async def test_a_worker_that_hangs_again_ends_the_bot(
    start: Start, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After everybody was told: the stop is one as any other, but for its error, and so for the exit status."""
    hung = asyncio.Event()

    async def until_broken(self: InferenceWorker) -> None:
        await hung.wait()
        raise HungAgain

    monkeypatch.setattr(InferenceWorker, "until_broken", until_broken)
    with pytest.raises(HungAgain):
        async with start(settings):
            hung.set()

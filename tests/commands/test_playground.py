from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest

from bot.app import chosen_preset, open_backend
from bot.commands.playground import serve_playground
from bot.errors import SettingsError
from bot.playground import EXAMPLES, Page, examples, simulated_server
from bot.playground.mentions import with_mentions
from bot.playground.scenery import Scenery
from bot.settings import Settings
from bot.stopping import SIGNALS
from tests.commands.conftest import Paper
from tests.locales.pseudo import marked, unmarked
from tests.support import COURSE
from tests.timers import PATIENCE

ROOT = Path(__file__).parents[2]
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/\S*")


async def opened(console: Paper, serving: asyncio.Task[None]) -> str:
    """The address of the page, waited for."""
    async with asyncio.timeout(PATIENCE):
        while "Ctrl-C stops it." not in console.text:
            if serving.done():
                serving.result()
            await asyncio.sleep(0.02)
    [address] = ADDRESS.findall(console.text)
    return str(address)


@pytest.mark.may_block  # simcord reads the page's fonts
@pytest.mark.parametrize("number", SIGNALS)
async def test_serves_a_page_until_it_is_stopped(settings: Settings, console: Paper, number: signal.Signals) -> None:
    handlers = [signal.getsignal(number) for number in SIGNALS]
    serving = asyncio.create_task(serve_playground(settings, 0, console))
    address = await opened(console, serving)
    for line in EXAMPLES:
        assert line in console.text
    async with aiohttp.ClientSession() as session, session.get(address) as response:
        assert response.status == 200
        assert "<html" in (await response.text()).lower()

    os.kill(os.getpid(), number)
    os.kill(os.getpid(), number)
    async with asyncio.timeout(PATIENCE):
        await serving
    assert console.text.endswith("Stopped.\n")
    assert [signal.getsignal(number) for number in SIGNALS] == handlers
    for thread in threading.enumerate():
        if thread.name.startswith("glassbox"):
            thread.join(PATIENCE)
            assert not thread.is_alive(), thread.name


async def test_a_port_that_is_taken_is_told_before_anything_is_loaded(settings: Settings, console: Paper) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"Port {port} is taken"):
            await serve_playground(settings, port, console)
    assert console.text == ""


@pytest.mark.may_block
async def test_a_port_of_ones_own(settings: Settings, console: Paper) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serving = asyncio.create_task(serve_playground(settings, port, console))
    assert f":{port}/" in await opened(console, serving)
    os.kill(os.getpid(), signal.SIGINT)
    await serving


def test_only_the_examples_that_can_be_answered() -> None:
    assert examples(["fill"]) == [EXAMPLES[1]]
    assert examples([]) == []


async def test_no_answer_at_all(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ignore(*arguments: object) -> bool:
        return False

    monkeypatch.setattr("bot.client.Tree.interaction_check", ignore)
    preset = await asyncio.to_thread(chosen_preset, settings, "starter")
    async with open_backend(settings, preset) as backend, simulated_server(backend) as server:
        with pytest.raises(SettingsError, match="gave no answer"):
            await server.ask(EXAMPLES[0])


async def test_an_input_that_cannot_be_used_is_no_failure_of_the_bot(settings: Settings) -> None:
    preset = await asyncio.to_thread(chosen_preset, settings, "starter")
    async with open_backend(settings, preset) as backend, simulated_server(backend) as server:
        reply = await server.ask("/fill text:No mask here")

        assert reply.ephemeral
        assert "There is no mask in the text" in reply.message["content"]
        assert server._env.error_cursor == 0  # the page says so of whatever is counted here


@pytest.mark.may_block  # simcord reads the page's fonts
async def test_the_page_opens_at_the_first_reply(settings: Settings) -> None:
    preset = await asyncio.to_thread(chosen_preset, settings, "starter")
    async with open_backend(settings, preset) as backend, simulated_server(backend) as server:
        for line in (EXAMPLES[0], EXAMPLES[1]):
            await server.ask(line)
        async with server.page(None):
            shown = await server._env._preview.snapshot()
    assert len(shown["timeline"]) == 2
    assert shown["targetId"] == shown["timeline"][0]


@pytest.mark.may_block
async def test_a_page_without_replies_opens(settings: Settings) -> None:
    preset = await asyncio.to_thread(chosen_preset, settings, "starter")
    async with open_backend(settings, preset) as backend, simulated_server(backend) as server, server.page(None) as url:
        assert ADDRESS.fullmatch(url)


@pytest.mark.may_block
async def test_pages_of_others_reach_nothing(settings: Settings) -> None:
    """A page under a name of its own (DNS rebinding), another page (CSRF), and whoever has not opened ours."""
    preset = await asyncio.to_thread(chosen_preset, settings, "starter")
    async with (
        open_backend(settings, preset) as backend,
        simulated_server(backend) as server,
        server.page(None) as url,
        aiohttp.ClientSession() as session,
    ):
        shown = server._env._preview
        routes = [(route.method, route.resource.canonical) for route in shown._server.runner.app.router.routes()]
        behind = [(method, path) for method, path in routes if path.startswith("/api/")]
        assert len(behind) >= 6
        ours = {"X-Simcord-Capability": shown.capability, "Content-Type": "application/json"}
        base = url.partition("/#")[0].rstrip("/")
        for method, path in behind:
            for strange in (
                {**ours, "Host": "evil.example"},
                {**ours, "Host": f"evil.example:{base.rpartition(':')[2]}"},
                {**ours, "Origin": "http://evil.example"},
                {**ours, "Origin": f"{base}.evil.example"},
                {"Content-Type": "text/plain"},  # as a form can send without asking
                {**ours, "X-Simcord-Capability": "guessed"},
            ):
                async with session.request(method, base + path, headers=strange, data="{}") as response:
                    assert response.status in (401, 403, 404), (method, path, strange)
                    assert "Access-Control-Allow-Origin" not in response.headers
        async with session.get(f"{base}/api/state", headers=ours) as response:
            assert response.status not in (401, 403, 404)  # so it was what is strange that was refused


async def test_a_name_is_a_mention_as_in_discord(settings: Settings) -> None:
    preset = await asyncio.to_thread(chosen_preset, settings, "starter")
    async with open_backend(settings, preset) as backend, simulated_server(backend) as server:
        await server._member.send(server._channel, "@glassbox What is the capital of Italy?")
        await server._env.settle()

        history = [message async for message in server._bot.get_channel(server._channel.id).history()]  # type: ignore[union-attr]
    answer, question = history
    assert question.content.startswith("<@")
    assert answer.author.name == "Glassbox"
    assert answer.reference is not None
    assert answer.reference.message_id == question.id


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        ("@Glassbox hello", "<@1> hello"),
        ("hello @glassbox, and @Mia", "hello <@1>, and <@2>"),
        ("@Glassboxes, @Miami and mia@mia.example", "@Glassboxes, @Miami and mia@mia.example"),
        ("nobody", "nobody"),
    ],
)
def test_names_that_are_mentions(text: str, mentions: str) -> None:
    assert with_mentions(text, {"Glassbox": 1, "Mia": 2}) == mentions


@pytest.mark.may_block  # simcord reads the page's fonts
@pytest.mark.parametrize("page", Page)
async def test_each_page_welcomes_with_what_can_be_done_there(settings: Settings, page: Page) -> None:
    preset = await asyncio.to_thread(chosen_preset, settings, "starter")
    async with open_backend(settings, preset) as backend, simulated_server(backend) as server:
        await server.furnish()
        async with server.page(None, page):
            shown = await server._env._preview.snapshot()
    [welcome] = [one for one in shown["messages"].values() if "things to try" in str(one["content"])]
    assert ("reviews.csv" in str(welcome["content"])) == (page is Page.SERVER)
    assert ("/forum-tags" in str(welcome["content"])) == (page is Page.FORUM)


def test_the_server_is_furnished_in_the_language_of_whoever_tries_it() -> None:
    with marked():
        scenery = Scenery.read()
    for said in (scenery.welcome, scenery.welcome_directly, scenery.welcome_to_forum, scenery.with_file):
        assert not unmarked(said)
    assert not unmarked(scenery.topic + scenery.chatter_topic)


async def test_whoever_asks_runs_the_bot_and_sees_how_it_is(settings: Settings) -> None:
    preset = await asyncio.to_thread(chosen_preset, settings, "starter")
    async with open_backend(settings, preset) as backend, simulated_server(backend) as server:
        await backend.load(list(preset.checkpoints))
        await server.furnish()  # a week of the simulation's time
        await server.ask(EXAMPLES[0])
        reply = await server.ask("/status")

    [embed] = reply.message["embeds"]
    assert reply.ephemeral
    assert "**Ready** to answer people." in embed["description"]
    lag = re.search(r"The event loop is ([\d.]+) (ms|s) late", embed["description"])
    assert lag is not None
    assert float(lag[1]) < 1_000  # by the real clock
    fields = {field["name"]: field["value"] for field in embed["fields"]}
    p50 = re.search(r"1 answer on people's screens: p50 \*\*([\d.]+) (ms|s)\*\*", fields["Last hour"])
    assert p50 is not None
    assert p50.group() != "1 answer on people's screens: p50 **5 ms**"  # the shortest that is told: no time at all
    assert "0: connected" in fields["Shards"]


async def test_without_the_further_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "simcord", None)
    backend: object = None
    with pytest.raises(SettingsError, match=r"\[playground\]"):
        async with simulated_server(backend):  # type: ignore[arg-type]
            pass


def test_as_people_start_it(checkpoints: Mapping[str, Path], tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key.lower() not in Settings.model_fields}
    environment |= {f"{task.upper()}_CHECKPOINT": str(checkpoints[name]) for task, name in COURSE.items()}
    environment |= {"PYTHONPATH": str(ROOT), "COLUMNS": "120", "CACHE_DIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    environment["OMP_NUM_THREADS"] = "1"  # tiny matrices; more threads only wait for each other
    started = subprocess.Popen(
        [sys.executable, "-m", "bot", "playground", "--port", "0"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    watchdog = threading.Timer(PATIENCE, started.kill)
    watchdog.start()
    try:
        assert started.stdout is not None
        seen = []
        for line in started.stdout:
            seen.append(line)
            if "Ctrl-C stops it." in line:
                break
        started.send_signal(signal.SIGINT)
        rest, errors = started.communicate()
    finally:
        watchdog.cancel()
        started.kill()
        started.wait()
    assert ADDRESS.search("".join(seen)), errors
    assert rest.endswith("Stopped.\n")
    assert "Traceback" not in errors
    assert started.returncode == 0

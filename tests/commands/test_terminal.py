from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.commands.terminal import show_loading, show_reply
from bot.inference.checkpoints.catalogue import CheckpointSpec, FolderSource
from bot.inference.checkpoints.state import CheckpointState
from bot.inference.status import Phase
from bot.playground import SimulatedReply
from tests.commands.conftest import Paper
from tests.timers import FAR, turns


def state(name: str, **known: Any) -> CheckpointState:
    return CheckpointState(CheckpointSpec(name, FolderSource(Path(name)), **known))


def reply(ephemeral: bool = False, **message: Any) -> SimulatedReply:
    return SimulatedReply("/test", {"content": "", "embeds": [], "attachments": [], **message}, ephemeral)


async def shown(console: Paper, *states: CheckpointState) -> str:
    done = asyncio.get_running_loop().create_future()
    done.set_result(None)
    await show_loading(console, states, done)
    return console.text


class TestLoading:
    async def test_every_checkpoint_once(self, console: Paper) -> None:
        text = await shown(console, state("one", size_mb=12), state("one", size_mb=12), state("two"))
        assert text.count("one (12 MB)") == 1
        assert text.count("two") == 1
        assert "waiting" in text

    async def test_no_checkpoint(self, console: Paper) -> None:
        assert (await shown(console)).strip() == ""

    @pytest.mark.parametrize(("phase", "word"), [(Phase.READY, "ready"), (Phase.FAILED, "failed")])
    async def test_ends(self, console: Paper, phase: Phase, word: str) -> None:
        one = state("one")
        one.phase = phase
        assert word in await shown(console, one)

    async def test_how_full_the_bar_is(self, console: Paper) -> None:
        def fetching(one: CheckpointState) -> None:
            one.report("download", 30, 100)

        def loading(one: CheckpointState) -> None:
            one.phase, one.activity, one.expected_seconds = Phase.LOADING, "", 10 * FAR
            one.loading_since = time.perf_counter() - 8 * FAR

        def ready(one: CheckpointState) -> None:
            one.phase = Phase.READY

        lengths = [await _bar_after(prepare) for prepare in (lambda _: None, fetching, loading, ready)]
        assert lengths == sorted(set(lengths))
        assert lengths[0] == 0
        assert lengths[-1] == 40

    async def test_follows_until_it_is_done(self, console: Paper) -> None:
        one = state("one")
        done = asyncio.get_running_loop().create_future()
        following = asyncio.create_task(show_loading(console, [one], done))
        await turns()
        assert not following.done()
        one.phase = Phase.READY
        done.set_result(None)
        await following
        assert "ready" in console.text

    async def test_a_failure_is_left_to_the_caller(self, console: Paper) -> None:
        done = asyncio.get_running_loop().create_future()
        done.set_exception(RuntimeError("secret"))
        await show_loading(console, [state("one")], done)
        assert isinstance(done.exception(), RuntimeError)
        assert "secret" not in console.text


async def _bar_after(prepare: Callable[[CheckpointState], None]) -> int:
    console = Paper()
    one = state("one")
    prepare(one)
    [line] = [line for line in (await shown(console, one)).splitlines() if "one" in line]
    return line.count("━")


class TestReply:
    def test_an_embed(self, console: Paper) -> None:
        embed = {
            "title": "A title",
            "description": "first line\nsecond line",
            "color": 0x00FF00,
            "fields": [{"name": "A field", "value": "its **value**"}],
            "footer": {"text": "on cpu"},
        }
        show_reply(console, reply(embeds=[embed]))

        lines = console.text.splitlines()
        for part in ("A title", "first line", "second line", "A field", "its value", "on cpu"):
            assert sum(part in line for line in lines) == 1
        assert "only you" not in console.text

    def test_an_ephemeral_sentence(self, console: Paper) -> None:
        show_reply(console, reply(ephemeral=True, content="Please wait."))
        assert "Please wait." in console.text
        assert "only you can see this" in console.text

    def test_files(self, console: Paper) -> None:
        show_reply(console, reply(content="Long.", attachments=[{"filename": "texts.txt", "size": 12345}]))
        assert "📎 texts.txt (12,345 bytes)" in console.text

    def test_markup_in_a_text_stays_a_text(self, console: Paper) -> None:
        show_reply(console, reply(embeds=[{"title": "[bold]A[/bold] [/]", "footer": {"text": "[red]"}}]))
        assert "[bold]A[/bold] [/]" in console.text
        assert "[red]" in console.text

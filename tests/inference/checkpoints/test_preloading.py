"""Checkpoints are loaded ahead of time: the first at once, the others when people can ask and have been answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.inference import worker as module
from bot.inference.checkpoints import pool
from bot.inference.checkpoints.catalogue import CheckpointSpec, HubSource, Preset
from bot.inference.observer import Unobserved
from bot.inference.status import Phase
from bot.inference.worker import InferenceWorker
from bot.tasks.generate import GenerateRequest
from tests.inference.toys import until
from tests.support import open_worker, under_way
from tests.timers import FAR

LONG = GenerateRequest("I love apples and", max_new_tokens=300, top_p=0.01)
MakePreset = Callable[..., Preset]


class Connected(asyncio.Event):
    """Knows what had been loaded when it was waited for."""

    def __init__(self, worker: InferenceWorker) -> None:
        super().__init__()
        self.seen: list[Phase] = []
        self._worker = worker

    async def wait(self) -> bool:  # type: ignore[override]
        self.seen += [one.phase for one in self._worker.status().checkpoints]
        return await super().wait()


async def test_until_people_can_ask_only_the_first_is_loaded(make_preset: MakePreset, tmp_path: Path) -> None:
    async with open_worker(make_preset(sentiment="distilbert", fill="roberta"), tmp_path) as worker:
        connected = Connected(worker)
        preloading = asyncio.create_task(worker.preload(connected))
        await until(lambda: bool(connected.seen))
        assert connected.seen == [Phase.READY, Phase.WAITING]
        connected.set()
        await preloading
        assert [one.phase for one in worker.status().checkpoints] == [Phase.READY, Phase.READY]


async def test_until_people_can_ask_nothing_is_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token may be wrong, and a checkpoint be a gigabyte."""
    fetched: list[str] = []

    def fetch(spec: CheckpointSpec, *arguments: object) -> Path:
        fetched.append(spec.name)
        raise OSError

    monkeypatch.setattr(pool, "fetch", fetch)
    spec = CheckpointSpec("far away", HubSource("nobody/nothing"))
    async with open_worker(Preset("far", "Far away", {"sentiment": spec}, {}), tmp_path) as worker:
        connected = Connected(worker)
        preloading = asyncio.create_task(worker.preload(connected))
        await until(lambda: bool(connected.seen))
        assert (connected.seen, fetched) == ([Phase.WAITING], [])
        connected.set()
        await preloading
        assert fetched == ["far away"]


async def test_people_are_answered_before_the_next_is_loaded(
    make_preset: MakePreset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GIVING_WAY_SECONDS", FAR)
    written: list[bool] = []

    class Noting(Unobserved):
        def loaded(self, checkpoint: str, seconds: float) -> None:
            written.append(answering.done())

    preset = make_preset(generate="llama", fill="roberta")
    async with open_worker(preset, tmp_path) as worker:
        await worker.load(["generate"])
        worker._pool._observer = Noting()
        answering = worker.submit(LONG, person=1)
        await under_way(answering)
        connected = asyncio.Event()
        connected.set()
        await worker.preload(connected)
        assert written == [True]

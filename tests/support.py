"""What tests of several files build: presets of folders, and workers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import regex

from bot.errors import InvalidRequest
from bot.inference.answering import Answering
from bot.inference.checkpoints.catalogue import CheckpointSpec, Extra, FolderSource, Preset
from bot.inference.checkpoints.memory_limit import MemoryLimits
from bot.inference.checkpoints.pool import CheckpointPool
from bot.inference.compute.device import Device, Devices
from bot.inference.observer import Observer
from bot.inference.operations import TaskRun, run_task
from bot.inference.requests import Request
from bot.inference.side_by_side import side_by_side
from bot.inference.task import Task
from bot.inference.worker import InferenceWorker, Limits
from tests.timers import PATIENCE, turns

T = TypeVar("T")

CPU = Device("cpu", "float32")

_ESCAPED = regex.compile("\\\\([^0-9A-Za-z\\s])|@\u200b")

COURSE = {
    "sentiment": "distilbert",
    "fill": "roberta",
    "generate": "llama",
    "translate": "t5",
    "zeroshot": "bart_mnli",
    "entities": "bert_ner",
    "similarity": "minilm",
    "answer": "bert_squad",
    "summarize": "bart",
    "complete": "llama",
    "chat": "llama",
}
"""Which tiny checkpoint stands for the course's one, by task."""
COMMANDS = frozenset(
    {
        *COURSE, "attention", "batch", "compare", "forum-tags", "guess", "help", "inspect", "language", "models",
        "mood", "privacy", "settings", "status", "tokenize", "topics",
    }
)  # fmt: skip
"""Every slash command: those that a task of the same name answers, and those that look into checkpoints."""


def preset_of(folders: Mapping[str, Path], **known: Any) -> Preset:
    """A preset whose checkpoints lie in folders.

    Args:
        folders: task → folder.
        known: further fields of all specs, such as `licence` or `note`.
    """
    checkpoints = {
        task: CheckpointSpec(name=f"tiny-{folder.name}", source=FolderSource(folder), **known)
        for task, folder in folders.items()
    }
    return Preset(name="tiny", description="Tiny random checkpoints", checkpoints=checkpoints, known={})


def with_extras(preset: Preset, *folders: Path | tuple[Path, tuple[str, ...]]) -> Preset:
    """A preset with further checkpoints to choose from, which lie in folders, perhaps with the tasks that they are for.

    Their names are those of `preset_of`.
    """
    extras = []
    for one in folders:
        folder, tasks = one if isinstance(one, tuple) else (one, None)
        extras.append(Extra(CheckpointSpec(name=f"tiny-{folder.name}", source=FolderSource(folder)), tasks))
    return replace(preset, extras=tuple(extras))


@asynccontextmanager
async def open_worker(
    preset: Preset,
    cache: Path,
    *,
    tasks: Iterable[Task[Any]] | None = None,
    limits: Limits | None = None,
    device: Devices = CPU,
    room: MemoryLimits | None = None,
    observer: Observer | None = None,
) -> AsyncIterator[InferenceWorker]:
    """A worker that has started, and is drained at the end.

    Args:
        tasks: all of Glassbox's where not given.
        device: one, or several.
        room: for the weights; without limit where not given.
    """
    if tasks is None:
        from bot.tasks import all_tasks

        tasks = all_tasks()
    pool = CheckpointPool(preset, device, cache, room)
    async with InferenceWorker(tasks, pool, device, limits, observer=observer) as worker:
        yield worker


def run_together(*tasks: TaskRun[T]) -> list[T]:
    """Run tasks to their ends at once, all rows of an operation in one batch, however different their lengths are."""
    return list(run_task(side_by_side(tasks)))


async def run_all(worker: InferenceWorker, requests: Sequence[Request[T]]) -> list[T]:
    """The results of requests that all arrive at once, each from a person of its own."""
    answers = await asyncio.gather(*(worker.run(request, person=index) for index, request in enumerate(requests)))
    return [answer.result for answer in answers]


async def run_crowd(worker: InferenceWorker, requests: Sequence[Request[T]]) -> list[T]:
    """The results of requests that arrive while the device is busy, so that they certainly share batches."""
    await worker.load(set(worker.status().models))
    async with device_held(worker):
        answers = [worker.submit(request, person=index) for index, request in enumerate(requests)]
        await rows_arrived(worker)
    return [answer.result for answer in await asyncio.gather(*answers)]


@asynccontextmanager
async def device_held(worker: InferenceWorker) -> AsyncIterator[None]:
    """Keep the device busy with nothing, so that what is asked meanwhile gathers in the queue."""
    gate = threading.Event()
    for runner in worker._queue._runners:
        runner.thread.submit(gate.wait, PATIENCE)
    try:
        yield
    finally:
        gate.set()


async def rows_arrived(worker: InferenceWorker) -> None:
    """Wait until everything that was asked is prepared, and waits for the device."""
    while True:
        await turns()
        # A part of the name, because mutmut changes the rest.
        computing = [names for names in map(_awaits, asyncio.all_tasks()) if any("_drive" in name for name in names)]
        assert computing, "nobody is answered"
        if all("DeviceQueue.compute" in names for names in computing):
            return
        await asyncio.sleep(0.001)


def _awaits(task: asyncio.Task[Any]) -> set[str]:
    """The functions that a task is in."""
    names: set[str] = set()
    awaited: Any = task.get_coro()
    while (code := getattr(awaited, "cr_code", None)) is not None:
        names.add(code.co_qualname)
        awaited = getattr(awaited, "cr_await", None)
    return names


async def under_way(answer: Answering[T]) -> T:
    """What there is of an answer, as soon as there is something."""
    while (found := await answer.partial()) is None:
        assert not answer.done()
        await asyncio.sleep(0.001)
    return found


def refusal_of(build: Callable[[], object]) -> str | None:
    """The sentence with which something is refused as an invalid request; None where it is not. Other errors pass."""
    try:
        build()
    except InvalidRequest as error:
        return error.sentence
    return None


def unescape(markdown: str) -> str:
    """Return an escaped text as Discord shows it."""
    return str(_ESCAPED.sub(lambda match: match[1] or "@", markdown))

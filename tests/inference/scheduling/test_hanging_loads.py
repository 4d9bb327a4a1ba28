"""A load or a fetch that hangs is noticed and told, and the next request loads the checkpoint on another thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.errors import HungAgain, LoadHung, NotResponding
from bot.inference.checkpoints import pool
from bot.inference.checkpoints.meta_model import MODEL_BUILDING
from bot.inference.checkpoints.pool import CheckpointPool
from bot.inference.operations import Budget
from bot.inference.scheduling.watchdog import CHECKS
from bot.inference.status import Phase
from bot.inference.worker import InferenceWorker, Limits
from tests.inference.scheduling.test_hangs import Clock
from tests.inference.toys import PRESET, TASK, ToyHead, ToyRequest, outcomes, until
from tests.support import CPU
from tests.timers import FAR, PATIENCE

pytestmark = pytest.mark.measured_elsewhere


@pytest.fixture
def hung(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """A checkpoint whose loads and fetches hang as often as a test says, until its end."""
    state = SimpleNamespace(gate=threading.Event(), loads=0, fetches=0, inside=0, holds_lock=False)

    def hang() -> None:
        state.inside += 1
        state.gate.wait(PATIENCE)

    def load_head(*arguments: Any) -> ToyHead:
        if state.loads > 0:
            state.loads -= 1
            if state.holds_lock:
                with MODEL_BUILDING:
                    hang()
            hang()
        return ToyHead(Budget(64, rows=8))

    def fetch(spec: Any, cache: Path, progress: Any) -> Path:
        progress.report("download", 1, 2)
        if state.fetches > 0:
            state.fetches -= 1
            hang()
            progress.report("download", 2, 2)
        return cache

    monkeypatch.setattr(pool, "fetch", fetch)
    monkeypatch.setattr(pool, "load_head", load_head)
    yield state
    state.gate.set()


def opened(cache: Path, clock: Clock) -> InferenceWorker:
    limits = Limits(hang_seconds=FAR, loading_seconds=FAR, seconds=FAR)
    return InferenceWorker([TASK], CheckpointPool(PRESET, CPU, cache), CPU, limits, clock)


def let_it_hang(worker: InferenceWorker, clock: Clock) -> None:
    for _ in range(CHECKS + 1):
        worker.look_for_hangs()
        clock.now += FAR / CHECKS
    worker.look_for_hangs()


@pytest.mark.parametrize("what", ["loads", "fetches"])
async def test_everybody_who_waits_is_told_and_the_next_one_is_answered(
    hung: SimpleNamespace, tmp_path: Path, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    setattr(hung, what, 1)
    async with opened(tmp_path, clock) as worker:
        waiting = [worker.submit(ToyRequest(index), person=index) for index in range(5)]
        await until(lambda: hung.inside == 1)
        let_it_hang(worker, clock)
        assert [type(one) for one in await outcomes(*waiting)] == [NotResponding] * 5
        assert worker.task_state("toy").phase is Phase.FAILED  # readiness is red meanwhile
        assert (await worker.run(ToyRequest(6), person=1)).result == 12
        assert worker.status().accepting
        hung.gate.set()  # it comes back, and changes nothing
        assert (await worker.run(ToyRequest(7), person=1)).result == 14
        assert worker.task_state("toy").phase is Phase.READY
    assert "fetching or loading Toy has made no progress" in caplog.text


async def test_the_second_one_is_the_end(hung: SimpleNamespace, tmp_path: Path) -> None:
    clock = Clock()
    hung.loads = 2
    async with opened(tmp_path, clock) as worker:
        broken = asyncio.create_task(worker.until_broken())

        def is_inside(number: int) -> bool:
            return bool(hung.inside == number)

        for number in (1, 2):
            waiting = worker.submit(ToyRequest(1), person=1)
            await until(partial(is_inside, number))
            assert not broken.done()
            let_it_hang(worker, clock)
            assert [type(one) for one in await outcomes(waiting)] == [NotResponding]
        with pytest.raises(HungAgain):
            await asyncio.wait_for(broken, PATIENCE)


async def test_one_that_keeps_others_from_loading_is_the_end(hung: SimpleNamespace, tmp_path: Path) -> None:
    """transformers is left with its functions replaced: weights that are shared would never be tied again."""
    clock = Clock()
    hung.loads, hung.holds_lock = 1, True
    async with opened(tmp_path, clock) as worker:
        broken = asyncio.create_task(worker.until_broken())
        waiting = worker.submit(ToyRequest(1), person=1)
        await until(lambda: hung.inside == 1)
        let_it_hang(worker, clock)
        assert [type(one) for one in await outcomes(waiting)] == [NotResponding]
        with pytest.raises(LoadHung):
            await asyncio.wait_for(broken, PATIENCE)
        assert not worker.status().accepting
        hung.gate.set()


async def test_a_fetch_that_makes_progress_or_waits_for_another_process_does_not_hang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, step, done = Clock(), threading.Semaphore(0), threading.Semaphore(0)
    reports = [*(("download", number, 99) for number in range(2 * CHECKS)), *[("wait", 0, None)] * 2 * CHECKS]

    def fetch(spec: Any, cache: Path, progress: Any) -> Path:
        for report in reports:
            progress.report(*report)
            done.release()
            assert step.acquire(timeout=PATIENCE)
        return cache

    monkeypatch.setattr(pool, "fetch", fetch)
    monkeypatch.setattr(pool, "load_head", lambda *arguments: ToyHead(Budget(64, rows=8)))
    async with opened(tmp_path, clock) as worker:
        waiting = worker.submit(ToyRequest(1), person=1)
        for _ in reports:
            assert await asyncio.to_thread(done.acquire, True, PATIENCE)
            worker.look_for_hangs()
            clock.now += FAR / CHECKS
            step.release()
        assert await outcomes(waiting) == [2]

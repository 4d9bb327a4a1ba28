"""What hangs is noticed, told and replaced; and whatever a thread raises ends no more than its own request."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.errors import DeadlinePassed, HungAgain, ModelFailed, ModelUnavailable, NotResponding, ShuttingDown
from bot.inference.checkpoints.loading import load_head
from bot.inference.checkpoints.pool import CheckpointPool
from bot.inference.heads.generation.generate_batch import GenerateBatch
from bot.inference.operations import Budget, decode_step
from bot.inference.scheduling.daemon_threads import DaemonThreads, Escaped
from bot.inference.scheduling.watchdog import CHECKS, Watchdog
from bot.inference.worker import InferenceWorker, Limits
from bot.tasks.generate import GenerateRequest
from bot.tasks.sentiment import SentimentRequest
from tests.inference.toys import GENEROUS, PRESET, TASK, ToyHead, ToyRequest, ToyShop, outcomes, queued, until
from tests.support import CPU, under_way
from tests.timers import PATIENCE

pytestmark = pytest.mark.measured_elsewhere

ROOT = Path(__file__).parents[3]
HANG = 80.0
ENDS = [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError(), StopIteration(1)]


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class TestWatchdog:
    def test_only_what_shows_no_sign_of_life_hangs(self) -> None:
        clock = Clock()
        watchdog = Watchdog(HANG, clock)
        found = []
        for look in range(2 * CHECKS):
            found.append(watchdog.check({"slow": look // 5, "hung": 0, **({"late": 0} if look > 12 else {})}))
            clock.now += watchdog.every
        assert found[:CHECKS] == [[]] * CHECKS
        assert found[CHECKS:] == [["hung"]] * CHECKS
        assert watchdog.silence == (2 * CHECKS - 1) * watchdog.every

    def test_what_has_ended_is_forgotten(self) -> None:
        clock = Clock()
        watchdog = Watchdog(HANG, clock)
        for _ in range(4 * CHECKS):
            clock.now += watchdog.every
            assert watchdog.check({"hung": 0}) == [] or clock.now > HANG
            clock.now += watchdog.every
            assert watchdog.check({}) == []
        assert watchdog.silence == 0

    def test_a_process_that_was_paused_hangs_no_more_than_before(self) -> None:
        clock = Clock()
        watchdog = Watchdog(HANG, clock)
        watchdog.check({"working": 0})
        clock.now += 10 * HANG
        assert watchdog.check({"working": 0}) == []
        assert watchdog.silence == 2 * watchdog.every


class TestThreads:
    def test_calls_are_made_and_errors_handed_on(self) -> None:
        threads = DaemonThreads(2, "glassbox-test")
        assert threads.submit(divmod, 7, 2).result() == (3, 1)
        with pytest.raises(ZeroDivisionError):
            threads.submit(divmod, 7, 0).result()
        assert threads.submit(threading.current_thread).result().daemon
        threads.shutdown()
        with pytest.raises(RuntimeError):
            threads.submit(int)

    @pytest.mark.parametrize("error", ENDS, ids=lambda error: type(error).__name__)
    def test_what_would_end_the_process_ends_a_call(self, error: BaseException) -> None:
        def fail() -> None:
            raise error

        threads = DaemonThreads(1, "glassbox-test")
        with pytest.raises(Escaped, match=type(error).__name__):
            threads.submit(fail).result()
        assert threads.submit(int).result() == 0
        threads.shutdown()

    def test_a_thread_that_cannot_begin_fails_its_calls(self) -> None:
        def begin() -> None:
            raise OSError("no such device")

        threads = DaemonThreads(1, "glassbox-test", begin)
        for _ in range(2):
            with pytest.raises(OSError, match="device"):
                threads.submit(int).result()
        threads.shutdown()

    def test_another_thread_takes_the_place_of_one_that_hangs(self) -> None:
        gate, begun, threads = threading.Event(), threading.Event(), DaemonThreads(1, "glassbox-test")
        hung: list[threading.Thread] = []

        def hang() -> None:
            hung.append(threading.current_thread())
            begun.set()
            gate.wait(PATIENCE)

        last = threads.submit(hang)
        assert begun.wait(PATIENCE)
        assert not threads.join(0)
        threads.replace(hung[0])
        threads.replace(hung[0])  # once more changes nothing
        assert threads.submit(threading.current_thread).result() is not hung[0]
        threads.shutdown()
        gate.set()
        last.result()
        hung[0].join(PATIENCE)
        assert not hung[0].is_alive()

    def test_what_has_not_begun_is_cancelled_with_the_end(self) -> None:
        gate, begun, threads = threading.Event(), threading.Event(), DaemonThreads(1, "glassbox-test")

        def hang() -> None:
            begun.set()
            gate.wait(PATIENCE)

        first, second = threads.submit(hang), threads.submit(int)
        assert begun.wait(PATIENCE)
        threads.shutdown(wait=False, cancel_futures=True)
        gate.set()
        assert first.result() is None
        assert second.cancelled()
        assert threads.join(PATIENCE)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def opened(shop: ToyShop, tmp_path: Path, clock: Clock, **limits: Any) -> InferenceWorker:
    return InferenceWorker(
        [TASK], CheckpointPool(PRESET, CPU, tmp_path), CPU, Limits(hang_seconds=HANG, **limits), clock
    )


def let_it_hang(worker: InferenceWorker, clock: Clock) -> None:
    """So much time passes that whatever is in hand is said to hang."""
    for _ in range(CHECKS + 1):
        worker.look_for_hangs()
        clock.now += HANG / CHECKS
    worker.look_for_hangs()


def at_stage(stage: str, value: int, act: Callable[[], Any]) -> ToyRequest:
    """A request that does something while it is prepared, or finished."""
    if stage == "prepare":
        return ToyRequest(value, prepare=act)
    return ToyRequest(value, finish=act)


async def test_all_who_wait_for_a_forward_pass_that_hangs_are_told(
    shop: ToyShop, tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """And whoever asks from then on is answered: by another thread, and by the checkpoint loaded anew."""
    hung = shop.head
    async with opened(shop, tmp_path, clock) as worker:
        async with shop.hold(worker) as held:
            waiting = [worker.submit(ToyRequest(index), person=index) for index in range(1, 20)]
            await queued(worker, 19)
            shop.head = ToyHead(Budget(64, rows=8))
            let_it_hang(worker, clock)
            found = await outcomes(held, *waiting)
            assert [type(one) for one in found] == [NotResponding] * 20
            assert "shorter" not in found[0].sentence
            assert (await worker.run(ToyRequest(21), person=1)).result == 42
            assert worker.status().rows_waiting == 0
        hung.gate.set()  # it comes back, and what it says is of no use to anybody
        await until(lambda: not hung.running)
        assert (await worker.run(ToyRequest(22), person=1)).result == 44
    assert shop.loads == 2
    assert hung.values == [0]
    assert "Toy has not responded for 80 seconds" in caplog.text


async def test_a_hang_between_two_looks_that_ends_by_itself_is_none(
    shop: ToyShop, tmp_path: Path, clock: Clock
) -> None:
    async with opened(shop, tmp_path, clock) as worker:
        async with shop.hold(worker) as held:
            for _ in range(CHECKS - 1):
                worker.look_for_hangs()
                clock.now += HANG / CHECKS
            shop.head.gate.set()
            assert await outcomes(held) == [0]
        let_it_hang(worker, clock)
        assert (await worker.run(ToyRequest(1), person=1)).result == 2
    assert shop.loads == 1


@pytest.mark.parametrize("stage", ["prepare", "finish"])
async def test_a_tokenizer_that_hangs(shop: ToyShop, tmp_path: Path, clock: Clock, stage: str) -> None:
    """Others hang with it, because they wait for its lock: that is one hang, not several."""
    gate, inside = threading.Event(), threading.Semaphore(0)

    def hang() -> None:
        inside.release()
        gate.wait(PATIENCE)

    async with opened(shop, tmp_path, clock) as worker:
        await worker.load(["toy"])
        requests = [at_stage(stage, index, hang) for index in range(4)]
        answers = [worker.submit(request, person=index) for index, request in enumerate(requests)]
        assert await asyncio.to_thread(lambda: all(inside.acquire(timeout=PATIENCE) for _ in range(2)))
        let_it_hang(worker, clock)
        assert [type(one) for one in await outcomes(*answers)] == [NotResponding] * 4
        again = [worker.submit(ToyRequest(index), person=index) for index in range(6)]
        assert await outcomes(*again) == [0, 2, 4, 6, 8, 10]
        gate.set()
    assert shop.loads == 2


async def test_the_second_hang_is_the_end(shop: ToyShop, tmp_path: Path, clock: Clock) -> None:
    first = shop.head
    async with opened(shop, tmp_path, clock) as worker:
        hung = asyncio.create_task(worker.until_broken())
        for head in (first, ToyHead(Budget(64, rows=8))):
            assert not hung.done()
            shop.head = head
            async with shop.hold(worker) as held:
                waiting = worker.submit(ToyRequest(1), person=1)
                await queued(worker, 1)
                let_it_hang(worker, clock)
                assert [type(one) for one in await outcomes(held, waiting)] == [NotResponding] * 2
        with pytest.raises(HungAgain, match="second time"):
            await asyncio.wait_for(hung, PATIENCE)
        with pytest.raises(ShuttingDown):
            worker.submit(ToyRequest(1), person=1)


async def test_the_deadline_tells_the_truth_about_what_hangs(shop: ToyShop, tmp_path: Path, clock: Clock) -> None:
    """A request is told so at its deadline, which may come before the checkpoint is discarded."""
    async with opened(shop, tmp_path, clock, seconds=0.2) as worker:
        async with shop.hold(worker) as held:
            for _ in range(CHECKS // 2 + 1):
                worker.look_for_hangs()
                clock.now += HANG / CHECKS
            worker.look_for_hangs()
            assert [type(one) for one in await outcomes(held)] == [NotResponding]
        await until(lambda: not shop.head.running)
        async with shop.hold(worker) as held:
            worker.look_for_hangs()
            assert [type(one) for one in await outcomes(held)] == [DeadlinePassed]


async def test_other_checkpoints_go_on(
    make_worker: Callable[..., Any], clock: Clock, course: Any, tmp_path: Path
) -> None:
    """Also a text that is being written on the device that hangs: it loses no token."""
    request = GenerateRequest("I love apples and", max_new_tokens=400, top_p=0.01)
    async with make_worker() as worker:
        expected = (await worker.run(request, person=1)).result.continuations[0].text
    gate, inside = threading.Event(), threading.Event()
    models = CheckpointPool(course, CPU, tmp_path / "cache")
    from bot.tasks import all_tasks

    async with InferenceWorker(all_tasks(), models, CPU, Limits(hang_seconds=HANG), clock) as worker:
        await worker.load(["generate", "sentiment"])
        text = worker.submit(request, person=1)
        await under_way(text)
        model = await models.get("sentiment")

        def hang(*_: Any) -> None:
            inside.set()
            gate.wait(PATIENCE)

        model.head.model.register_forward_pre_hook(hang)
        hanging = worker.submit(SentimentRequest("I love lemons."), person=2)
        assert await asyncio.to_thread(inside.wait, 20)
        assert not text.done()
        let_it_hang(worker, clock)
        assert [type(one) for one in await outcomes(hanging)] == [NotResponding]
        assert (await asyncio.wait_for(text, 60)).result.continuations[0].text == expected
        assert (await worker.run(SentimentRequest("I love lemons."), person=2)).result.scores
        gate.set()


def test_a_batch_that_lasts_shows_signs_of_life(checkpoints: Mapping[str, Path]) -> None:
    """`generate` searches beams for as long as a whole text takes."""
    head: Any = load_head(checkpoints["t5"], CPU)
    head.model.generation_config.num_beams = 2
    session = head.rewrite.session(False)
    row = head.encode("I love apples.", max_new_tokens=9)
    decode_step(session, [row])
    assert isinstance(session._session, GenerateBatch)
    assert row.heartbeat >= 9


class TestWhatThreadsRaise:
    """`SystemExit` and its like are a request's failure."""

    @pytest.mark.parametrize("error", ENDS, ids=lambda error: type(error).__name__)
    @pytest.mark.parametrize("stage", ["prepare", "finish", "device"])
    async def test_it_fails_the_request(
        self, shop: ToyShop, error: BaseException, stage: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(*_: Any) -> None:
            raise error

        request = ToyRequest(1) if stage == "device" else at_stage(stage, 1, fail)
        async with shop.open() as worker:
            if stage == "device":
                shop.head.fault = fail
            assert [type(one) for one in await outcomes(worker.submit(request, person=1))] == [ModelFailed]
            shop.head.fault = lambda values: None
            assert (await worker.run(ToyRequest(2), person=1)).result == 4
        assert "failed" in caplog.text

    async def test_while_loading(self, shop: ToyShop) -> None:
        def fail() -> ToyHead:
            raise SystemExit(3)

        shop.load = fail
        async with shop.open() as worker:
            with pytest.raises(ModelUnavailable):
                await worker.run(ToyRequest(1), person=1)
            shop.load = lambda: shop.head
            assert (await worker.run(ToyRequest(2), person=1)).result == 4

    async def test_under_way(self, make_worker: Callable[..., Any]) -> None:
        async with make_worker() as worker:
            model = await worker._pool.get("generate")

            def fail(*_: Any) -> None:
                raise SystemExit(3)

            handle = model.head.model.register_forward_pre_hook(fail)
            request = GenerateRequest("I love", max_new_tokens=5, top_p=0.01)
            with pytest.raises(ModelFailed):
                await worker.run(request, person=1)
            handle.remove()
            assert (await worker.run(request, person=1)).result.continuations


async def test_a_stop_leaves_behind_what_hangs(
    shop: ToyShop, tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    gate, inside = threading.Event(), threading.Event()

    def hang() -> None:
        inside.set()
        gate.wait(PATIENCE)

    async with opened(shop, tmp_path, clock, drain_seconds=0.05) as worker:
        shop.head.gate.clear()
        on_device = worker.submit(ToyRequest(1), person=1)
        await until(lambda: shop.head.running)
        preparing = worker.submit(ToyRequest(1, prepare=hang), person=1)
        assert await asyncio.to_thread(inside.wait, 20)
        await asyncio.wait_for(worker.aclose(), 9)  # before the toys give up by themselves
        assert [type(one) for one in await outcomes(on_device, preparing)] == [ShuttingDown] * 2
        gate.set()
        shop.head.gate.set()
    assert "a thread hangs, and is left behind" in caplog.text


def process(cache: Path, hang_seconds: float) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    arguments = [sys.executable, "-m", "tests.inference.scheduling.hanging_process", str(cache), str(hang_seconds)]
    return subprocess.Popen(
        arguments, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_whose_model_hangs_can_be_stopped(tmp_path: Path, number: signal.Signals) -> None:
    with process(tmp_path, hang_seconds=1_000) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "hanging\n"
        running.send_signal(number)
        told, logged = running.communicate(timeout=100)
    assert told == "['ShuttingDown', 'ShuttingDown']\n"
    assert "a thread hangs, and is left behind" in logged
    assert running.returncode == 0


def test_a_process_that_hangs_again_ends_with_a_status_of_its_own(tmp_path: Path) -> None:
    with process(tmp_path, hang_seconds=2) as running:
        told, logged = running.communicate(timeout=100)
    assert told == "hanging\n['NotResponding', 'NotResponding']\n"
    assert HungAgain().sentence in logged
    assert running.returncode == 70


def test_defaults_are_far_above_a_batch() -> None:
    assert Limits().hang_seconds >= 120
    assert GENEROUS.hang_seconds == Limits().hang_seconds

"""Inference on a real Ray cluster of this machine, whose devices are stand-ins that sleep."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.errors import QueueFull, TooManyRequests
from bot.inference.answering import Answering, AnsweringState, Loading, Stage
from bot.inference.limits import Limits
from bot.inference.serving.groups import Scaling
from bot.inference.status import Phase
from bot.settings import Settings
from bot.tasks.generate import GenerateRequest, GenerateResult
from bot.tasks.sentiment import SentimentRequest
from tests.bench.scale_application import APPLICATION, Sleeping
from tests.bench.scale_standin import EARLY, Pace, sleeping_preset
from tests.conftest import TRACED_PROCESSES
from tests.inference.serving.api_server import CODEC, Api
from tests.support import COURSE
from tests.timers import PATIENCE

pytestmark = [pytest.mark.ray, pytest.mark.may_block]

ENDLESS = 512
PEOPLE = 3
QUEUE = 30
KEY = "the key of a test"


@dataclass
class Running:
    """The application that all tests of this file ask.

    Attributes:
        calls: where the stand-ins note what they compute.
    """

    sleeping: Sleeping
    port: int
    calls: Path

    def begun(self, text: str) -> list[int]:
        """The processes that have begun to compute a text, in order."""
        if not self.calls.exists():
            return []
        lines = [line.partition(" ") for line in self.calls.read_text().splitlines()]
        return [int(process) for process, _, noted in lines if noted == text]

    def deploy(self, sleeping: Sleeping) -> None:
        """Replace the application by another, as `serve deploy` does."""
        from ray import serve

        serve.run(sleeping.build(), name=APPLICATION, route_prefix="/")
        self.sleeping = sleeping

    def api(self, key: str = KEY) -> AbstractAsyncContextManager[Api]:
        """A caller of the application."""
        return calling(self.port, key)

    @asynccontextmanager
    async def backend(self, **limits: Any) -> AsyncIterator[Any]:
        """A backend over the application, as each replica of the ingress has one."""
        sleeping = replace(self.sleeping, limits=replace(self.sleeping.limits, **limits))
        async with sleeping.backend() as backend:
            yield backend


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    from bot.inference.serving.local_cluster import local_cluster

    calls = tmp_path_factory.mktemp("ray") / "calls"
    sleeping = Sleeping(
        Scaling(min_replicas=2, max_replicas=2, num_cpus=0, max_ongoing_requests=16),
        Pace(forward=0.02, step=0.02, calls=calls),
        sleeping_preset(("sentiment", "generate")),
        Limits(per_person=PEOPLE),
        ingress=Scaling(min_replicas=2, max_replicas=2, num_cpus=0),
        queue=QUEUE,
    )
    port = free_port()
    # Lines that these tests reach in Ray's processes are counted in others' tests, and counting takes much time there.
    traced = os.environ.pop(TRACED_PROCESSES, None)
    with local_cluster("127.0.0.1", port, {"INFERENCE_KEY": KEY}, num_cpus=2):
        started = Running(sleeping, port, calls)
        started.deploy(sleeping)
        yield started
    if traced is not None:
        os.environ[TRACED_PROCESSES] = traced


@asynccontextmanager
async def calling(port: int, key: str = KEY) -> AsyncIterator[Api]:
    """A caller of the API on a port."""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}", "X-Person": "1"}) as session:
        yield Api(f"http://127.0.0.1:{port}", session)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def until(condition: Any, *arguments: Any) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition(*arguments):  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(0.02)


async def shown(answering: Answering[GenerateResult], tokens: int = 1) -> int:
    """Wait until so much of a text is shown; return how much is."""
    async with asyncio.timeout(PATIENCE):
        while True:
            partial = await answering.partial()
            if partial is not None and partial.continuations[0].tokens >= tokens:
                return partial.continuations[0].tokens
            assert not answering.done()
            await asyncio.sleep(0.02)


def replicas() -> dict[int, Any]:
    """The actors of the replicas that host workers, by their processes."""
    import ray

    names = [one for one in ray.util.list_named_actors(all_namespaces=True) if "#sleeping-stand-in" in one["name"]]
    actors = [ray.get_actor(one["name"], namespace=one["namespace"]) for one in names]
    pids = ray.get([actor.__ray_call__.remote(lambda self: os.getpid()) for actor in actors])
    return dict(zip(pids, actors, strict=True))


async def test_the_command_serves_real_checkpoints_and_ends_when_it_has_answered(
    settings: Settings, checkpoints: Mapping[str, Path], make_worker: Any, tmp_path: Path
) -> None:
    """First in this file, so that only one cluster runs at a time."""
    (tmp_path / ".env").write_text(f"INFERENCE_KEY={KEY}\n")
    port = free_port()
    environment = {
        **os.environ,
        **{f"{task}_checkpoint".upper(): str(checkpoints[name]) for task, name in COURSE.items()},
        "CACHE_DIR": str(tmp_path / "cache"),
        "DEVICES": "cpu",
        "PRECISION": "float32",
        "SERVE_ADDRESS": f"127.0.0.1:{port}",
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "serve", "--preset", "course"),
        cwd=tmp_path,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            line = (await process.stdout.readline()).decode()
        assert f"at http://127.0.0.1:{port}, with INFERENCE_KEY: 1 replica on the CPU" in line
        assert KEY not in line
        request = SentimentRequest("I love this course")
        async with calling(port) as api, make_worker() as worker:
            response = await api.ask(request)
            answer = CODEC["sentiment"].answer.decode(response.body)
            assert answer.result == (await worker.run(request, person=1)).result
            assert (await api.get("/v1/checkpoints/zeroshot")).json["status"]["tasks"] == ["zeroshot"]
            assert (await api.get("/v1/languages/sentiment")).json is None
            async with api.streaming(GenerateRequest("Once", max_new_tokens=ENDLESS, seed=1)) as events:
                await anext(events)
                process.terminate()
                *_, (event, written) = [one async for one in events]
            assert event == "answer"
            assert written["result"]["continuations"][0]["tokens"] > 0
        async with asyncio.timeout(PATIENCE):
            assert await process.wait() == 0
        assert (await process.stdout.read()).decode().split("\n")[-2] == "Stopped."
    finally:
        if process.returncode is None:
            process.kill()


async def test_answers_come_from_both_replicas_as_from_a_worker(running: Running) -> None:
    async with running.backend(per_person=1_000) as backend:
        answers = await asyncio.gather(*(backend.run(SentimentRequest(f"both {i}"), person=i) for i in range(24)))
    assert {answer.result.headline[0].label for answer in answers} == {"POSITIVE"}
    assert {answer.checkpoint for answer in answers} == {"Sleeping stand-in 0"}
    assert [len(running.begun(f"both {i}")) for i in range(24)] == [1] * 24
    assert len({running.begun(f"both {i}")[0] for i in range(24)}) == 2


async def test_a_text_is_shown_while_it_is_written_and_stops(running: Running) -> None:
    async with running.backend() as backend:
        answering = backend.submit(GenerateRequest("Once", max_new_tokens=ENDLESS), person=1)
        await answering.accepted(PATIENCE)
        first = await shown(answering)
        assert answering.state.stage is Stage.RUNNING
        assert await shown(answering, first + 1) > first
        answering.stop()
        answer = await answering
        assert first < answer.result.continuations[0].tokens < ENDLESS
        assert str(answering.state.stage) == Stage.DONE


async def test_a_text_that_nobody_waits_for_frees_its_device(running: Running) -> None:
    async with running.backend(per_person=1_000) as backend:
        # More than both devices can write at once.
        texts = [backend.submit(GenerateRequest(f"left {i}", max_new_tokens=ENDLESS), person=i) for i in range(2)]
        for text in texts:
            await shown(text)
            text.cancel()
            with pytest.raises(asyncio.CancelledError):
                await text
        for number in range(2):
            await until(running.begun, f"{EARLY}left {number}")


async def test_a_full_queue_refuses_with_the_expected_wait(running: Running) -> None:
    async with running.backend() as backend:
        burst = [backend.submit(GenerateRequest("burst", max_new_tokens=ENDLESS), person=i) for i in range(100)]
        await until(lambda: any(one.done() and one.task.exception() for one in burst))
        # A text may have ended by then.
        refused = [one for one in burst if one.done() and one.task.exception()]
        assert {type(one.task.exception()) for one in refused} == {QueueFull}
        with pytest.raises(QueueFull, match="try again in about"):
            await refused[0].accepted(PATIENCE)
        for one in burst:
            one.cancel()
        await asyncio.gather(*(one.task for one in burst), return_exceptions=True)
        await until(lambda: backend.status().requests == 0)


async def test_a_person_has_one_quota_in_all_processes(running: Running) -> None:
    async with running.backend() as one, running.backend() as other:
        asked = [
            backend.submit(GenerateRequest("mine", max_new_tokens=ENDLESS), person=7) for backend in (one, other, one)
        ]
        for text in asked:
            await shown(text)
        with pytest.raises(TooManyRequests):
            await other.submit(SentimentRequest("too many"), person=7).accepted(PATIENCE)
        await one.run(SentimentRequest("somebody else"), person=8)
        asked[0].cancel()
        await asyncio.gather(asked[0].task, return_exceptions=True)
        await other.run(SentimentRequest("one less"), person=7)


async def test_background_requests_fill_a_part_of_the_replicas_and_no_quota(running: Running) -> None:
    async with running.backend() as backend:
        await until(lambda: len(backend._deployments[0].reports) == 2)
        [deployment] = {id(one): one for one in backend._deployments if "generate" in one.group.checkpoints}.values()
        room = deployment.background_room
        assert room < 2 * running.sleeping.scaling.max_ongoing_requests
        file = [
            backend.submit(GenerateRequest(f"row {i}", max_new_tokens=ENDLESS), person=9, background=True)
            for i in range(room + 3)
        ]
        await until(lambda: deployment.background == room and sum(one.heard is not None for one in file) == room)
        for _ in range(PEOPLE):
            await backend.run(SentimentRequest("mine all the same"), person=9)
        for one in file[:room]:
            one.cancel()
        await until(lambda: all(one.heard is not None for one in file))
        for one in file[room:]:
            one.cancel()
        await asyncio.gather(*(one.task for one in file), return_exceptions=True)
        assert deployment.background == 0


async def test_quotas_survive_the_loss_of_their_actor(running: Running) -> None:
    import ray

    def counter() -> Any:
        [name] = [one for one in ray.util.list_named_actors(all_namespaces=True) if one["name"].startswith("quotas-")]
        return ray.get_actor(name["name"], namespace=name["namespace"])

    async with running.backend(per_person=1) as one, running.backend(per_person=1) as other:
        text = one.submit(GenerateRequest("counted", max_new_tokens=ENDLESS), person=11)
        await shown(text)
        ray.kill(counter())
        await other.run(SentimentRequest("not counted"), person=12)  # without its actor, nobody is refused
        async with asyncio.timeout(PATIENCE):
            while True:  # the actor starts anew, and is told again
                try:
                    await other.run(SentimentRequest("counted too"), person=11)
                except TooManyRequests:
                    break
                await asyncio.sleep(0.1)
        text.cancel()


async def test_a_text_whose_replica_dies_begins_anew_elsewhere(running: Running) -> None:
    import ray

    async with running.backend() as backend:
        text = backend.submit(GenerateRequest("dying", max_new_tokens=60, seed=1), person=1)
        await shown(text)
        [process] = running.begun("dying")
        ray.kill(replicas()[process])
        answer = await asyncio.wait_for(asyncio.shield(text.task), PATIENCE)
        assert answer.result.continuations[0].tokens == 60
        first, second = running.begun("dying")
        assert first == process != second


async def test_the_status_and_the_description_are_the_clusters(running: Running) -> None:
    async with running.backend() as backend:
        await until(lambda: len(backend.status().devices) == 2)
        [checkpoint] = backend.status().checkpoints
        assert checkpoint.phase is Phase.READY
        assert checkpoint.tasks == ("sentiment", "generate")
        assert (await backend.describe("generate")).status.name == checkpoint.name
        assert backend.languages("generate") is None


async def test_the_application_answers_over_http(running: Running) -> None:
    async with running.api() as api:
        response = await api.ask(SentimentRequest("over http"))
        assert response.status == 200
        assert response.json["result"]["scores"][0] == {"label": "POSITIVE", "probability": 0.75}
        assert (await api.get("/readyz")).status == 200
        assert b"glassbox_worker_accepting 1.0" in (await api.get("/metrics")).body
        assert "/v1/sentiment" in (await api.get("/openapi.json")).json["paths"]
        assert (await api.ask(SentimentRequest("too soon"), X_Deadline_Seconds="0.001")).status == 504
    async with running.api("another key") as api:
        assert (await api.ask(SentimentRequest("with the wrong key"))).status == 401
    assert not running.begun("with the wrong key")


async def test_a_text_streams_and_any_replica_of_the_ingress_stops_it(running: Running) -> None:
    request = GenerateRequest("streamed", max_new_tokens=ENDLESS)
    for _ in range(4):  # half of the stops arrive at the replica that does not stream
        async with running.api() as api, api.streaming(request) as events:
            event, accepted = await anext(events)
            assert event == "accepted"
            async for event, _ in events:
                if event == "partial":
                    break
            stopped = await api.post(f"/v1/answers/{accepted['id']}/stop")
            assert stopped.status == 202
            *_, (event, answer) = [one async for one in events]
            assert event == "answer"
            assert 0 < answer["result"]["continuations"][0]["tokens"] < ENDLESS
            assert (await api.post(f"/v1/answers/{accepted['id']}/stop")).status == 404


async def test_a_caller_that_goes_away_frees_the_device(running: Running) -> None:
    async with running.api() as api, api.streaming(GenerateRequest("gone away", max_new_tokens=ENDLESS)) as events:
        async for event, _ in events:
            if event == "partial":
                break
    await until(running.begun, f"{EARLY}gone away")


async def test_a_rolling_upgrade_loses_nothing(running: Running) -> None:
    """Requests and texts go on while both replicas and the ingress are replaced, and each is answered once."""
    before = set(replicas())
    outcomes: Counter[str] = Counter()
    upgraded = asyncio.Event()

    async def ask(backend: Any, person: int) -> int:
        asked = 0
        while not upgraded.is_set():
            await backend.run(SentimentRequest(f"rolling {person} {asked}"), person=person)
            text = await backend.run(GenerateRequest(f"text {person} {asked}", max_new_tokens=20), person=person)
            assert text.result.continuations[0].tokens == 20
            outcomes["answered"] += 2
            asked += 1
        return asked

    async with running.backend() as backend:
        asking = [asyncio.create_task(ask(backend, person)) for person in range(4)]
        faster = replace(running.sleeping, pace=replace(running.sleeping.pace, forward=0.01))
        await asyncio.to_thread(running.deploy, faster)
        await until(lambda: not before & set(replicas()))
        upgraded.set()
        numbers = await asyncio.gather(*asking)
    assert outcomes["answered"] == 2 * sum(numbers) > 0
    asked = [f"{what} {p} {i}" for what in ("rolling", "text") for p in range(4) for i in range(numbers[p])]
    assert {len(running.begun(text)) for text in asked} == {1}


async def test_a_checkpoint_that_nobody_has_asked_for_starts_when_somebody_asks(running: Running) -> None:
    from ray import serve

    await asyncio.to_thread(serve.delete, APPLICATION)
    asleep = replace(running.sleeping, scaling=Scaling(min_replicas=0, max_replicas=1, num_cpus=0))
    await asyncio.to_thread(running.deploy, asleep)
    assert not replicas()
    async with running.backend() as backend:
        assert {one.phase for one in backend.status().checkpoints} == {Phase.WAITING}
        answering = backend.submit(SentimentRequest("wake up"), person=1)
        await answering.accepted(PATIENCE)
        assert answering.state == AnsweringState(Stage.LOADING, Loading("Sleeping stand-in 0"))
        await answering
    assert len(running.begun("wake up")) == 1

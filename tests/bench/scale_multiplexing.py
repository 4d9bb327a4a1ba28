"""Serve's model multiplexing beside a deployment for each checkpoint, on the same number of devices that sleep.

Four checkpoints, of which a device holds two. Multiplexed: two replicas that hold any two of the four, and load what
they are asked for. By checkpoint: four replicas that hold one each on half a device, where a pass takes twice as long.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ray import serve

from bot.inference.checkpoints.catalogue import Preset
from bot.inference.limits import Limits
from bot.inference.requests import Request
from bot.inference.serving.application import _options
from bot.inference.serving.groups import Grouping, Scaling, grouped
from bot.inference.serving.messages import Asked, Event
from bot.inference.serving.quota_actors import ClusterQuotas
from bot.inference.serving.ray_backend import Deployment, RayBackend
from bot.inference.serving.replica import Replica
from bot.inference.task import Implementation, Task
from bot.tasks.sentiment import SentimentRequest
from tests.bench.scale_standin import OpenSleepingWorker, Pace, SleepingHead, answer_sentiment, sleeping_preset

HELD = 2
FORWARD = 0.05
LOADING = 2.0
APPLICATION = "compared"


class FirstRequest(SentimentRequest):
    """Asks the first checkpoint."""


class SecondRequest(SentimentRequest):
    """Asks the second checkpoint."""


class ThirdRequest(SentimentRequest):
    """Asks the third checkpoint."""


class FourthRequest(SentimentRequest):
    """Asks the fourth checkpoint."""


REQUESTS = {"first": FirstRequest, "second": SecondRequest, "third": ThirdRequest, "fourth": FourthRequest}
TASKS: tuple[Task[Any], ...] = tuple(
    Task(name, request, {SleepingHead.kind: Implementation(answer_sentiment)}, repeatable=False)
    for name, request in REQUESTS.items()
)
NAMES: dict[type[Request[Any]], str] = {request: name for name, request in REQUESTS.items()}


class Multiplexed(Replica):
    """A replica that tells Serve which checkpoints it holds, so that it gets requests for these."""

    async def answer(self, asked: Asked) -> AsyncIterator[Event]:
        await self.hold(serve.get_multiplexed_model_id())
        async for event in super().answer(asked):
            yield event

    @serve.multiplexed(max_num_models_per_replica=HELD)  # type: ignore[untyped-decorator]
    async def hold(self, task: str) -> str:
        """Load a checkpoint. The worker's pool evicts the one that was used longest ago, as Serve does in its list."""
        await self._worker.load([task])
        return task


@dataclass(frozen=True)
class Outcome:
    """What people saw of a way."""

    way: str
    mix: str
    answers_a_second: float
    median_ms: float
    p99_ms: float
    loads: int


async def compare(folder: Path, seconds: float, users: int) -> list[Outcome]:
    """Measure both ways, with people who ask everything alike, and with people of whom most ask one checkpoint."""
    preset = sleeping_preset(*((name,) for name in REQUESTS))
    outcomes = []
    for way in (_by_checkpoint, _multiplexed):
        async with way(preset, folder) as (backend, loads):
            for task in REQUESTS:  # everything has been asked once
                await backend.run(REQUESTS[task]("warm"), person=0)
            for mix, shares in {"even": (1, 1, 1, 1), "one hot": (12, 1, 1, 1)}.items():
                outcomes.append(await _ask(way.__name__.strip("_"), mix, shares, backend, loads, seconds, users))
    return outcomes


async def _ask(
    way: str, mix: str, shares: tuple[int, ...], backend: RayBackend, loads: Path, seconds: float, users: int
) -> Outcome:
    chance = random.Random(0)
    latencies: list[float] = []
    before = lines_of(loads)
    end = time.perf_counter() + seconds

    async def person(number: int) -> None:
        while (began := time.perf_counter()) < end:
            [request] = chance.choices(list(REQUESTS.values()), shares)
            await backend.run(request(f"{number}"), person=number)
            latencies.append(time.perf_counter() - began)

    await asyncio.gather(*(person(number) for number in range(users)))
    p99 = statistics.quantiles(latencies, n=100)[-1]
    return Outcome(
        way,
        mix,
        round(len(latencies) / seconds, 1),
        round(1_000 * statistics.median(latencies)),
        round(1_000 * p99),
        lines_of(loads) - before,
    )


def lines_of(file: Path) -> int:
    """Return how many lines a file has."""
    return len(file.read_text().splitlines())


@asynccontextmanager
async def _by_checkpoint(preset: Preset, folder: Path) -> AsyncIterator[tuple[RayBackend, Path]]:
    pace = Pace(forward=2 * FORWARD, loading=LOADING, loads=folder / "by checkpoint")
    scaling = Scaling(min_replicas=1, max_replicas=1, num_cpus=0)
    groups = grouped(preset, scaling, ())
    replicas = {
        group.name: serve.deployment(Replica)
        .options(name=group.name, **_options(scaling))
        .bind(_opener(group.preset(preset), pace, 1))
        for group in groups
    }
    await asyncio.to_thread(serve.run, serve.deployment(Both).bind(replicas), name=APPLICATION, route_prefix=None)
    deployments = [Deployment(group, serve.get_deployment_handle(group.name, APPLICATION)) for group in groups]
    async with RayBackend(NAMES, deployments, ClusterQuotas(1_000), Limits()) as backend:
        yield backend, folder / "by checkpoint"


@asynccontextmanager
async def _multiplexed(preset: Preset, folder: Path) -> AsyncIterator[tuple[RayBackend, Path]]:
    pace = Pace(forward=FORWARD, loading=LOADING, loads=folder / "multiplexed")
    scaling = Scaling(min_replicas=2, max_replicas=2, num_cpus=0)
    [whole] = grouped(preset, scaling, (), Grouping.TOGETHER)
    replica = serve.deployment(Multiplexed).options(name=whole.name, **_options(scaling))
    await asyncio.to_thread(
        serve.run, replica.bind(_opener(whole.preset(preset), pace, HELD)), name=APPLICATION, route_prefix=None
    )
    handle = serve.get_deployment_handle(whole.name, APPLICATION)
    deployments = [
        Deployment(group, handle.options(multiplexed_model_id=task))
        for group in grouped(preset, scaling, ())
        for task in group.checkpoints
    ]
    async with RayBackend(NAMES, deployments, ClusterQuotas(1_000), Limits()) as backend:
        yield backend, folder / "multiplexed"


class Both:
    """Holds the deployments of an application together."""

    def __init__(self, replicas: Any) -> None:
        self.replicas = replicas


def _opener(preset: Preset, pace: Pace, held: int) -> OpenSleepingWorker:
    limits = replace(Limits(), requests=1_000, per_person=1_000)
    return OpenSleepingWorker(preset, limits, pace, held, tasks=TASKS)

"""`python -m tests.bench.scale`: Glassbox's application on Ray Serve, measured with devices that sleep."""

from __future__ import annotations

import asyncio
import json
import socket
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.__main__ import main
from bot.inference.limits import Limits
from bot.inference.serving.groups import Scaling
from tests.bench.scale_application import APPLICATION, Sleeping
from tests.bench.scale_load import KEY, Processors, ask_for, ask_while
from tests.bench.scale_standin import Pace

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

BATCHES_WAITING = 3
"""Batches of people for each replica: one on the device, and two that wait, so that chance leaves no device idle."""


@dataclass(frozen=True)
class Point:
    """The throughput of some replicas.

    Attributes:
        ideal: what the devices could do if nothing else took time.
        milliseconds: processors' time for each answer, by the kind of process.
    """

    replicas: int
    rate: float
    ideal: float
    median_latency: float
    failures: dict[str, int]
    milliseconds: dict[str, float]


@contextmanager
def cluster(environment: dict[str, str] | None = None) -> Iterator[str]:
    """Run a cluster; yield the URL of its applications."""
    from bot.inference.serving.local_cluster import local_cluster

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with local_cluster("127.0.0.1", port, {"INFERENCE_KEY": KEY, **(environment or {})}, num_cpus=2):
        yield f"http://127.0.0.1:{port}"


def sleeping(replicas: int, pace: Pace) -> Sleeping:
    """Return the application with so many replicas."""
    scaling = Scaling(min_replicas=replicas, max_replicas=replicas, num_cpus=0, max_ongoing_requests=64)
    return Sleeping(scaling, pace, limits=Limits(per_person=1_000), queue=10_000)


def deploy(application: Sleeping) -> None:
    """Deploy an application, or replace the one that runs."""
    from ray import serve

    serve.run(application.build(), name=APPLICATION, route_prefix="/")


def say(line: str) -> None:
    """Print a line for whoever waits."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201


def show(what: Any) -> None:
    """Print the figures."""
    print(json.dumps(what, indent=1, default=vars))  # noqa: T201


@app.command()
def throughput(
    replicas: Annotated[str, typer.Option(help="How many, with commas.")] = "1,2,4,8",
    forward: Annotated[float, typer.Option(help="Seconds that a forward pass sleeps.")] = 0.8,
    rows: Annotated[int, typer.Option(help="The most rows of a batch.")] = 4,
    seconds: float = 20.0,
    environment: Annotated[str, typer.Option(help="NAME=value of Ray's, with commas.")] = "",
) -> None:
    """Measure the rate of the whole application with more and more replicas."""
    pace = Pace(forward=forward, rows=rows)
    points = []
    chosen = dict(one.split("=", 1) for one in environment.split(",") if one)
    with cluster(chosen) as url:
        for number in map(int, replicas.split(",")):
            deploy(sleeping(number, pace))
            points.append(asyncio.run(_point(number, url, pace, seconds)))
            first = points[0]
            share = points[-1].rate / (first.rate / first.replicas * number)
            say(f"{number} replicas: {points[-1].rate:.1f}/s, {share:.2f} of linear; {points[-1].milliseconds}")
    show(points)


async def _point(replicas: int, url: str, pace: Pace, seconds: float) -> Point:
    await ask_for(2.0, 4 * replicas, url)  # everybody has met everybody
    processors = Processors.start()
    began = time.perf_counter()
    load = await ask_for(seconds, BATCHES_WAITING * pace.rows * replicas, url, warm_up=3 * pace.forward)
    whole = time.perf_counter() - began
    answers = load.rate * whole
    return Point(
        replicas,
        load.rate,
        replicas * pace.rows / pace.forward,
        statistics.median(load.latencies),
        load.failures,
        {kind: round(1_000 * used / answers, 2) for kind, used in sorted(processors.used().items())},
    )


@app.command()
def failures(users: int = 32, kills: int = 3) -> None:
    """Kill replicas and replace the application under load; count what was lost, and what was computed twice."""
    with tempfile.TemporaryDirectory() as folder, cluster() as url:
        application = sleeping(2, Pace(forward=0.2, calls=Path(folder) / "calls"))
        deploy(application)
        show(
            {
                "killed": asyncio.run(_killed(application, url, users, kills)),
                "redeployed": asyncio.run(_redeployed(application, url, users)),
            }
        )


async def _killed(application: Sleeping, url: str, users: int, kills: int) -> dict[str, Any]:
    stop = asyncio.Event()
    asking = asyncio.create_task(ask_while(stop, users, url, "killed"))
    for _ in range(kills):
        await asyncio.sleep(4)
        await asyncio.to_thread(_kill_one)
        await asyncio.to_thread(_wait_for_replicas, 2)
    stop.set()
    load = await asking
    return {"kills": kills, "users": users, **_account(load, application, "killed")}


async def _redeployed(application: Sleeping, url: str, users: int) -> dict[str, Any]:
    stop = asyncio.Event()
    before = set(_replicas())
    asking = asyncio.create_task(ask_while(stop, users, url, "redeployed"))
    await asyncio.sleep(3)
    await asyncio.to_thread(deploy, replace(application, pace=replace(application.pace, forward=0.19)))
    await asyncio.sleep(3)
    stop.set()
    load = await asking
    replaced = len(before - set(_replicas()))
    return {"replicas_replaced": replaced, "users": users, **_account(load, application, "redeployed")}


def _account(load: Any, application: Sleeping, text: str) -> dict[str, Any]:
    assert application.pace.calls is not None
    begun = Counter(
        words for _, _, words in (line.partition(" ") for line in application.pace.calls.read_text().splitlines())
    )
    computed = {words: number for words, number in begun.items() if words.startswith(text)}
    asked = sum(load.outcomes.values())
    return {
        "asked": asked,
        "answered_once": load.outcomes["200"],
        "not_answered": load.failures,
        "begun_on_a_device": len(computed),
        "begun_again_after_a_loss": sum(number > 1 for number in computed.values()),
        "longest_wait_seconds": round(max(load.latencies), 2),
    }


def _replicas() -> list[str]:
    import ray

    named = ray.util.list_named_actors(all_namespaces=True)
    return [one["name"] for one in named if one["name"].startswith("SERVE_REPLICA") and "#sleeping-" in one["name"]]


def _kill_one() -> None:
    import ray

    ray.kill(ray.get_actor(_replicas()[0], namespace="serve"))


def _wait_for_replicas(number: int) -> None:
    from ray import serve

    def running() -> int:
        deployments = serve.status().applications[APPLICATION].deployments
        return min(int(one.replica_states.get("RUNNING", 0)) for name, one in deployments.items() if name != "ingress")

    while running() >= number:  # the loss has yet to be noticed
        time.sleep(0.2)
    while running() < number:
        time.sleep(0.2)


@app.command()
def multiplexing(seconds: float = 15.0, users: int = 24) -> None:
    """Compare Serve's model multiplexing with a deployment for each checkpoint."""
    with tempfile.TemporaryDirectory() as folder, cluster():
        from tests.bench.scale_multiplexing import compare

        show(asyncio.run(compare(Path(folder), seconds, users)))


@app.command()
def quotas(seconds: float = 5.0, callers: int = 64, shards: int = 1) -> None:
    """Measure how many requests a second the quotas count, from one process."""
    with cluster():
        show(asyncio.run(_quotas(seconds, callers, shards)))


async def _quotas(seconds: float, callers: int, shards: int) -> dict[str, Any]:
    from bot.inference.serving.quota_actors import ClusterQuotas

    counted = 0
    latencies: list[float] = []

    async def call(person: int, quota: ClusterQuotas) -> None:
        nonlocal counted
        end = time.perf_counter() + seconds
        while (began := time.perf_counter()) < end:
            await quota.admit(f"{person} {counted}", person)
            latencies.append(time.perf_counter() - began)
            quota.release(f"{person} {counted}", person)
            counted += 1

    async with ClusterQuotas(1_000, shards) as quota:
        await quota.admit("first", 0)
        began = time.perf_counter()
        await call(0, quota)
        alone = statistics.median(latencies)
        latencies.clear()
        counted, began = 0, time.perf_counter()
        processors = Processors.start()
        await asyncio.gather(*(call(person, quota) for person in range(callers)))
        rate = counted / (time.perf_counter() - began)
        used = processors.used()
    return {
        "shards": shards,
        "requests_a_second": round(rate),
        "median_ms_alone": round(1_000 * alone, 2),
        f"median_ms_of_{callers}_callers": round(1_000 * statistics.median(latencies), 2),
        "processor_ms_of_the_actors": round(1_000 * used["quotas"] / counted, 3),
        "processor_ms_of_the_caller": round(1_000 * used["callers"] / counted, 3),
    }


if __name__ == "__main__":
    main(app)

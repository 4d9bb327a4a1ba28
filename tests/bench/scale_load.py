"""People who ask over HTTP, each one request after the other, and what their requests cost."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import aiohttp
import psutil

KEY = "the key of a measurement"


@dataclass
class Load:
    """What became of the requests.

    Attributes:
        outcomes: how often, by HTTP status; `lost` where the connection broke.
        seconds: of the measurement.
        latencies: of the answered requests, in seconds.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.outcomes["200"] / self.seconds

    @property
    def failures(self) -> dict[str, int]:
        """What was not answered."""
        return {outcome: number for outcome, number in self.outcomes.items() if outcome != "200"}


async def ask_for(seconds: float, users: int, url: str, warm_up: float = 0.0, text: str = "I like it") -> Load:
    """Let so many people ask until the time is over, and wait for their last answers."""
    load = Load()
    async with _session(users) as session:
        stop = asyncio.Event()
        people = [asyncio.create_task(_ask(session, url, person, text, load, stop)) for person in range(users)]
        await asyncio.sleep(warm_up)
        load.outcomes.clear()
        load.latencies.clear()
        began = time.perf_counter()
        await asyncio.sleep(seconds)
        load.seconds = time.perf_counter() - began
        counted, latencies = Counter(load.outcomes), list(load.latencies)
        stop.set()
        await asyncio.gather(*people)
    load.outcomes, load.latencies = counted, latencies
    return load


async def ask_while(stop: asyncio.Event, users: int, url: str, text: str) -> Load:
    """Let so many people ask until they are stopped, and wait for their last answers."""
    load = Load()
    began = time.perf_counter()
    async with _session(users) as session:
        await asyncio.gather(*(_ask(session, url, person, text, load, stop) for person in range(users)))
    load.seconds = time.perf_counter() - began
    return load


def _session(users: int) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=users),
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=aiohttp.ClientTimeout(total=300),
    )


async def _ask(
    session: aiohttp.ClientSession, url: str, person: int, text: str, load: Load, stop: asyncio.Event
) -> None:
    number = 0
    while not stop.is_set():
        began = time.perf_counter()
        body = {"text": f"{text} {person} {number}"}
        try:
            async with session.post(f"{url}/v1/sentiment", json=body, headers={"X-Person": str(person)}) as response:
                await response.read()
                outcome = str(response.status)
        except aiohttp.ClientError:
            outcome = "lost"
        load.outcomes[outcome] += 1
        if outcome == "200":
            load.latencies.append(time.perf_counter() - began)
        number += 1


@dataclass(frozen=True)
class Processors:
    """Seconds of processors' time, by the kind of process, since a moment before."""

    before: Mapping[tuple[int, str], float]

    @classmethod
    def start(cls) -> Processors:
        """Begin to count."""
        return cls(_times())

    def used(self) -> dict[str, float]:
        """Return what each kind of process has used since."""
        used: dict[str, float] = defaultdict(float)
        for (process, kind), seconds in _times().items():
            used[kind] += seconds - self.before.get((process, kind), 0.0)
        return dict(used)


def _times() -> dict[tuple[int, str], float]:
    found = {}
    for process in psutil.process_iter(["cmdline", "cpu_times"]):
        line = " ".join(process.info["cmdline"] or ())
        kind = _kind(process.pid, line)
        if kind is not None and process.info["cpu_times"] is not None:
            found[process.pid, kind] = process.info["cpu_times"].user + process.info["cpu_times"].system
    return found


def _kind(process: int, line: str) -> str | None:
    kinds: Mapping[str, Callable[[], bool]] = {
        "callers": lambda: process == os.getpid(),
        "proxy": lambda: line.startswith("ray::ProxyActor"),
        "ingress": lambda: line.startswith("ray::ServeReplica") and ":ingress" in line,
        "replicas": lambda: line.startswith("ray::ServeReplica"),
        "quotas": lambda: line.startswith("ray::QuotaShard"),
        "controller": lambda: line.startswith("ray::ServeController"),
        "raylet, GCS": lambda: "/raylet " in line or "gcs_server" in line,
    }
    return next((kind for kind, fits in kinds.items() if fits()), None)

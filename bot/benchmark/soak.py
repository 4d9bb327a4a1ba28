"""Does memory grow? The worker alone, for many requests, and the memory of the process after each hundredth of them."""

from __future__ import annotations

import asyncio
import gc
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bot.benchmark.lineup import Say, Subject, open_worker, worker_at, workers
from bot.benchmark.memory import Memory, held_memory, quick_collections
from bot.inference.requests import Request

SAMPLES = 100
SETTLING = 0.1
"""The share of the requests in which caches fill up, which is left out of the judgement."""
SURE = 2.0
"""Standard errors that a slope must exceed to be told from noise: about 95 % of the cases."""
SMALLEST_OBJECT = 16
"""Bytes, on 64 bits: whatever is left behind by each request takes more."""


@dataclass(frozen=True)
class Sample:
    """The memory when so many requests had been answered, and none was under way."""

    requests: int
    memory: Memory


@dataclass(frozen=True)
class Growth:
    """How memory went on after its caches had filled.

    Attributes:
        requests: how many were answered meanwhile.
        bytes: what was held at the end minus what was held at the start, by the fitted line.
        bytes_per_request: the slope of the line, by least squares.
        margin: what the slope must exceed to be told from noise, in bytes a request.
        noise: the standard deviation of the samples around the line, in bytes.
        verdict: whether that is growth, in words.
    """

    requests: int
    bytes: float
    bytes_per_request: float
    margin: float
    noise: float
    verdict: str


@dataclass(frozen=True)
class Soak:
    """What was measured of one task."""

    task: str
    checkpoint: str
    head: str
    device: str
    precision: str
    users: int
    seconds: float
    failures: int
    samples: tuple[Sample, ...]
    growth: Growth
    device_growth: Growth | None
    """Of the GPU's memory; None where there is none."""


async def soak(subject: Subject, users: int, number: int, say: Say) -> Soak:
    """Have the worker answer so many requests, and watch the memory of the process.

    All texts are made beforehand, and kept to the end: whatever grows is the bot.

    Raises:
        ModelUnavailable: the checkpoint cannot be had, or cannot do this task.
    """
    workload, device = subject.workload, subject.device
    say(f"{workload.name}: loading {subject.spec.name}")
    requests = workload.take(number)
    async with open_worker(subject, users) as (worker, models):
        kind = (await models.get(workload.name)).head.kind
        load = workers(subject, worker, kind, [users])[worker_at(users)]
        with quick_collections():
            samples = [await _sample(0, device.name)]
            seconds, failures, answered = 0.0, 0, 0
            for chunk in _chunks(requests, -(-number // SAMPLES)):
                turn = await load.take_turn(chunk)
                seconds, failures, answered = seconds + turn.seconds, failures + turn.failures, answered + len(chunk)
                samples.append(await _sample(answered, device.name))
                held = samples[-1].memory.process / 1e6
                say(f"{workload.name}: {answered:,} of {number:,} requests, {answered / seconds:.1f}/s, {held:,.0f} MB")
    return Soak(
        workload.name,
        subject.spec.name,
        str(kind),
        device.name,
        device.precision,
        users,
        seconds,
        failures,
        tuple(samples),
        growth([(one.requests, one.memory.process) for one in samples]),
        None if device.on_cpu else growth([(one.requests, one.memory.device or 0) for one in samples]),
    )


async def _sample(answered: int, device: str) -> Sample:
    await asyncio.sleep(0)  # callbacks of the last answers
    gc.collect()
    return Sample(answered, held_memory(device))


def _chunks(requests: Sequence[Request[Any]], size: int) -> Iterator[Sequence[Request[Any]]]:
    return itertools.takewhile(len, (requests[start : start + size] for start in itertools.count(0, size)))


def growth(samples: Sequence[tuple[int, int]]) -> Growth:
    """The line through memory in bytes by requests, after the first tenth of the requests.

    Memory moves in steps, and a sample is about as high as the one before it. So the samples tell less than their
    number says: the slope's standard error is widened by the first-order autocorrelation of what the line leaves over.

    Source: von Storch and Zwiers: Statistical Analysis in Climate Research, 1999, equivalent sample size.

    Raises:
        ValueError: there are fewer than three samples.
    """
    last = samples[-1][0]
    settled = [one for one in samples if one[0] >= SETTLING * last]
    if len(settled) < 3:
        raise ValueError("a line through fewer than three samples says nothing")
    requests, memory = np.array(settled, dtype=float).T
    centred = requests - requests.mean()
    slope = float(centred @ memory / (centred @ centred))
    rest = memory - memory.mean() - slope * centred
    spread = float(rest @ rest)
    alike = min(max(float(rest[1:] @ rest[:-1]) / spread, 0.0), 0.99) if spread else 0.0
    error = math.sqrt(spread / (len(settled) - 2) / float(centred @ centred))
    margin = SURE * error * math.sqrt((1 + alike) / (1 - alike))
    meanwhile = int(requests[-1] - requests[0])
    noise = math.sqrt(spread / len(settled))
    return Growth(meanwhile, slope * meanwhile, slope, margin, noise, _verdict(slope, margin))


def _verdict(slope: float, margin: float) -> str:
    if abs(slope) <= margin:
        return "no growth that can be told from noise"
    if slope < 0:
        return "it shrinks"
    return "it grows" if slope >= SMALLEST_OBJECT else "it grows by less than one object a request"

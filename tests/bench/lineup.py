"""The contenders of a contest, with the copies of the checkpoint that they need."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bot.benchmark import comparison
from bot.benchmark.comparison import Say, naive_in, worker_at
from bot.benchmark.naive import naive
from bot.benchmark.workload import BLOCK
from bot.inference.checkpoints.sources import fetch
from bot.inference.checkpoints.state import CheckpointState
from bot.inference.compute.packed_linear import packed_bytes
from bot.inference.heads.head import Head
from bot.inference.task import HeadKind
from bot.inference.worker import InferenceWorker
from tests.bench.contender import AllAtOnce, Contender, OneAtATime, WorkerUnderLoad
from tests.bench.engines.engine import Engine
from tests.bench.engines.entrants import LLAMA_CPP, MODULES, is_installed, missing, offline_engines, suited
from tests.bench.engines.llama_server import LlamaServer, LlamaUnusable, is_found
from tests.bench.limit import direct_call, offline, own_layers, own_ways
from tests.bench.manager import ManagerUnusable, TransformersManager
from tests.bench.server import ServerBeside
from tests.bench.workload import Workload

DIRECT, LIMIT, OWN = "direct call", "limit", "own layers offline"
STATIC_SIZE = 16
STATIC = f"static batch of {STATIC_SIZE}, plain"
MANAGER = "transformers' manager"
BESIDE, LLAMA = "server beside", "llama.cpp's server"
THREADS = 4
"""Of the naive bot that has several."""


@dataclass(frozen=True)
class Subject(comparison.Subject):
    """A task with a checkpoint on a device, whose generated tokens are counted."""

    workload: Workload


@dataclass(frozen=True)
class Lineup:
    """The contenders besides the worker.

    Attributes:
        direct: one call after the other, with the worker's kind of copy.
        naive: by name.
        batched: by name, those that compute many requests together, as the worker does.
        engines: those that know all requests beforehand; the first one is our own, with the worker's kind of copy.
        reference: the checkpoint in float32, as transformers computes it, whose answers are right.
        notes: remarks about them for the reader.
    """

    direct: Contender
    naive: dict[str, Contender]
    batched: dict[str, Contender]
    engines: list[Engine]
    reference: Head
    notes: list[str] = field(default_factory=list)


def workers(subject: Subject, worker: InferenceWorker, kind: HeadKind, users: list[int]) -> dict[str, Contender]:
    """Return the worker under each load, by name."""
    tally = subject.workload.tally if subject.workload.generates(kind) else None
    return {worker_at(number): WorkerUnderLoad(worker, number, tally) for number in users}


@dataclass(frozen=True)
class Guests:
    """Contenders that are not of this repository.

    Attributes:
        beside: the URL of a server that takes part in generation.
        engines: names of those that take part where they are installed and suited.
    """

    beside: str | None = None
    engines: Sequence[str] = ()


async def line_up(subject: Subject, users: int, guests: Guests, say: Say, opened: contextlib.AsyncExitStack) -> Lineup:
    """Make the contenders besides the worker ready, except engines, which are opened one after the other.

    Args:
        users: the largest number of people who ask at once.
        opened: closes them at its end.

    Raises:
        ModelUnavailable: the checkpoint cannot be had.
        SettingsError: there is no such server.
    """
    workload, task, precision = subject.workload, subject.workload.task, subject.device.precision
    say(f"{workload.name}: loading {subject.spec.name} for the comparison")
    own = await asyncio.to_thread(subject.load, precision, packed=True)
    unpacked = await asyncio.to_thread(subject.load, precision, packed=False) if packed_bytes(own.model) else own
    plain = {precision: unpacked}
    if precision != "float32":
        say(f"{workload.name}: loading {subject.spec.name} in float32")
        plain = {"float32": await asyncio.to_thread(subject.load, "float32", packed=False), **plain}

    one_at_a_time: dict[str, Contender] = {}
    for name, head in plain.items():
        one_at_a_time[naive_in(name)] = OneAtATime(naive(task, head))
    one_at_a_time[naive_in(precision, THREADS)] = OneAtATime(naive(task, plain[precision]), THREADS)
    own_engine = Engine(OWN, precision, own_ways(task, own), partial(own_layers, task, own))
    lineup = Lineup(OneAtATime(direct_call(task, own)), one_at_a_time, {}, [own_engine], plain["float32"])
    await _add_engines(lineup, subject, own.kind, guests.engines, opened)
    if workload.generates(own.kind):
        lineup.batched[STATIC] = AllAtOnce(offline(task, plain[precision]), STATIC_SIZE)
    if workload.name == "generate" and own.kind is HeadKind.CAUSAL_LM:
        await _add_manager(lineup, plain[precision], users, workload, say)
        if LLAMA_CPP in guests.engines and subject.device.on_cpu:
            await _add_llama(lineup, plain[precision], users, workload, say, opened)
        if guests.beside is not None:
            await _add_server(lineup, guests.beside, users, workload, say)
    for contender in (lineup.direct, *lineup.naive.values(), *lineup.batched.values()):
        opened.push_async_callback(contender.aclose)
    return lineup


async def _add_engines(
    lineup: Lineup, subject: Subject, kind: HeadKind, names: Sequence[str], opened: contextlib.AsyncExitStack
) -> None:
    task = subject.workload.task
    wanted = (
        [name for name in suited(task.name, kind) if name in names and name in MODULES] if subject.device.on_cpu else []
    )
    there = [name for name in wanted if is_installed(name)]
    lineup.notes.extend(missing([name for name in wanted if name not in there]))
    files = opened.enter_context(contextlib.ExitStack())

    def folder() -> Path:
        return fetch(subject.spec, subject.cache, CheckpointState(subject.spec))

    make = partial(offline_engines, there, task, lineup.reference, subject.device.precision, folder, files)
    lineup.engines.extend(await asyncio.to_thread(lambda: list(make())))


async def _add_manager(lineup: Lineup, head: Head, users: int, workload: Workload, say: Say) -> None:
    say(f"{workload.name}: {MANAGER}")
    try:
        lineup.batched[MANAGER] = await TransformersManager.open(head, users, _shortest(workload))
    except ManagerUnusable as error:
        lineup.notes.append(f"Left out: {MANAGER} cannot run this checkpoint ({error}).")


async def _add_llama(
    lineup: Lineup, head: Head, users: int, workload: Workload, say: Say, opened: contextlib.AsyncExitStack
) -> None:
    if not is_found():
        lineup.notes.append(f"{LLAMA} is not in PATH, so the limit is without: build `llama-server` from llama.cpp.")
        return
    say(f"{workload.name}: {LLAMA}")
    probes: list[Any] = workload.take(BLOCK)
    try:
        server = await opened.enter_async_context(LlamaServer.running(head, users, probes))
    except LlamaUnusable as error:
        lineup.notes.append(f"Left out: {LLAMA} cannot run this checkpoint ({error}).")
        return
    lineup.batched[LLAMA] = server.contender
    lineup.notes.append(f"{LLAMA}: {server.about}.")


async def _add_server(lineup: Lineup, address: str, users: int, workload: Workload, say: Say) -> None:
    say(f"{workload.name}: {BESIDE}")
    server = await ServerBeside.open(address, users, _shortest(workload))
    lineup.batched[BESIDE] = server
    ending = "" if server.same_work else ", which may end texts early and has its own sampling"
    lineup.notes.append(f"The {BESIDE}: {server.model or 'unnamed'} at {address}{ending}.")


def _shortest(workload: Workload) -> Any:
    requests: list[Any] = list(workload.take(BLOCK))
    return min(requests, key=lambda request: len(request.prompt))

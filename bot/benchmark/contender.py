"""Who is measured, behind one interface; here the worker, a naive bot, and the offline limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, replace
from typing import Any, Protocol

from bot.benchmark.limit import Offline
from bot.benchmark.load import closed_loop
from bot.benchmark.naive import Answer
from bot.benchmark.turn import Padding, Turn
from bot.benchmark.workload import Tally
from bot.inference.requests import Request
from bot.inference.worker import InferenceWorker

Requests = Sequence[Request[Any]]


class Contender(Protocol):
    """Answers lists of requests, and is measured."""

    @property
    def users(self) -> int:
        """How many people ask at the same time; 0 where all requests are known beforehand."""
        ...

    @property
    def parallel(self) -> bool:
        """Whether many requests are computed together, so that it may be about as fast as the limit."""
        ...

    async def take_turn(self, requests: Requests) -> Turn:
        """Answer all requests."""
        ...

    async def aclose(self) -> None:
        """End the threads and connections, which keep a checkpoint in memory."""
        ...


class WorkerUnderLoad:
    """The real worker, asked by a number of people.

    Args:
        tally: counts what it generates; None where tokens do not matter.
    """

    def __init__(self, worker: InferenceWorker, users: int, tally: Tally | None) -> None:
        self.users = users
        self.parallel = users > 1
        self._worker = worker
        self._tally = tally

    async def take_turn(self, requests: Requests) -> Turn:
        before = _totals(self._worker)
        written = self._tally.tokens if self._tally else 0
        turn = await closed_loop(self._ask, requests, self.users)
        tokens = self._tally.tokens - written if self._tally else None
        return replace(turn, tokens=tokens, padding=_since(before, _totals(self._worker)))

    async def aclose(self) -> None:
        pass  # the worker is closed by whoever has opened it

    async def _ask(self, request: Request[Any], person: int) -> object:
        return await self._worker.run(request, person=person)


class OneAtATime:
    """Threads that each answer one request at a time, and as many people as keep them busy."""

    parallel = False

    def __init__(self, answer: Answer, threads: int = 1) -> None:
        self.users = threads
        self._answer = answer
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="benchmark-naive")

    async def take_turn(self, requests: Requests) -> Turn:
        written: list[int | None] = []

        async def ask(request: Request[Any], person: int) -> None:
            loop = asyncio.get_running_loop()
            written.append(await loop.run_in_executor(self._threads, self._answer, request))

        turn = await closed_loop(ask, requests, self.users)
        return replace(turn, tokens=total(written))

    async def aclose(self) -> None:
        self._threads.shutdown()


class AllAtOnce:
    """The offline limit, in batches of one size."""

    users = 0
    parallel = True

    def __init__(self, offline: Offline, size: int) -> None:
        self.size = size
        self._offline = offline
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="benchmark-limit")

    async def take_turn(self, requests: Requests) -> Turn:
        began = time.perf_counter()
        tokens = await asyncio.get_running_loop().run_in_executor(self._thread, self._offline.run, requests, self.size)
        return Turn(len(requests), time.perf_counter() - began, tokens=tokens)

    async def aclose(self) -> None:
        self._thread.shutdown()


def total(written: Sequence[int | None]) -> int | None:
    """All generated tokens; None where nobody has counted any."""
    known = [tokens for tokens in written if tokens is not None]
    return sum(known) if known else None


def _totals(worker: InferenceWorker) -> Padding:
    """What the device has computed since the start."""
    status = worker.status()
    return Padding(status.batches, status.rows, status.tokens, status.padded_tokens)


def _since(before: Padding, after: Padding) -> Padding:
    return Padding(*(new - old for old, new in zip(astuple(before), astuple(after), strict=True)))

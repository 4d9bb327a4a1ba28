"""The interface of contenders; the worker, naive bots, and offline implementations behind it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, replace
from typing import Protocol

from bot.benchmark.naive import Answer
from bot.inference.requests import Request
from bot.inference.worker import InferenceWorker
from tests.bench.limit import Offline
from tests.bench.load import closed_loop
from tests.bench.run import Padding, Run
from tests.bench.workload import Tally

Requests = Sequence[Request[object]]


class Contender(Protocol):
    """Something that answers lists of requests, to be measured."""

    @property
    def users(self) -> int:
        """How many people ask at the same time; 0 if all requests are known beforehand."""
        ...

    @property
    def parallel(self) -> bool:
        """Whether it computes many requests together, and so may approach the limit."""
        ...

    async def run(self, requests: Requests) -> Run:
        """Answer all requests."""
        ...

    async def aclose(self) -> None:
        """End the threads and connections that keep a checkpoint in memory."""
        ...


class WorkerUnderLoad:
    """The worker, asked by a number of people. The caller closes the worker.

    Args:
        tally: counts the tokens that it generates; None if they don't matter.
    """

    def __init__(self, worker: InferenceWorker, users: int, tally: Tally | None) -> None:
        self.users = users
        self.parallel = users > 1
        self._worker = worker
        self._tally = tally

    async def run(self, requests: Requests) -> Run:
        before = self._computed()
        tokens = self._tally.tokens if self._tally else 0
        run = await closed_loop(self._ask, requests, self.users)
        padding = Padding(*(new - old for old, new in zip(before, self._computed(), strict=True)))
        return replace(run, tokens=self._tally.tokens - tokens if self._tally else None, padding=padding)

    async def aclose(self) -> None:
        pass

    async def _ask(self, request: Request[object], person: int) -> None:
        await self._worker.run(request, person=person)

    def _computed(self) -> tuple[int, ...]:
        status = self._worker.status()
        return astuple(Padding(status.batches, status.rows, status.tokens, status.padded_tokens))


class OneAtATime:
    """Threads that each answer one request at a time, and as many people as keep them busy."""

    parallel = False

    def __init__(self, answer: Answer, threads: int = 1) -> None:
        self.users = threads
        self._answer = answer
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="benchmark-naive")

    async def run(self, requests: Requests) -> Run:
        return await closed_loop(self._ask, requests, self.users)

    async def aclose(self) -> None:
        self._threads.shutdown()

    async def _ask(self, request: Request[object], person: int) -> int | None:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._answer, request)


class AllAtOnce:
    """An offline implementation, in batches of one size.

    Args:
        close: lets go of what the implementation holds.
    """

    users = 0
    parallel = True

    def __init__(self, offline: Offline, size: int, close: Callable[[], None] = lambda: None) -> None:
        self.offline = offline
        self.size = size
        self._close = close
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="benchmark-limit")

    async def run(self, requests: Requests) -> Run:
        began = time.perf_counter()
        tokens = await asyncio.get_running_loop().run_in_executor(self._thread, self.offline.run, requests, self.size)
        return Run(len(requests), time.perf_counter() - began, tokens=tokens)

    async def answers(self, requests: Requests) -> Sequence[object] | None:
        """Return what it answers, request by request; None if that can't be compared."""
        if self.offline.answer is None:
            return None
        return await asyncio.get_running_loop().run_in_executor(self._thread, self.offline.answer, requests, self.size)

    async def aclose(self) -> None:
        self._thread.shutdown()
        await asyncio.to_thread(self._close)

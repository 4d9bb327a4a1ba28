"""transformers' own continuous batching, asked by as many people as the worker.

Source: `model.init_continuous_batching`, transformers' documentation, "Continuous batching".
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from bot.benchmark.naive import written
from bot.benchmark.workload import NEW_TOKENS
from bot.errors import ModelFailed
from bot.inference.heads.head import Head
from bot.tasks.generate import GenerateRequest
from tests.bench.load import closed_loop
from tests.bench.run import Run

if TYPE_CHECKING:
    from transformers import ContinuousBatchingConfig, GenerationConfig

PAGE = 256
"""Tokens in a page of the KV cache: the library's default."""
PAGES = 2
"""For each person, which is enough for nearly every message; long ones take what others leave."""
SPARE_PAGES = 16
BATCH_TOKENS = 512
"""The most tokens in a step. The library's default of 8,192 takes gigabytes for the mask."""


class ManagerUnusable(Exception):
    """transformers' manager cannot run a checkpoint."""


class TransformersManager:
    """The manager on a plain copy of the checkpoint, each request with its own temperature and top_p.

    The manager's thread runs only during runs, and its cache is kept between them.
    """

    def __init__(self, head: Head, users: int) -> None:
        self.users = users
        self.parallel = users > 1
        self._head = head
        self._model: Any = head.model
        self._ends = head.end_ids
        self._ids = itertools.count()

    @classmethod
    async def open(cls, head: Head, users: int, probe: GenerateRequest) -> TransformersManager:
        """Open the manager, and have it answer a request; raise `ManagerUnusable` if it cannot."""
        manager = cls(head, users)
        try:
            run = await manager.run([probe])
        except Exception as error:  # an unsupported checkpoint may raise anything
            await manager.aclose()
            raise ManagerUnusable(type(error).__name__) from error
        if run.failures:
            await manager.aclose()
            raise ManagerUnusable("no answer")
        return manager

    async def run(self, requests: Sequence[Any]) -> Run:
        async def ask(request: Any, person: int) -> int:
            return await self._continue(manager, request)

        async with self._running(requests[0]) as manager:
            return await closed_loop(ask, requests, self.users)

    async def aclose(self) -> None:
        await asyncio.to_thread(self._model.destroy_cached_continuous_batching_manager)

    @contextlib.asynccontextmanager
    async def _running(self, request: GenerateRequest) -> AsyncIterator[Any]:
        manager = self._model.init_continuous_batching(
            generation_config=self._generation(request), continuous_batching_config=self._batching()
        )
        manager.start()
        try:
            yield manager
        finally:
            await asyncio.to_thread(manager.stop, keep_for_next_session=True)

    async def _continue(self, manager: Any, request: GenerateRequest) -> int:
        """Return the number of tokens that were written."""
        output: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        name = str(next(self._ids))
        manager.register_result_handler(name, output.set_result)
        room = max(1, self._head.context_length - request.max_new_tokens)
        taken = manager.add_request(
            self._head.tokenize(request.prompt)[-room:],
            request_id=name,
            max_new_tokens=request.max_new_tokens,
            temperature=request.temperature,
            top_p=request.top_p,
        )
        if taken is None or (await output).error is not None:
            raise ModelFailed
        return written([output.result().generated_tokens], self._ends)

    def _generation(self, request: GenerateRequest) -> GenerationConfig:
        """Return the options of all requests. Per-request options are ignored unless set here too."""
        from transformers import GenerationConfig

        return GenerationConfig(
            do_sample=True,
            temperature=request.temperature,
            top_p=request.top_p,
            top_k=0,
            max_new_tokens=NEW_TOKENS,
            eos_token_id=sorted(self._ends) or None,
            pad_token_id=self._head.pad_token_id,
        )

    def _batching(self) -> ContinuousBatchingConfig:
        from transformers import ContinuousBatchingConfig

        return ContinuousBatchingConfig(
            page_size=PAGE,
            num_blocks=PAGES * self.users + SPARE_PAGES,
            max_batch_tokens=BATCH_TOKENS,
            max_requests_per_batch=self.users,
            per_request_processors=True,
            allow_block_sharing=False,  # no two texts begin alike
        )

"""CUDA graphs of decode steps: a thousand small kernels, captured once and then launched together.

Source: "CUDA Graphs" in PyTorch's documentation ("CUDA semantics").
"""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

import torch
from cachetools import LRUCache

from bot.errors import describe
from bot.inference.heads.checkpoint import Checkpoint
from bot.inference.heads.generation.static_kv_cache import StaticKVCache, power_of_two
from bot.inference.heads.probing import UNSUPPORTED, agree

log = logging.getLogger(__name__)

EAGER_STEPS = 3
"""Steps of a shape that run eagerly before one is captured, which takes about as long as four of them."""
MAX_GRAPHS = 24
"""Per checkpoint."""
KEPT_BYTES = 2**30
"""Keys and values that are kept between two sessions; if they have needed more, all of it is freed."""

Compute: TypeAlias = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""From the rows' tokens, (rows,), and further integers to the logits of their next tokens, (rows, vocabulary)."""
Capture: TypeAlias = Callable[[Callable[[], torch.Tensor]], Callable[[], torch.Tensor]]
"""From a function to one that replays it, with the same tensors."""


class CudaGraphs:
    """The graphs of a checkpoint's decode steps, and the KV caches that they read and write, with the same rows in all.

    Used on the device's thread only.
    """

    def __init__(self, checkpoint: Checkpoint, capture: Capture, caches: int = 1) -> None:
        self.caches = tuple(StaticKVCache(checkpoint) for _ in range(caches))
        # Cleared if capturing failed, or if a replay gave other logits than an eager step.
        self.enabled = True
        self._checkpoint = checkpoint
        self._capture = capture
        self._holder: weakref.ref[object] | None = None
        self._eager_steps: LRUCache[tuple[int, ...], int] = LRUCache(256)
        self._graphs: LRUCache[tuple[int, ...], _StepGraph] = LRUCache(MAX_GRAPHS)

    def acquire(self, holder: object) -> bool:
        """Give a session the caches, without rows; return False if another one has them."""
        if not self.enabled or (self._holder is not None and self._holder() is not None):
            return False
        for cache in self.caches:
            cache.keep([])  # a session that failed may have left rows
        self._holder = weakref.ref(holder)
        return True

    def release(self) -> None:
        """Take the caches back from their session."""
        for cache in self.caches:
            cache.keep([])
        if sum(cache.bytes for cache in self.caches) > KEPT_BYTES:
            for cache in self.caches:
                cache.free()
        self._holder = None
        self._forget_stale_graphs()

    @property
    def rows(self) -> int:
        """The number of rows of a graph that suffices for those in the caches."""
        return power_of_two(len(self.caches[0].starts))

    def replay(self, last: torch.Tensor, numbers: Sequence[int], compute: Compute, *more: int) -> torch.Tensor | None:
        """Replay a decode step.

        Args:
            last: the last token of each row, (rows,).
            numbers: further inputs of the step: positions and columns.
            compute: computes the step for `rows` rows. It may be kept, so it must not refer to the session.
            more: anything else that a captured step depends on.

        Returns:
            Logits of the next tokens, (rows, vocabulary), float32; None if the step must run eagerly.
        """
        if not self.enabled:
            return None
        shape = (self._allocations, self.rows, *(cache.width for cache in self.caches), *more)
        graph = self._graphs.get(shape)
        if graph is None:
            self._eager_steps[shape] = self._eager_steps.get(shape, 0) + 1
            if self._eager_steps[shape] > EAGER_STEPS:
                graph = self._captured(shape, last, numbers, compute)
        return None if graph is None else graph.run(last, numbers)

    @property
    def _allocations(self) -> int:
        return sum(cache.allocations for cache in self.caches)

    def _captured(
        self, shape: tuple[int, ...], last: torch.Tensor, numbers: Sequence[int], compute: Compute
    ) -> _StepGraph | None:
        architecture = type(self._checkpoint.model).__name__
        try:
            graph = _StepGraph(self._checkpoint, self.rows, len(numbers), compute)
            expected = graph.run(last, numbers)
            graph.replay = self._capture(graph.compute)
            found = graph.run(last, numbers)
        except UNSUPPORTED as error:
            log.warning("decode steps of a %s are not captured: %s", architecture, describe(error))
            self.enabled = False
            return None
        self.enabled = agree(list(found), list(expected), self._checkpoint.precision)
        if not self.enabled:
            log.warning("decode steps of a %s are not captured: their logits would differ", architecture)
            return None
        self._forget_stale_graphs()
        self._graphs[shape] = graph
        return graph

    def _forget_stale_graphs(self) -> None:
        """Forget graphs that were captured on freed memory."""
        for shape in [shape for shape in self._graphs if shape[0] != self._allocations]:
            del self._graphs[shape]


class _StepGraph:
    """A decode step of at most `rows` rows, and the tensors of its inputs."""

    def __init__(self, checkpoint: Checkpoint, rows: int, numbers: int, compute: Compute) -> None:
        self._checkpoint = checkpoint
        self._compute = compute
        self._ids = torch.zeros(rows, dtype=torch.long, device=checkpoint.device.name)
        self._numbers = torch.zeros(numbers, dtype=torch.long, device=checkpoint.device.name)
        self.replay: Callable[[], torch.Tensor] = self.compute

    def run(self, last: torch.Tensor, numbers: Sequence[int]) -> torch.Tensor:
        """See `CudaGraphs.replay`."""
        self._numbers.copy_(self._checkpoint.tensor(numbers))
        self._ids[: len(last)] = last
        return self.replay()[: len(last)].float()

    def compute(self) -> torch.Tensor:
        """Return logits of all rows, unused ones included, (rows, vocabulary)."""
        return self._compute(self._ids, self._numbers)


def capture_graph(
    device: str, pool: torch.cuda._POOL_HANDLE, compute: Callable[[], torch.Tensor]
) -> Callable[[], torch.Tensor]:
    """Capture a function's kernels on a GPU; return one that replays them into the same tensor each time.

    Args:
        device: the GPU's name.
        pool: memory for intermediate results. Captured functions may share it if each output is used before another
            one is replayed.
    """
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.device(device):
        beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):  # libraries allocate their workspaces before the capture
            compute()
        torch.cuda.current_stream().wait_stream(beside)
        # Other threads may allocate memory meanwhile, to load a checkpoint or for another GPU.
        with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
            output = compute()

    def replay() -> torch.Tensor:
        graph.replay()
        return output

    return replay


def cuda_graphs(checkpoint: Checkpoint, caches: int = 1) -> CudaGraphs | None:
    """Return graphs for a checkpoint on a GPU, else None."""
    name = checkpoint.device.name
    if not name.startswith("cuda"):
        return None
    return CudaGraphs(checkpoint, partial(capture_graph, name, torch.cuda.graph_pool_handle()), caches)

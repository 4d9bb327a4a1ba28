"""A model runner whose rows join in the same forward pass.

Source: "selective batching" in Yu et al.: Orca: A Distributed Serving System for Transformer-Based Generative Models,
OSDI 2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import accumulate

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from bot.inference.heads.attention_backend import Attention
from bot.inference.heads.calibration import Calibration
from bot.inference.heads.checkpoint import Checkpoint
from bot.inference.heads.generation.cuda_graphs import CudaGraphs
from bot.inference.heads.generation.kv_cache import KVCache, long_rows
from bot.inference.heads.generation.ragged_attention import PaddedPrefill, RaggedAttention, StaticAttention
from bot.inference.heads.generation.static_kv_cache import StaticKVCache, StaticView
from bot.inference.heads.probing import holds

SPARE = 64
"""Columns that are added whenever the KV cache is full."""
_IS_EXACT: Calibration[bool] = Calibration("ragged batches")


class RaggedRunner:
    """A model runner for causal language models.

    Args:
        graphs: replay decode steps in which no row joins, unless another session has their cache.
    """

    joinable = True

    def __init__(self, checkpoint: Checkpoint, graphs: CudaGraphs | None = None) -> None:
        self._checkpoint = checkpoint
        self._cache = KVCache(checkpoint, spare=SPARE)
        self._graphs = graphs
        self._pads = not checkpoint.device.on_cpu

    def forward(self, last: torch.Tensor, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        """See `ModelRunner.forward`."""
        if self._graphs is not None:
            if not self._cache.starts and self._graphs.acquire(self):
                [self._cache] = self._graphs.caches
            if not prompts and isinstance(self._cache, StaticKVCache):
                return self._replay(last, self._graphs, self._cache)
        return self._forward(last, prompts)

    def keep(self, slots: Sequence[int]) -> None:
        """See `ModelRunner.keep`."""
        self._cache.keep(slots)
        if not slots and self._graphs is not None and isinstance(self._cache, StaticKVCache):
            self._graphs.release()
            self._cache = KVCache(self._checkpoint, spare=SPARE)

    def scrub(self) -> None:
        """See `ModelRunner.scrub`."""
        # The memory of CUDA graphs stays even if all rows are gone.
        for cache in (self._cache, *(self._graphs.caches if self._graphs is not None else ())):
            cache.scrub()

    def _replay(self, last: torch.Tensor, graphs: CudaGraphs, cache: StaticKVCache) -> torch.Tensor:
        cache.reserve([], further=1)
        starts, positions = cache.padded(graphs.rows)
        numbers = [*positions, *starts, cache.end - 1]
        logits = graphs.replay(last, numbers, partial(_static_step, self._checkpoint, cache))
        if logits is not None:
            return logits
        cache.end -= 1
        return self._forward(last, [])

    def _forward(self, last: torch.Tensor, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        # The tokens of all rows stand in one sequence: prefill and decode step share a pass over the weights.
        checkpoint, cache = self._checkpoint, self._cache
        lengths = [len(prompt) for prompt in prompts]
        old = len(cache.starts)
        cache.reserve(lengths, further=1)
        positions = cache.positions + [position for length in lengths for position in range(length)]
        long = long_rows(cache.starts, cache.end) if checkpoint.device.on_cpu else []
        alone = {row: cache.starts[row] for row in long}
        together = [start for row, start in enumerate(cache.starts) if row not in alone]
        seen = slice(min(together, default=0), cache.end)
        padding = checkpoint.padded_length(len(positions)) - len(positions)
        padded = PaddedPrefill.of(checkpoint, lengths, old, cache.end) if self._pads and len(lengths) > 1 else None
        borders = list(accumulate(lengths, initial=old))
        attention = RaggedAttention(cache, seen, cache.mask(seen), alone, old, borders, padding, padded)
        cache.add(lengths)
        new = [token for prompt in prompts for token in prompt] + [checkpoint.pad_token_id] * padding
        ids = torch.cat([last, checkpoint.tensor(new)])
        wanted = checkpoint.tensor([*range(old), *(border - 1 for border in borders[1:])])
        return _logits(checkpoint, ids, checkpoint.tensor(positions + [0] * padding), attention, wanted).float()


def _logits(
    checkpoint: Checkpoint, ids: torch.Tensor, positions: torch.Tensor, attention: Attention, wanted: torch.Tensor | int
) -> torch.Tensor:
    """Return logits at the wanted tokens, (tokens, vocabulary), from token ids and their positions, (tokens,) both."""
    output = checkpoint.attention_backend.run(
        attention, input_ids=ids[None], position_ids=positions[None], use_cache=False, logits_to_keep=wanted
    )
    logits: torch.Tensor = output.logits[0]
    return logits


def _static_step(
    checkpoint: Checkpoint, cache: StaticKVCache, ids: torch.Tensor, numbers: torch.Tensor
) -> torch.Tensor:
    """Compute a decode step for a CUDA graph, from the rows' positions and first columns and the new tokens' column."""
    positions, starts, column = torch.split(numbers, [len(ids), len(ids), 1])
    attention = StaticAttention(StaticView.of(cache, starts, column))
    return _logits(checkpoint, ids, positions, attention, 0)


def can_be_ragged(checkpoint: Checkpoint) -> bool:
    """Return whether a checkpoint keeps all keys and values, lets its attention be replaced, and is exact then.

    The first call runs a probe, on the device's thread.
    """

    def probe() -> bool:
        layers = DynamicCache(config=checkpoint.model.config).layers
        keeps_all = all(type(layer) is DynamicLayer for layer in layers)
        replaceable = bool(getattr(checkpoint.model, "_supports_attention_backend", False))
        return keeps_all and replaceable and _is_exact(checkpoint)

    return checkpoint.calibrations.measured(_IS_EXACT, probe)


def _is_exact(checkpoint: Checkpoint) -> bool:
    """Return whether two rows, and a third that joins them, get the logits that each would get alone."""
    texts = [[1, 2, 3], [2, 4], [3, 1, 2, 5]]

    def ragged() -> list[torch.Tensor]:
        runner = RaggedRunner(checkpoint)
        runner.forward(checkpoint.tensor([]), [texts[0][:-1], texts[1][:-1]])
        return list(runner.forward(checkpoint.tensor([texts[0][-1], texts[1][-1]]), texts[2:]))

    def plain() -> list[torch.Tensor]:
        model = checkpoint.model
        return [model(input_ids=checkpoint.tensor([text]), use_cache=False).logits[0, -1].float() for text in texts]

    return holds(ragged, plain, checkpoint.precision)

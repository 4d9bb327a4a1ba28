"""A model runner for encoder-decoders, whose rows join between two decode steps.

Source: as `continuous_batching`; `EncoderDecoderCache` in the transformers documentation ("Caching").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import torch
from transformers import EncoderDecoderCache
from transformers.modeling_outputs import BaseModelOutput

from bot.inference.heads.checkpoint import Checkpoint
from bot.inference.heads.generation.cuda_graphs import CudaGraphs
from bot.inference.heads.generation.decode_attention import Reach, Reaches, cache_dtype, decoding
from bot.inference.heads.generation.decoder_positions import PositionEmbeddings
from bot.inference.heads.generation.encoder_decoder_cache import library_cache, static_library_cache
from bot.inference.heads.generation.kv_cache import KVCache
from bot.inference.heads.generation.source_text import SourceText
from bot.inference.heads.generation.static_kv_cache import StaticKVCache, StaticView

SPARE = 32
"""Columns that are added whenever the cache of written tokens is full."""

Encode: TypeAlias = Callable[[Sequence[Sequence[int]]], torch.Tensor]
"""From sources to the encoder's hidden states of all tokens, one source after the other, (tokens, hidden)."""


@dataclass(frozen=True)
class EncoderDecoder:
    """The parts of an encoder-decoder that a model runner calls."""

    checkpoint: Checkpoint
    encode: Encode
    positions: PositionEmbeddings

    def decode(
        self,
        ids: torch.Tensor,
        positions: torch.Tensor,
        states: torch.Tensor,
        masks: Sequence[torch.Tensor],
        cache: EncoderDecoderCache,
        reaches: Reaches | None = None,
    ) -> torch.Tensor:
        """Return logits of each row's next token, (rows, vocabulary).

        Args:
            ids: the rows' tokens, (rows,).
            positions: of these, (rows,).
            states: the encoder's hidden states that are not in the cache yet, (tokens, hidden).
            masks: which columns each row sees, (rows, 1, 1, columns): of written tokens, and of sources.
            cache: has these columns.
            reaches: how far back each row sees in it, for attention on the CPU.
        """
        # Distances between columns are those in a text by itself, which suffices for relative positions (T5). If
        # positions are added to the embeddings (BART, M2M100), each row gets its own.
        with self.positions.of(positions), decoding(self.checkpoint, reaches) as arguments:
            output = self.checkpoint.model(
                encoder_outputs=BaseModelOutput(last_hidden_state=states[None]),
                attention_mask=masks[1],
                decoder_input_ids=ids[:, None],
                decoder_attention_mask=masks[0],
                cache=cache,
                use_cache=True,
                **arguments,
            )
        logits: torch.Tensor = output.logits[:, -1]
        return logits


class EncoderDecoderRunner:
    """A model runner for encoder-decoders.

    Args:
        graphs: replay decode steps in which no row joins, unless another session has their caches: one for written
            tokens, and one for sources.
    """

    joinable = True

    def __init__(self, model: EncoderDecoder, graphs: CudaGraphs | None = None) -> None:
        self._model = model
        self._checkpoint = model.checkpoint
        self._graphs = graphs
        self._states = torch.empty(0)
        self._begin()

    def forward(self, last: torch.Tensor, new: Sequence[SourceText]) -> torch.Tensor:
        """See `ModelRunner.forward`; the decoder reads the first start token of new rows."""
        if self._graphs is not None:
            if not self._written.starts and self._graphs.acquire(self):
                self._use(*self._graphs.caches)
            if not new and isinstance(self._written, StaticKVCache) and isinstance(self._sources, StaticKVCache):
                return self._replay(last, self._graphs, self._written, self._sources)
        return self._forward(last, new)

    def keep(self, slots: Sequence[int]) -> None:
        """See `ModelRunner.keep`."""
        for cache in (self._written, self._sources):
            cache.keep(slots)
        if not slots and self._graphs is not None and isinstance(self._written, StaticKVCache):
            self._graphs.release()
            self._begin()
        for layer in self._cache.cross_attention_cache.layers:
            layer.show()

    def scrub(self) -> None:
        """See `ModelRunner.scrub`."""
        # The memory of CUDA graphs stays even if all rows are gone.
        for cache in (self._written, self._sources, *(self._graphs.caches if self._graphs is not None else ())):
            cache.scrub()

    def _begin(self) -> None:
        dtype = cache_dtype(self._checkpoint)
        self._use(KVCache(self._checkpoint, SPARE, dtype), KVCache(self._checkpoint, dtype=dtype))

    def _use(self, written: KVCache, sources: KVCache) -> None:
        self._written, self._sources = written, sources
        self._new = list[int]()  # lengths of the sources that join in this step
        # It must not refer to `self`, which refers to it: a cycle would keep much memory for a while.
        self._cache = library_cache(written, sources, self._new)

    def _replay(
        self, last: torch.Tensor, graphs: CudaGraphs, written: StaticKVCache, sources: StaticKVCache
    ) -> torch.Tensor:
        written.reserve([], further=1)
        positions = self._model.positions
        positions.extend(written.width, self._states)
        (starts, at), (source_starts, _) = written.padded(graphs.rows), sources.padded(graphs.rows)
        numbers = [*at, *starts, written.end - 1, *source_starts, sources.end - 1]
        compute = partial(_static_step, self._model, self._states[:1], written, sources)
        logits = graphs.replay(last, numbers, compute, len(positions))
        if logits is not None:
            return logits
        written.end -= 1
        return self._forward(last, [])

    def _forward(self, last: torch.Tensor, new: Sequence[SourceText]) -> torch.Tensor:
        self._new[:] = [len(source.ids) for source in new]
        self._written.reserve([1] * len(new), further=1)
        self._written.add([1] * len(new))
        if new:  # if not, the library still looks at the same columns of the sources
            self._sources.reserve(self._new, further=0)
            self._sources.add(self._new)
            self._states = self._model.encode([source.ids for source in new])
            self._cache.is_updated = {}  # the decoder makes keys and values of the new sources
            last = torch.cat([last, self._checkpoint.tensor([source.start[0] for source in new])])
        positions = self._written.positions
        self._model.positions.extend(max(positions) + 1, self._states)
        masks = [self._mask(cache) for cache in (self._written, self._sources)]
        at = self._checkpoint.tensor(positions)
        caches = (self._written, self._sources)
        reaches = Reaches(*map(Reach.of, caches)) if self._checkpoint.device.on_cpu else None
        return self._model.decode(last, at, self._states, masks, self._cache, reaches).float()

    def _mask(self, cache: KVCache) -> torch.Tensor:
        used = cache.used
        mask = cache.mask(used)
        if mask is not None:
            return mask
        shape = (len(cache.starts), 1, 1, used.stop - used.start)
        return torch.ones(shape, dtype=torch.bool, device=self._checkpoint.device.name)


def _static_step(
    model: EncoderDecoder,
    states: torch.Tensor,
    written: StaticKVCache,
    sources: StaticKVCache,
    ids: torch.Tensor,
    numbers: torch.Tensor,
) -> torch.Tensor:
    """Compute a decode step for a CUDA graph.

    Args:
        numbers: the rows' positions and first columns, the new tokens' column, and the sources' first columns and last
            column.
    """
    rows = len(ids)
    positions, starts, column, source_starts, last = torch.split(numbers, [rows, rows, 1, rows, 1])
    view = StaticView.of(written, starts, column, 0 if model.positions.are_added else column[0])
    source_view = StaticView.of(sources, source_starts, last)
    cache = static_library_cache(view, source_view, len(written.layers))
    return model.decode(ids, positions, states, [view.mask, source_view.mask], cache)

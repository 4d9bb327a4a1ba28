"""transformers' view of the KV caches of a running batch of an encoder-decoder."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, count, pairwise

import torch
from transformers import Cache, EncoderDecoderCache
from transformers.cache_utils import DynamicLayer

from bot.inference.heads.generation.kv_cache import KeysAndValues, KVCache
from bot.inference.heads.generation.static_kv_cache import StaticView


def library_cache(written: KVCache, sources: KVCache, new: Sequence[int]) -> EncoderDecoderCache:
    """Return the view of the caches of written tokens and of sources.

    Args:
        new: the lengths of the sources that are added in the current step.
    """
    # transformers makes the layers one by one, in order.
    own, cross = count(), count()
    return EncoderDecoderCache(
        Cache(layer_class_to_replicate=lambda: _WrittenLayer(written, next(own))),
        Cache(layer_class_to_replicate=lambda: SourceLayer(sources, next(cross), new)),
    )


def static_library_cache(written: StaticView, sources: StaticView, layers: int) -> EncoderDecoderCache:
    """Return the view of static caches with so many layers."""
    return EncoderDecoderCache(
        Cache(layers=[_WrittenLayer(written, layer) for layer in range(layers)]),
        Cache(layers=[_filled_layer(sources.read(layer)) for layer in range(layers)]),
    )


class _WrittenLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values of written tokens in a layer."""

    def __init__(self, cache: KVCache | StaticView, layer: int) -> None:
        super().__init__()
        self._cache = cache
        self._layer = layer

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *_: object, **__: object) -> KeysAndValues:
        """Add a token of each row, (rows, heads, 1, size)."""
        return self._cache.update(self._layer, key_states, value_states)

    def get_seq_length(self) -> torch.Tensor | int:
        """Return the distance of the token that is read now from the first used column."""
        return self._cache.distance


class SourceLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values of the sources in a layer."""

    def __init__(self, cache: KVCache, layer: int, new: Sequence[int]) -> None:
        super().__init__()
        self._cache = cache
        self._layer = layer
        self._new = new

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *_: object, **__: object) -> KeysAndValues:
        """Add new sources, one after the other, (1, heads, tokens, size)."""
        cache = self._cache
        layer = cache.layer(self._layer, key_states, value_states)
        borders = pairwise(accumulate(self._new, initial=0))
        for row, (start, stop) in enumerate(borders, len(cache.starts) - len(self._new)):
            columns = slice(cache.starts[row], cache.end)
            layer.keys[row, :, columns] = key_states[0, :, start:stop]
            layer.values[row, :, columns] = value_states[0, :, start:stop]
        return self.show()

    def show(self) -> KeysAndValues:
        """Have the library read the rows and columns that are used now."""
        rows, used = len(self._cache.starts), self._cache.used
        layer = self._cache.layers.get(self._layer)
        if layer is None:
            self.keys = self.values = torch.empty(0)
        else:
            self.keys, self.values = layer.keys[:rows, :, used], layer.values[:rows, :, used]
        return self.keys, self.values


def _filled_layer(states: KeysAndValues) -> DynamicLayer:
    layer = DynamicLayer()
    layer.keys, layer.values = states
    layer.is_initialized = True
    return layer

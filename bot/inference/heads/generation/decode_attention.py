"""Attention of decode steps on the CPU, in which each row has one query.

Source: "Attention backends" in the transformers documentation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from bot.inference.heads.checkpoint import Checkpoint
from bot.inference.heads.generation.kv_cache import KVCache, long_rows

_NAME, _LIBRARY = "glassbox-decoding", "sdpa"
_OTHER = ("softcap", "s_aux", "output_attentions")
"""Arguments of transformers' attention functions that are left to the library."""


@dataclass(frozen=True)
class Reach:
    """How far back rows see in a KV cache.

    Attributes:
        first: the first used column that all rows but a few see, counted from the first one of all rows.
        alone: these few rows, which reach further back, with their first columns. Each is computed by itself.
    """

    first: int
    alone: Mapping[int, int]

    @classmethod
    def of(cls, cache: KVCache) -> Reach:
        """Return how far the rows of a cache see."""
        starts, first = cache.starts, cache.used.start
        alone = {row: starts[row] - first for row in long_rows(starts, cache.end)}
        return cls(min(start - first for row, start in enumerate(starts) if row not in alone), alone)


@dataclass(frozen=True)
class Reaches:
    """How far back rows see in an encoder-decoder's two caches."""

    written: Reach
    sources: Reach


@contextmanager
def decoding(checkpoint: Checkpoint, reaches: Reaches | None = None) -> Iterator[Mapping[str, Reaches]]:
    """Compute decode steps of a model on the CPU by `attend_once` inside the body.

    Args:
        reaches: if known, how far back rows see.

    Yields:
        What the model must be called with, besides its usual arguments.
    """
    if not _applies(checkpoint):
        yield {}
        return
    AttentionInterface.register(_NAME, _attend)
    AttentionMaskInterface.register(_NAME, sdpa_mask)  # the library's own masks
    with checkpoint.attention_backend.switched_to(_NAME):
        yield {} if reaches is None else {"glassbox_reaches": reaches}


def cache_dtype(checkpoint: Checkpoint) -> torch.dtype | None:
    """Return the data type in which an encoder-decoder's keys and values are kept; None for the model's own."""
    # Those of sources are read in each step. To convert them takes as long as the products.
    return _computed_in(checkpoint.model.dtype) if _applies(checkpoint) else None


def _applies(checkpoint: Checkpoint) -> bool:
    return checkpoint.device.on_cpu and checkpoint.model.config._attn_implementation == _LIBRARY


def attend_once(
    queries: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    mask: torch.Tensor | None,
    scale: float | None,
    bias: torch.Tensor | None = None,
) -> torch.Tensor:
    """Attend with few queries a row, (rows, heads, queries, size); return the same shape.

    Args:
        keys: (rows, heads, columns, size), and `values` alike.
        mask: which columns are seen, or what is added to the products; like (rows, heads, queries, columns).
        scale: factor of the products; None for one over the root of the size.
        bias: added to the products, like them.
    """
    # PyTorch's kernel is made for many queries. With one, in bfloat16, it takes two to five times as long as two
    # products in float32; with three of heads that share keys, as long as these (docs/experiments/translation.md).
    if not queries.is_cpu or (queries.shape[2] > 1 and keys.dtype == queries.dtype):
        return scaled_dot_product_attention(queries, keys, values, attn_mask=_both(mask, bias), scale=scale)
    dtype = _computed_in(queries.dtype)
    scale = queries.shape[-1] ** -0.5 if scale is None else scale
    products = (queries.to(dtype) * scale) @ keys.to(dtype).transpose(-1, -2)
    for added in (bias, mask):
        if added is not None:
            products = _added(products, added)
    return (products.softmax(dim=-1) @ values.to(dtype)).to(queries.dtype)


def _both(mask: torch.Tensor | None, bias: torch.Tensor | None) -> torch.Tensor | None:
    if mask is None or bias is None:
        return bias if mask is None else mask
    return _added(bias, mask)


def _computed_in(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)


def _attend_apart(
    queries: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    mask: torch.Tensor | None,
    scale: float | None,
    bias: torch.Tensor | None,
    reach: Reach,
) -> torch.Tensor:
    """Attend like `attend_once`, and compute long rows by themselves, so that short ones are not as wide."""

    def attend(rows: slice, first: int, seen: torch.Tensor | None) -> torch.Tensor:
        others = [None if one is None else one[..., first:] for one in (seen, bias)]
        return attend_once(queries[rows], keys[rows, :, first:], values[rows, :, first:], others[0], scale, others[1])

    output = attend(slice(None), reach.first, mask)
    for row, first in reach.alone.items():
        output[row] = attend(slice(row, row + 1), first, None)[0]
    return output


def _added(products: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return products.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else products + mask.to(products.dtype)


def _attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    is_causal: bool | None = None,
    position_bias: torch.Tensor | None = None,
    glassbox_reaches: Reaches | None = None,
    **others: object,
) -> tuple[torch.Tensor, None]:
    """Attend as the library asks, see `transformers.AttentionInterface`."""
    rows, heads, tokens, _ = query.shape
    shared = heads // key.shape[1]
    is_simple = tokens == 1 and (shared == 1 or (position_bias is None and _is_alike(attention_mask)))
    if not is_simple or any(others.get(name) for name in _OTHER):
        return sdpa_attention_forward(  # type: ignore[no-any-return]
            module,
            query,
            key.to(query.dtype),
            value.to(query.dtype),
            attention_mask,
            dropout,
            scaling,
            is_causal,
            position_bias,
            **others,
        )
    # Heads that share keys stand on the axis of a row's queries.
    grouped = query.reshape(rows, heads // shared, shared, -1)
    inputs = (grouped, key, value, attention_mask, scaling, position_bias)
    if glassbox_reaches is None:
        output = attend_once(*inputs)
    else:
        is_written = getattr(module, "is_causal", True)  # cross-attention is not
        output = _attend_apart(*inputs, glassbox_reaches.written if is_written else glassbox_reaches.sources)
    return output.reshape(rows, 1, heads, -1), None


def _is_alike(mask: torch.Tensor | None) -> bool:
    """Return whether a mask is the same for all heads."""
    return mask is None or mask.shape[1] == 1

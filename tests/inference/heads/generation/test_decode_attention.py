"""Attention of decode steps: the numbers of PyTorch's own kernel, and of transformers' models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import scaled_dot_product_attention

from bot.inference.checkpoints.loading import load_head
from bot.inference.compute.device import Device
from bot.inference.heads.generation import decode_attention
from bot.inference.heads.generation.decode_attention import Reach, attend_once, cache_dtype, decoding
from bot.inference.heads.generation.kv_cache import KVCache
from bot.inference.heads.head import Head
from tests.support import CPU

BFLOAT16 = Device("cpu", "bfloat16")


@given(
    rows=st.integers(1, 4),
    heads=st.integers(1, 4),
    queries=st.integers(1, 3),
    columns=st.integers(1, 40),
    masked=st.sampled_from(["none", "seen", "added"]),
    biased=st.booleans(),
    scale=st.sampled_from([None, 1.0, 0.3]),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=150, deadline=None)
def test_it_is_the_attention_that_pytorch_computes(
    rows: int, heads: int, queries: int, columns: int, masked: str, biased: bool, scale: float | None, seed: int
) -> None:
    random = torch.Generator().manual_seed(seed)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=random, dtype=torch.float64)

    query, key, value = drawn(rows, heads, queries, 8), drawn(rows, heads, columns, 8), drawn(rows, heads, columns, 8)
    seen = torch.rand(rows, 1, 1, columns, generator=random) < 0.7
    seen[..., -1] = True  # no row is without any column
    added = torch.zeros(seen.shape, dtype=torch.float64).masked_fill(~seen, -torch.inf)
    mask = {"none": None, "seen": seen, "added": added}[masked]
    bias = drawn(1, heads, queries, columns) if biased else None
    everything = torch.zeros(rows, heads, queries, columns, dtype=torch.float64)
    for one in (None if mask is None else added, bias):
        everything = everything if one is None else everything + one

    expected = scaled_dot_product_attention(query, key, value, attn_mask=everything, scale=scale)

    torch.testing.assert_close(attend_once(query, key, value, mask, scale, bias), expected)
    # Queries in bfloat16 lose only what their own data type loses.
    rounded = attend_once(query.bfloat16(), key.float(), value.float(), mask, scale, bias)
    assert rounded.dtype == torch.bfloat16
    torch.testing.assert_close(rounded.double(), expected, rtol=0.05, atol=0.05)


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[torch.Size]:
    """The shapes of the queries whose attention was ours."""
    shapes: list[torch.Size] = []

    def attend(queries: torch.Tensor, *others: Any) -> torch.Tensor:
        shapes.append(queries.shape)
        return attend_once(queries, *others)

    monkeypatch.setattr(decode_attention, "attend_once", attend)
    return shapes


def steps(head: Head, *, cached: int = 3) -> list[torch.Tensor]:
    """Logits of the prompt's last token, and of some more tokens, each read in a step of its own."""
    ids = [5, 6, 7, 8, 9, 10, 4]
    name = "decoder_input_ids" if head.model.config.is_encoder_decoder else "input_ids"
    source = {"input_ids": torch.tensor([[4, 5, 6]])} if head.model.config.is_encoder_decoder else {}
    output = head.model(**source, **{name: torch.tensor([ids[:cached]])}, use_cache=True)
    logits = [output.logits[0, -1]]
    for token in ids[cached:]:
        output = head.model(**source, **{name: torch.tensor([[token]])}, cache=output.cache, use_cache=True)
        logits.append(output.logits[0, -1])
    return logits


@pytest.mark.parametrize("name", ["llama", "gpt2", "t5", "bart", "marian", "m2m100"])
@pytest.mark.parametrize("device", [CPU, BFLOAT16], ids=["float32", "bfloat16"])
@torch.inference_mode()
def test_models_give_the_same_numbers(
    name: str, device: Device, checkpoints: Mapping[str, Path], computed: list[torch.Size]
) -> None:
    head = load_head(checkpoints[name], device)
    expected = steps(head)
    assert not computed

    with decoding(head):
        found = steps(head)

    layers = head.model.config.num_hidden_layers
    decoders = getattr(head.model.config, "num_decoder_layers", None) or layers
    assert len(computed) >= 4 * decoders
    tolerance = {torch.float32: 1e-4, torch.bfloat16: 0.05}[head.model.dtype]
    for ours, theirs in zip(found, expected, strict=True):
        scale = float(theirs.float().abs().max())
        assert float((ours - theirs).float().abs().max()) <= tolerance * scale


def test_a_model_without_pytorchs_kernel_is_left_alone(
    checkpoints: Mapping[str, Path], computed: list[torch.Size], monkeypatch: pytest.MonkeyPatch
) -> None:
    head = load_head(checkpoints["t5"], CPU)
    assert cache_dtype(head) == torch.float32
    monkeypatch.setattr(head.model.config, "_attn_implementation_internal", "eager")

    with decoding(head):
        assert head.model.config._attn_implementation == "eager"

    assert cache_dtype(head) is None


def test_a_long_row_makes_no_other_as_wide(
    checkpoints: Mapping[str, Path], computed: list[torch.Size], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = KVCache(load_head(checkpoints["t5"], CPU))
    cache.reserve([10] * 15 + [900], further=0)
    cache.add([10] * 15 + [900])

    assert Reach.of(cache) == Reach(890, {15: 0})
    cache.keep([*range(15)])
    assert Reach.of(cache) == Reach(0, {})

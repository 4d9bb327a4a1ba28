"""Layers that read the same input give the same numbers when they are computed as one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from bot.inference.checkpoints.loading import load_head
from bot.inference.compute.device import Device
from bot.inference.compute.fused_linear import FusedLinear, FusedLinearPart, fuse
from bot.inference.compute.packed_linear import PackedLinear, pack, packed_bytes
from bot.inference.heads.probing import tolerance

pytestmark = pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="this CPU has no instructions for bfloat16"
)
BF16 = Device("cpu", "bfloat16")
JOINED = {
    "distilbert": 2,  # attention of two layers
    "roberta": 2,
    "bart_mnli": 4,  # of the encoder and the decoder, not across
    "llama": 4,  # attention and feed-forward layers
    "t5": 8,
    "bert_ner": 2,
    "minilm": 2,
}


class Attention(nn.ModuleDict):
    """The three layers of one."""

    def __init__(self, *, bias: bool = True) -> None:
        sizes = {"q_proj": 24, "k_proj": 16, "v_proj": 8}
        super().__init__({name: nn.Linear(40, size, bias=bias, dtype=torch.bfloat16) for name, size in sizes.items()})

    def forward(self, queries: torch.Tensor, others: torch.Tensor) -> list[torch.Tensor]:
        return [self["q_proj"](queries), self["k_proj"](others), self["v_proj"](others)]


def inputs(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, 40, generator=torch.Generator().manual_seed(seed)).bfloat16()


def both(*, bias: bool = True) -> tuple[Attention, Attention]:
    """Plain layers, and the same ones joined."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        plain, joined = Attention(bias=bias), Attention(bias=bias)
    joined.load_state_dict(plain.state_dict())
    pack(joined)
    assert fuse(joined) == 1
    return plain, joined


def assert_close(ours: list[torch.Tensor], theirs: list[torch.Tensor]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=2**-7, atol=2**-9)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 5), (0,)])
def test_any_shape(shape: tuple[int, ...], bias: bool) -> None:
    plain, joined = both(bias=bias)
    read = inputs(1, *shape)
    with torch.inference_mode():
        assert_close(joined(read, read), plain(read, read))


def test_computes_once_and_keeps_nothing() -> None:
    _, joined = both()
    part = joined["q_proj"]
    assert isinstance(part, FusedLinearPart)
    whole = part.fused
    calls: list[int] = []
    whole.whole.register_forward_hook(lambda *_: calls.append(1))
    for seed in range(3):
        read = inputs(seed, 2, 5)
        with torch.inference_mode():
            joined(read, read)
    assert len(calls) == 3
    assert not whole._outputs
    assert whole._inputs is None


def test_queries_of_something_else() -> None:
    """Slower, and right all the same."""
    plain, joined = both()
    queries, others = inputs(1, 3), inputs(2, 5)
    with torch.inference_mode():
        assert_close(joined(queries, others), plain(queries, others))
        assert_close(joined(others, queries), plain(others, queries))


def test_asked_twice_and_in_another_order() -> None:
    plain, joined = both()
    read = inputs(1, 3)
    with torch.inference_mode():
        for name in ("v_proj", "q_proj", "q_proj", "k_proj", "k_proj"):
            assert_close([joined[name](read)], [plain[name](read)])


def test_gradients() -> None:
    plain, joined = both()
    found = []
    for module in (plain, joined):
        read = inputs(1, 2, 5).requires_grad_()
        outputs = module(read, read)
        [gradient] = torch.autograd.grad(sum(output.float().square().sum() for output in outputs), read)
        found.append(gradient)
    torch.testing.assert_close(found[1], found[0], rtol=2**-5, atol=2**-4)


def test_what_is_not_joined() -> None:
    model = nn.ModuleDict({"encoder_attn": Attention(), "plain": Attention(), "mixed": Attention()})
    mixed = model["mixed"]
    assert isinstance(mixed, Attention)
    mixed["k_proj"] = nn.Linear(40, 16, bias=False, dtype=torch.bfloat16)
    pack(model["encoder_attn"])
    pack(mixed)
    assert fuse(model) == 0
    same = nn.Linear(40, 8, dtype=torch.bfloat16)
    twice = nn.ModuleDict({"gate_proj": same, "up_proj": same})
    pack(twice)
    assert fuse(twice) == 0


@pytest.mark.parametrize(("name", "groups"), JOINED.items())
def test_checkpoints(name: str, groups: int, checkpoints: dict[str, Path]) -> None:
    ours, plain = (load_head(checkpoints[name], BF16, packed=packed) for packed in (True, False))
    ids = torch.tensor([ours.tokenize("I love apples and lemons.")])
    read: dict[str, Any] = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if name == "t5":
        read["decoder_input_ids"] = ids[:, :3]
    with torch.inference_mode():
        found, expected = ours.model(**read)[0], plain.model(**read)[0]
    assert float((found - expected).norm()) <= tolerance("bfloat16") * float(expected.norm())
    modules = list(ours.model.modules())
    joined = [module for module in modules if isinstance(module, FusedLinear)]
    assert len(joined) == groups
    assert all(not module._outputs and module._inputs is None for module in joined)
    assert sum(isinstance(module, FusedLinearPart) for module in modules) > groups
    whole = [module for module in modules if isinstance(module, PackedLinear)]
    assert packed_bytes(ours.model) == sum(one.in_features * one.out_features * 2 for one in whole)
    assert ours.parameters == plain.parameters

"""The calls of a model's attention function, and their numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import torch
from torch import nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask

from bot.inference.heads.checkpoint import Checkpoint
from bot.inference.heads.inspection.attention_weights import Part
from bot.inference.heads.inspection.hidden_states import Reading

_NAME = "glassbox-steps"
_UNKNOWN = ("s_aux",)
"""Arguments of transformers' attention functions that change the weights in ways we have no step for."""


@dataclass
class AttentionCall:
    """One layer's attention, float64 on the model's device, of the only sequence.

    Attributes:
        query: (heads, queries, size), key and value: (heads, keys, size), repeated if heads share them.
        biases: (heads, queries, keys) or None.
        visible: (heads, queries, keys), bool.
        outputs: of the modules that read this attention's output, by the order of their calls.
    """

    module: nn.Module
    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    products: torch.Tensor
    scale: float
    biases: torch.Tensor | None
    softcap: float | None
    visible: torch.Tensor
    scores: torch.Tensor
    weights: torch.Tensor
    shared_by: int
    mixed: torch.Tensor
    """The function's output, (queries, heads · size), in the model's own precision."""
    readers: list[tuple[nn.Module, torch.Tensor]] = field(default_factory=list)
    """Modules that read `mixed`, each with its output, (queries, hidden)."""


_calls: ContextVar[list[AttentionCall] | None] = ContextVar("attention_calls", default=None)


def calls_of(checkpoint: Checkpoint, reading: Reading, part: Part) -> list[AttentionCall]:
    """Run the model, and return the calls of one of its parts by layer.

    It is empty if the architecture does not call transformers' attention functions.
    """
    AttentionInterface.register(_NAME, _attend)
    AttentionMaskInterface.register(_NAME, eager_mask)
    calls: list[AttentionCall] = []
    before = _calls.set(calls)
    try:
        with checkpoint.attention_backend.switched_to(_NAME), _watched(checkpoint.model, calls):
            checkpoint.model(**checkpoint.inputs(reading.ids, reading.type_ids, reading.decoder_ids))
    except NotImplementedError:
        return []
    finally:
        _calls.reset(before)
    if not checkpoint.model.config.is_encoder_decoder:
        return calls
    encoder = {id(module) for module in checkpoint.model.get_encoder().modules()}
    decoding = [call for call in calls if id(call.module) not in encoder]
    if part is Part.ENCODER:
        return [call for call in calls if id(call.module) in encoder]
    # Each layer of a decoder looks at its own tokens, and then at the encoder's.
    return decoding[part is Part.CROSS :: 2]


@contextmanager
def _watched(model: nn.Module, calls: list[AttentionCall]) -> Iterator[None]:
    """Note which modules read the output of an attention function, inside the body."""

    def watch(module: nn.Module, arguments: tuple[object, ...], output: object) -> None:
        if not calls or not arguments or not isinstance(output, torch.Tensor):
            return
        read, last = arguments[0], calls[-1]
        # A dropout hands its input on.
        if isinstance(read, torch.Tensor) and not last.readers and output is not read:
            whole = read.reshape(-1)
            if whole.numel() == last.mixed.numel() and torch.equal(whole, last.mixed.reshape(-1)):
                last.readers.append((module, output.reshape(-1, output.shape[-1])))

    leaves = [one for one in model.modules() if not list(one.children()) and not isinstance(one, nn.Dropout)]
    handles = [leaf.register_forward_hook(watch) for leaf in leaves]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _attend(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    position_bias: torch.Tensor | None = None,
    softcap: float | None = None,
    **others: object,
) -> tuple[torch.Tensor, None]:
    """Attend as the library asks, see `transformers.AttentionInterface`, and keep each step."""
    calls = _calls.get()
    if calls is None or any(others.get(name) is not None for name in _UNKNOWN):
        raise NotImplementedError
    shared = query.shape[1] // key.shape[1]
    queries, keys, values = (one[0].double() for one in (query, key, value))
    keys, values = keys.repeat_interleave(shared, dim=0), values.repeat_interleave(shared, dim=0)
    scale = query.shape[-1] ** -0.5 if scaling is None else float(scaling)
    products = queries @ keys.transpose(1, 2)
    scores, biases = products * scale, None
    if position_bias is not None and position_bias.any():  # T5's cross-attention adds zeros
        biases = position_bias[0].double().expand_as(scores)
        scores = scores + biases
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    visible = torch.ones_like(scores, dtype=torch.bool)
    if attention_mask is not None:
        mask = attention_mask[0, ..., : scores.shape[-1]]
        visible = (mask if mask.dtype is torch.bool else mask > -1).expand_as(scores)
    weights = scores.masked_fill(~visible, -torch.inf).softmax(dim=-1)
    mixed = (weights @ values).transpose(0, 1).to(query.dtype)
    whole = mixed.reshape(mixed.shape[0], -1)
    steps = (products, scale, biases, softcap, visible, scores, weights, shared, whole)
    calls.append(AttentionCall(module, queries, keys, values, *steps))
    return mixed[None].contiguous(), None

"""The stacks of layers of a model, and what goes through them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer


def layers_of(model: PreTrainedModel, part: str = "") -> list[nn.Module]:
    """Return the layers of a model in order, or those of its `encoder` or `decoder`; empty if they are not known."""
    whole: nn.Module = model
    if part:
        found = model.get_encoder() if part == "encoder" else model.get_decoder()
        whole = model if found is None else found
    # A layer within a layer would be counted twice.
    lists = [one for one in whole.modules() if isinstance(one, nn.ModuleList) and len(one)]
    stacks = [one for one in lists if all(isinstance(layer, GradientCheckpointingLayer) for layer in one)]
    return list(max(stacks, key=len, default=()))


def states_of(output: object) -> torch.Tensor:
    """Return the hidden states of a layer's output, (batch, tokens, hidden)."""
    first = output[0] if isinstance(output, tuple) else output
    assert isinstance(first, torch.Tensor)
    return first


def with_states(output: object, states: torch.Tensor) -> object:
    """Return a layer's output with other hidden states."""
    return (states, *output[1:]) if isinstance(output, tuple) else states


@contextmanager
def hooked(hooks: Sequence[tuple[nn.Module, Callable[..., object]]]) -> Iterator[None]:
    """Call functions with (module, arguments, output) after modules, inside the body; they may replace the output."""
    handles = [module.register_forward_hook(hook) for module, hook in hooks]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()

"""Attention functions of ours in transformers' models.

Source: "Attention backends" in the transformers documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import torch
from transformers import AttentionInterface, PreTrainedModel
from transformers.utils import ModelOutput

_NAME = "glassbox"
_UNSUPPORTED = ("softcap", "s_aux", "position_bias")
"""Arguments of transformers' attention functions that ours do not take."""


@dataclass(slots=True)  # frozen ones take longer to make, and this is made for each layer
class LayerInput:
    """The input of attention in a layer: queries, keys and values, (sequences, heads, tokens, size) each.

    Attributes:
        scale: factor of the products of queries and keys; None for the usual one.
        causal: whether no token sees a later one.
        window: how many tokens back a token sees, itself included; None for all.
    """

    module: torch.nn.Module
    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    scale: float | None
    causal: bool
    window: int | None

    @property
    def layer(self) -> int:
        """The index of a decoder's layer."""
        return int(self.module.layer_idx)  # type: ignore[arg-type]


class Attention(Protocol):
    """An attention function for one forward pass."""

    def attend(self, inputs: LayerInput) -> torch.Tensor:
        """Return a layer's attention, (sequences, tokens, heads, size).

        Raises:
            NotImplementedError: the model's attention is of another kind.
        """
        ...


class AttentionBackend:
    """Runs a model with other attention functions. Used on the device's thread only, so no other request notices."""

    def __init__(self, model: PreTrainedModel) -> None:
        AttentionInterface.register(_NAME, _attend)
        self._model = model
        parts = [module for module in model.modules() if isinstance(module, PreTrainedModel)]
        self._configs = list({id(part.config): part.config for part in parts}.values())

    def run(self, attention: Attention, **inputs: object) -> ModelOutput:
        """Return the model's output with an attention function of ours.

        Raises:
            NotImplementedError, TypeError: the model's attention is of another kind.
        """
        with self.switched_to(_NAME):
            return self._model(**inputs, glassbox_attention=attention)

    @contextmanager
    def switched_to(self, name: str) -> Iterator[None]:
        """Compute attention by a registered function, such as the library's `eager`, inside the body."""
        # Not through the public property: it would give sub-configurations the same one, and they may differ.
        before = [config._attn_implementation for config in self._configs]
        try:
            for config in self._configs:
                config._attn_implementation_internal = name
            yield
        finally:
            for config, earlier in zip(self._configs, before, strict=True):
                config._attn_implementation_internal = earlier


def _attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    glassbox_attention: Attention,
    scaling: float | None = None,
    is_causal: bool | None = None,
    sliding_window: int | None = None,
    **others: object,
) -> tuple[torch.Tensor, None]:
    """Attend as the library asks, see `transformers.AttentionInterface`."""
    if any(others.get(name) is not None for name in _UNSUPPORTED):
        raise NotImplementedError
    causal = bool(getattr(module, "is_causal", True) if is_causal is None else is_causal)
    inputs = LayerInput(module, query, key, value, scaling, causal, sliding_window)
    return glassbox_attention.attend(inputs), None

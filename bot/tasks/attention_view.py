"""Choosing a matrix of attention weights: one head of a layer, the mean of its heads, or a rollout of layers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated

from bot.errors import InvalidRequest
from bot.inference.heads.inspection.attention_weights import Attentions, Part, Weights, average_of_heads, rollout
from bot.inference.json_forms import Array
from bot.locales.message import Message, later
from bot.locales.values import later_enumerated


class Heads(StrEnum):
    """How the heads of a layer are combined."""

    ONE = "one"
    AVERAGE = "average"
    ROLLOUT = "rollout"
    ALL = "all"
    """Each on its own, side by side."""
    ARRIVING = "arriving"
    """How much of each token arrives: weights times the projected values, by all heads together."""
    WORKED = "worked"
    """One weight of one head, worked out."""
    MASKS = "masks"
    """Who sees whom, in each part of the model."""


@dataclass(frozen=True)
class AttentionView:
    """A choice of a matrix; raises `InvalidRequest` if no model has it."""

    part: Part | None = None
    """None for the model's first one."""
    layer: int | None = None
    """From 1; None for the last."""
    heads: Heads = Heads.AVERAGE
    head: int | None = None
    """From 1; only with `Heads.ONE` and `Heads.WORKED`."""
    query: int | None = None
    """The token that looks, from 1; only with `Heads.WORKED`, None for that of a strong weight."""
    key: int | None = None
    """The token that is looked at."""

    def __post_init__(self) -> None:
        for name, number in (("layer", self.layer), ("head", self.head), ("query", self.query), ("key", self.key)):
            if number is not None and number < 1:
                raise InvalidRequest(
                    later("`{name}` is counted from 1. Leave it out to begin with a good one.", name=name)
                )
        if (self.heads in (Heads.ONE, Heads.WORKED)) != (self.head is not None):
            raise InvalidRequest(later("Choose either one `head`, or what is made of all of them."))
        if (self.query is None) != (self.key is None) or (self.query is not None and self.heads is not Heads.WORKED):
            raise InvalidRequest(
                later("A pair of tokens belongs to one weight that is worked out. Choose a head first.")
            )


ANY_VIEW = AttentionView()
"""The average of the heads of the first part's last layer."""


@dataclass(frozen=True, eq=False)
class Shown:
    """One of a model's matrices of weights."""

    weights: Annotated[Weights, Array("float32")]
    """(queries, keys), float32; each row sums to 1."""
    view: AttentionView
    """The choice, in which only `head` may be None."""
    parts: tuple[Part, ...]
    """All parts of the model."""
    layers: int
    """Number of layers of the part."""
    number_of_heads: int
    """In each layer."""
    each: tuple[Annotated[Weights, Array("float32")], ...] = ()
    """Of `Heads.ALL`, those of each head, (queries, keys)."""

    @property
    def part(self) -> Part:
        """The chosen part."""
        assert self.view.part is not None
        return self.view.part

    @property
    def layer(self) -> int:
        """The layer's number, from 1."""
        assert self.view.layer is not None
        return self.view.layer

    @property
    def is_causal(self) -> bool:
        """Whether tokens only attend to earlier ones."""
        return self.part is Part.DECODER


def shown(attentions: Attentions, view: AttentionView) -> Shown:
    """Take the chosen matrix; raises `InvalidRequest` if the model has no such part, layer or head."""
    part = view.part or next(iter(attentions))
    if part not in attentions:
        raise InvalidRequest(
            later(
                # Translators: the parts are "encoder", "decoder" and "cross-attention".
                "This model has no such part as {part}. It has: {parts}.",
                part=_name(part),
                parts=later_enumerated(map(_name, attentions)),
            )
        )
    layers, heads = attentions[part].shape[:2]
    layer = layers if view.layer is None else view.layer
    if layer > layers:
        raise InvalidRequest(
            later("There is no layer {layer} here: choose `layer` from 1 to {layers}.", layer=layer, layers=layers)
        )
    if view.head is not None and view.head > heads:
        raise InvalidRequest(
            later("There is no head {head} here: choose `head` from 1 to {heads}.", head=view.head, heads=heads)
        )
    if view.heads is Heads.ROLLOUT and part is Part.CROSS:
        raise InvalidRequest(
            later(
                "Rollout follows the same tokens from layer to layer, and cross-attention goes from one text to "
                "another. Please choose the average of heads, or one head."
            )
        )
    found = replace(view, part=part, layer=layer)
    each = tuple(one.copy() for one in attentions[part][layer - 1]) if view.heads is Heads.ALL else ()
    return Shown(_matrix(attentions[part], found), found, tuple(attentions), layers, heads, each)


def _matrix(weights: Weights, view: AttentionView) -> Weights:
    assert view.layer is not None
    if view.head is not None:
        chosen = weights[view.layer - 1, view.head - 1]
    elif view.heads is Heads.ROLLOUT:
        chosen = rollout(weights[: view.layer])[-1]
    else:
        chosen = average_of_heads(weights[view.layer - 1 : view.layer])[0]
    copied: Weights = chosen.copy()  # a view of it would keep the weights of all layers in memory
    return copied


def _name(part: Part) -> Message:
    return {
        Part.ENCODER: later("encoder"),
        Part.DECODER: later("decoder"),
        Part.CROSS: later("cross-attention"),
    }[part]

"""Which matrix of a model's attention weights is shown: a layer and a head, the mean of the heads, or a rollout."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.errors import InvalidRequest
from bot.inference.heads.inspection.attention_weights import Attentions, Part, Weights, average_of_heads, rollout


class Heads(StrEnum):
    """What becomes of the heads of a layer."""

    ONE = "one"
    AVERAGE = "average"
    ROLLOUT = "rollout"


@dataclass(frozen=True)
class AttentionView:
    """What somebody wants to see. Raises `InvalidRequest` for what there cannot be.

    Attributes:
        part: None for the first that the model has.
        layer: its number, from 1; None for the last.
        heads: what becomes of the layer's heads.
        head: its number, from 1, where one is wanted.
    """

    part: Part | None = None
    layer: int | None = None
    heads: Heads = Heads.AVERAGE
    head: int | None = None

    def __post_init__(self) -> None:
        for name, number in (("layer", self.layer), ("head", self.head)):
            if number is not None and number < 1:
                raise InvalidRequest(f"`{name}` is counted from 1. Leave it out to begin with a good one.")
        if (self.heads is Heads.ONE) != (self.head is not None):
            raise InvalidRequest("Choose either one `head`, or what is made of all of them.")


ANY_VIEW = AttentionView()
"""The average of the heads of the last layer of the first part."""


@dataclass(frozen=True, eq=False)
class Shown:
    """A matrix of weights, and where in the model it is from.

    Attributes:
        weights: (queries, keys), float32; each row sums to 1.
        view: the same place, with nothing left open.
        parts: all that the model has.
        layers: how many the part has.
        number_of_heads: how many each layer has.
    """

    weights: Weights
    view: AttentionView
    parts: tuple[Part, ...]
    layers: int
    number_of_heads: int

    @property
    def part(self) -> Part:
        """The part that is shown."""
        assert self.view.part is not None
        return self.view.part

    @property
    def layer(self) -> int:
        """The layer's number, from 1."""
        assert self.view.layer is not None
        return self.view.layer

    @property
    def is_causal(self) -> bool:
        """Whether no token can look at a later one."""
        return self.part is Part.DECODER


def shown(attentions: Attentions, view: AttentionView) -> Shown:
    """The matrix that somebody wants to see.

    Args:
        attentions: of each part that the model has, (layers, heads, queries, keys).

    Raises:
        InvalidRequest: there is no such part, layer or head.
    """
    part = view.part or next(iter(attentions))
    if part not in attentions:
        raise InvalidRequest(
            f"This model has no such part as {_name(part)}. It has: {', '.join(map(_name, attentions))}."
        )
    layers, heads = attentions[part].shape[:2]
    layer = layers if view.layer is None else view.layer
    if layer > layers:
        raise InvalidRequest(f"There is no layer {layer} here: choose `layer` from 1 to {layers}.")
    if view.head is not None and view.head > heads:
        raise InvalidRequest(f"There is no head {view.head} here: choose `head` from 1 to {heads}.")
    if view.heads is Heads.ROLLOUT and part is Part.CROSS:
        raise InvalidRequest(
            "Rollout follows the same tokens from layer to layer, and cross-attention goes from one text to another. "
            "Please choose the average of heads, or one head."
        )
    found = AttentionView(part, layer, view.heads, view.head)
    return Shown(_matrix(attentions[part], found), found, tuple(attentions), layers, heads)


def _matrix(weights: Weights, view: AttentionView) -> Weights:
    assert view.layer is not None
    if view.head is not None:
        chosen = weights[view.layer - 1, view.head - 1]
    elif view.heads is Heads.AVERAGE:
        chosen = average_of_heads(weights[view.layer - 1 : view.layer])[0]
    else:
        chosen = rollout(weights[: view.layer])[-1]
    copied: Weights = chosen.copy()  # a view of it would keep the weights of all layers in memory
    return copied


def _name(part: Part) -> str:
    return "cross-attention" if part is Part.CROSS else f"{part}"

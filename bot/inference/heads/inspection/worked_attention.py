"""The numbers of one layer's attention, without the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from bot.inference.heads.inspection.attention_weights import Weights
from bot.inference.json_forms import Array

Vector = tuple[float, ...]


@dataclass(frozen=True)
class HeadRow:
    """How one head divides the attention of one query among the keys."""

    query: Vector
    """(size of a head,)"""
    keys: tuple[Vector, ...]
    """(keys, size of a head), as they are multiplied: turned by their positions, if the model does that (RoPE)."""
    values: tuple[Vector, ...]
    """(keys, size of a head)"""
    products: Vector
    """Of the query with each key, (keys,)."""
    scale: float
    """Factor of the products."""
    biases: Vector
    """What the distance to each key adds to the score, (keys,); empty if the model has no such bias."""
    softcap: float | None
    """No score is larger than this: it becomes softcap · tanh(score / softcap)."""
    visible: tuple[bool, ...]
    """Keys that the mask leaves, (keys,)."""
    scores: Vector
    """What softmax reads, (keys,), before the mask."""
    weights: Vector
    """(keys,); they sum to 1."""
    output: Vector
    """The values' mean with these weights, (size of a head,)."""
    shared_by: int
    """Query heads that share these keys and values (grouped-query attention); 1 if each has its own."""
    is_rotated: bool
    """Queries and keys are turned by their positions (RoPE)."""


@dataclass(frozen=True, eq=False)
class Steps:
    """A layer of attention from the inside."""

    row: HeadRow
    norms: Annotated[Weights, Array("float32")]
    """Lengths of what each key's token adds to each query's, by all heads together, (queries, keys)."""
    visible: Annotated[Weights, Array("float32")]
    """1 where the mask lets a query see a key, else 0, (queries, keys)."""
    error: float
    """By how much the sum of what arrives, and of the bias, differs from the layer's own output, as a share of the
    output's length; the largest of all queries."""

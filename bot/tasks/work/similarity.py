"""How an answer to `/similarity` came about. Nothing is drawn at random, so what was written plays no part."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from bot.inference.operations import TaskRun
from bot.inference.task import HeadKind
from bot.tasks import similarity
from bot.tasks.scores import Floats
from bot.tasks.similarity import Comparison, SimilarityRequest
from bot.tasks.work.architecture import architecture
from bot.tasks.work.pieces import Cosines, Decision, DotProduct, Pooled, PooledText, Prepared, Product, Work
from bot.tasks.work.reading import hidden_states, tokens_read
from bot.tasks.work.request import Explain, Written
from bot.tasks.work.wording import number

if TYPE_CHECKING:
    from bot.inference.heads.embedder import Embedder


def explain_comparison(head: Embedder, request: SimilarityRequest, written: Written = ()) -> TaskRun[Work]:
    """Open the answer of a sentence encoder."""
    made = yield from similarity.comparison(head, request, alone=True)
    names = [f"text {place}" for place in range(1, len(request.texts) + 1)]
    first = made.inputs[0]
    states = yield from hidden_states(head, head.reading(first.ids, type_ids=first.type_ids), names[0])
    cut = [name for name, one in zip(names, made.inputs, strict=True) if one.truncated]
    truncated = f"the end of {' and of '.join(cut)}" if cut else None
    return Work(
        "similarity",
        (
            Prepared(
                request.texts, "Each text goes to the model as it is, without a prompt, and none sees another one."
            ),
            tokens_read(head, [one.ids for one in made.inputs], names, truncated=truncated),
            architecture(head),
            *states,
            _pooled(head, request, made),
            _worked_out(made, _most_alike(made.cosines, ranked=request.ranked)),
            Cosines(request.texts, tuple(map(tuple, made.cosines.tolist())), request.ranked),
            _decision(request, made),
        ),
    )


def _pooled(head: Embedder, request: SimilarityRequest, made: Comparison) -> Pooled:
    columns = (request.texts, made.inputs, made.pooled.tolist(), made.norms.tolist(), made.vectors.tolist())
    found = zip(*columns, strict=True)
    return Pooled(
        head.pooling.mode,
        tuple(
            PooledText(text, len(read.ids), tuple(vector), norm, tuple(unit))
            for text, read, vector, norm, unit in found
        ),
    )


def _most_alike(cosines: Floats, *, ranked: bool) -> tuple[int, int]:
    """The first of the pairs with the largest cosine.

    Args:
        ranked: whether only pairs with the first text count.
    """
    is_pair = np.triu(np.ones_like(cosines, dtype=np.bool_), k=1)
    if ranked:
        is_pair[1:] = False
    first, second = divmod(int(np.where(is_pair, cosines, -np.inf).argmax()), len(cosines))
    return first, second


def _worked_out(made: Comparison, pair: tuple[int, int]) -> DotProduct:
    first, second = made.vectors[pair[0]], made.vectors[pair[1]]
    order = np.argsort(-np.abs(first * second), kind="stable").tolist()
    products = tuple(Product(place, float(first[place]), float(second[place])) for place in order)
    return DotProduct(pair, products, float(made.cosines[pair]))


def _decision(request: SimilarityRequest, made: Comparison) -> Decision:
    first, second = _most_alike(made.cosines, ranked=request.ranked)
    cosine = float(made.cosines[first, second])
    angle = f"{number(cosine)}, the cosine of an angle of {math.degrees(math.acos(cosine)):.0f} degrees"
    if len(request.texts) == 2:
        return Decision(f"The answer is {angle}. One is the same direction, zero a right angle: nothing in common.")
    if request.ranked:
        return Decision(
            f"The others are ranked by their cosines with text 1. The largest is that of text {second + 1}: {angle}.",
            request.texts[second],
        )
    return Decision(f"The largest cosine of all pairs is that of the texts {first + 1} and {second + 1}: {angle}.")


EXPLANATIONS: Mapping[HeadKind, Explain] = {HeadKind.EMBEDDER: explain_comparison}

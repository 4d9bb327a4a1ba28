"""How an answer to `/similarity` came about."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from bot.inference.heads.pooling import PoolingMode
from bot.inference.operations import TaskRun
from bot.tasks import similarity
from bot.tasks.scores import Floats
from bot.tasks.similarity import SimilarityRequest
from bot.tasks.work.blocks import (
    Explanation,
    File,
    Form,
    Formula,
    HeatMap,
    Number,
    Page,
    Paragraph,
    Strips,
    Text,
    bracketed,
    column,
    joined,
    table,
)
from bot.tasks.work.pages import decision_page, explanation, page, text_page
from bot.tasks.work.reading import hidden_pages, model_page, numbered, read_page
from bot.tasks.work.request import WrittenIds
from bot.tasks.work.wording import number

if TYPE_CHECKING:
    from bot.inference.heads.embedder import Embedder

NUMBERS = 3
"""Of a vector, that are written out."""
MOST_PRODUCTS = 10
MOST_PAIRS = 12


def explain_comparison(head: Embedder, request: SimilarityRequest, written: WrittenIds = ()) -> TaskRun[Explanation]:
    """Open the answer of a sentence encoder."""
    made = yield from similarity.comparison(head, request, alone=True)
    names = numbered("text", len(request.texts))
    first = made.inputs[0]
    states = yield from hidden_pages(head, head.reading(first.ids, type_ids=first.type_ids), names[0])
    cut = [name for name, one in zip(names, made.inputs, strict=True) if one.truncated]
    rows = [one.ids for one in made.inputs]
    pair = _most_alike(made.cosines, ranked=request.ranked)
    return explanation(
        text_page("Each text goes to the model as it is, without a prompt, and none sees another one.", *request.texts),
        read_page(head, rows, names, truncated=f"the end of {' and of '.join(cut)}" if cut else None),
        model_page(head),
        *states,
        pooling_page(head.pooling.mode, request.texts, list(map(len, rows)), made.pooled, made.norms, made.vectors),
        product_page(pair, made.vectors, float(made.cosines[pair])),
        cosines_page(request.texts, made.cosines, ranked=request.ranked),
        decision_page(Paragraph(_decision(request, pair, float(made.cosines[pair])))),
    )


def pooling_page(
    mode: PoolingMode, texts: Sequence[str], tokens: Sequence[int], pooled: Floats, norms: Floats, units: Floats
) -> Page:
    """How the hidden states of each text's tokens became one vector.

    Args:
        tokens: how many were read of each text.
        pooled: the vectors as the pooling left them, (texts, size).
        norms: their Euclidean lengths, (texts,).
        units: the vectors divided by them, (texts, size).
    """
    named = tuple(f"{place}  {text}" for place, text in enumerate(texts, 1))
    size = units.shape[1]
    columns = zip((f"text {place}" for place in range(1, len(texts) + 1)), units.tolist(), strict=True)
    whole = table(*(column(name, values, Form.FIVE) for name, values in columns), column("place", range(1, size + 1)))
    return page(
        "cls-pooling" if mode is PoolingMode.CLS else "mean-pooling",
        table(column("tokens", tokens, Form.COUNT), column("|v|", norms.tolist()), column("text", named)),
        Paragraph(f"For text 1, the first {NUMBERS} of {size:,} numbers:"),
        _normalised(mode, tokens[0], pooled[0].tolist(), float(norms[0]), units[0].tolist()),
        File(f"The file has all {size:,} numbers of each u.", whole),
        picture=Strips("Vectors of length 1", named, tuple(map(tuple, units.tolist()))),
    )


def _normalised(mode: PoolingMode, tokens: int, vector: Sequence[float], norm: float, unit: Sequence[float]) -> Formula:
    """A text's vector, with the numbers put in."""
    is_one = mode is PoolingMode.CLS or tokens == 1
    squares = joined((bracketed(value), "²") for value in vector[: NUMBERS - 1])
    return Formula(
        (
            "v = h1" if is_one else f"v = (h1 + … + h{tokens}) / {tokens}",
            ("  = ", _beginning(vector)),
            ("|v| = √(", squares, " + …)"),
            ("    = ", norm),
            "u = v / |v|",
            ("  = ", _beginning(unit)),
        )
    )


def _beginning(vector: Sequence[float]) -> Text:
    return "(", joined(vector[:NUMBERS], sign=", "), ", …)"


def product_page(pair: tuple[int, int], units: Floats, cosine: float) -> Page:
    """The cosine of two vectors of length 1, worked out.

    Args:
        pair: which of the texts, from 0.
    """
    first, second = units[pair[0]], units[pair[1]]
    order = np.argsort(-np.abs(first * second), kind="stable")
    left, right = first[order].tolist(), second[order].tolist()
    products = [one * other for one, other in zip(left, right, strict=True)]
    one, other = (f"text {place + 1}" for place in pair)
    shown = table(
        column(one, left),
        column(other, right),
        column("product", products, Form.SIGNED_FOUR, cosine),
        column("place", (order + 1).tolist(), total="sum"),
        most=MOST_PRODUCTS,
    )
    said = (
        f"The texts {pair[0] + 1} and {pair[1] + 1}, worked out. The largest of {len(products):,} products come first:"
    )
    summed = joined(map(bracketed, products[:NUMBERS]))
    formula = Formula(("cos = Σ u·w", ("= ", summed, " + …"), ("= ", Number(cosine, Form.FOUR))))
    return page("dot-product", Paragraph(said), shown, formula)


def cosines_page(texts: Sequence[str], cosines: Floats, *, ranked: bool) -> Page:
    """How alike texts are: all cosines that the answer is made of, (texts, texts)."""
    values = cosines.tolist()
    pairs = [pair for pair in combinations(range(len(texts)), 2) if pair[0] == 0 or not ranked]
    pairs.sort(key=lambda pair: -values[pair[0]][pair[1]])
    shown = table(
        column("cosine", (values[one][other] for one, other in pairs), Form.FOUR),
        column("texts", (f"{one + 1} and {other + 1}" for one, other in pairs)),
        most=MOST_PAIRS,
    )
    named = table(column("#", range(1, len(texts) + 1)), column("text", texts))
    picture = HeatMap("Cosine similarity", tuple(texts), tuple(map(tuple, values)))
    return page("cosines", named, shown, picture=picture)


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


def _decision(request: SimilarityRequest, pair: tuple[int, int], cosine: float) -> str:
    first, second = pair
    angle = f"{number(cosine)}, the cosine of an angle of {math.degrees(math.acos(cosine)):.0f} degrees"
    if len(request.texts) == 2:
        return f"The answer is {angle}. One is the same direction, zero a right angle: nothing in common."
    if request.ranked:
        return f"The others are ranked by their cosines with text 1. The largest is that of text {second + 1}: {angle}."
    return f"The largest cosine of all pairs is that of the texts {first + 1} and {second + 1}: {angle}."

"""How an answer to `/similarity` came about."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from bot.inference.heads.pooling import PoolingMode
from bot.inference.operations import TaskRun
from bot.tasks import similarity
from bot.tasks.scores import Floats
from bot.tasks.similarity import SimilarityRequest
from bot.tasks.work import blocks
from bot.tasks.work.blocks import Explanation, Page, column, formula, table
from bot.tasks.work.pages import decision_page, explanation, page, text_page
from bot.tasks.work.reading import beginning, numbered
from bot.tasks.work.request import WrittenIds
from bot.tasks.work.texts import Form, Listed, Number, Sentence, Text, bracketed, four, grouped, joined
from bot.tasks.work.token_pairs import token_pairs_page
from bot.tasks.work.wording import later, listed_with_and, sentence

if TYPE_CHECKING:
    from bot.inference.heads.embedder import Embedder

NUMBERS = 3
"""Of a vector, that are written out."""
MOST_PRODUCTS = 10
MOST_PAIRS = 12


def explain_comparison(head: Embedder, request: SimilarityRequest, written: WrittenIds = ()) -> TaskRun[Explanation]:
    """Open the answer of a sentence encoder."""
    made = yield from similarity.comparison(head, request, alone=True)
    names, first = numbered("text", len(request.texts)), made.inputs[0]
    rows, reading = [one.ids for one in made.inputs], head.reading(first.ids, type_ids=first.type_ids)
    cut = [name for name, one in zip(names, made.inputs, strict=True) if one.truncated]
    text = text_page(sentence("similarity.separate"), *request.texts)
    truncated = partial(sentence, "reading.end-of-texts", texts=listed_with_and(cut)) if cut else None
    read = yield from beginning(head, text, rows, reading, names, truncated=truncated)
    pair = _most_alike(made.cosines, ranked=request.ranked)
    cosine = float(made.cosines[pair])
    return explanation(
        *read,
        pooling_page(head.pooling.mode, request.texts, list(map(len, rows)), made.pooled, made.norms, made.vectors),
        product_page(pair, made.vectors, cosine),
        *(yield from _pairs(head, request, pair, cosine)),
        cosines_page(request.texts, made.cosines, ranked=request.ranked),
        decision_page(_decision(request, pair, cosine)),
    )


def _pairs(
    head: Embedder, request: SimilarityRequest, pair: tuple[int, int], cosine: float
) -> TaskRun[tuple[Page, ...]]:
    """Show the pairs of tokens of two texts; a first token's vector has no such parts."""
    if head.pooling.mode is PoolingMode.CLS:
        return ()
    rows = [head.encode(request.texts[index]) for index in pair]
    first, second = yield from head.token_states(rows)
    tokens = head.tokens(rows[0].inputs.ids), head.tokens(rows[1].inputs.ids)
    return (token_pairs_page((pair[0] + 1, pair[1] + 1), tokens, (first, second), cosine),)


def pooling_page(
    mode: PoolingMode, texts: Sequence[str], tokens: Sequence[int], pooled: Floats, norms: Floats, units: Floats
) -> Page:
    """Show how the hidden states of each text's tokens became one vector.

    Args:
        tokens: the number that was read of each text.
        pooled: the vectors before they are normalised, (texts, size).
        norms: their Euclidean lengths, (texts,).
        units: the vectors divided by them, (texts, size).
    """
    named = tuple(f"{number}  {text}" for number, text in enumerate(texts, 1))
    size = units.shape[1]
    vectors = [
        column(sentence("names.numbered", "text", number=number), values, Form.FIVE)
        for number, values in enumerate(units.tolist(), 1)
    ]
    whole = table(*vectors, column(later("dimension"), range(1, size + 1)))
    vector, unit = pooled[0].tolist(), units[0].tolist()
    is_one = mode is PoolingMode.CLS or tokens[0] == 1
    squares = joined((bracketed(value), "²") for value in vector[: NUMBERS - 1])
    return page(
        "cls-pooling" if mode is PoolingMode.CLS else "mean-pooling",
        table(column(later("tokens"), tokens, Form.COUNT), column("|v|", norms.tolist()), column(later("text"), named)),
        later("For text 1, the first {shown} of {size} numbers:", shown=NUMBERS, size=grouped(size)),
        formula(
            "v = h1" if is_one else f"v = (h1 + … + h{tokens[0]}) / {tokens[0]}",
            ("  = ", _beginning(vector)),
            ("|v| = √(", squares, " + …)"),
            ("    = ", float(norms[0])),
            "u = v / |v|",
            ("  = ", _beginning(unit)),
        ),
        blocks.File(later("The file has all {size} numbers of each u.", size=grouped(size)), whole),
        picture=blocks.Strips(later("Vectors of length 1"), named, tuple(map(tuple, units.tolist()))),
    )


def _beginning(vector: Sequence[float]) -> Text:
    return "(", Listed((*vector[:NUMBERS], "…")), ")"


def product_page(pair: tuple[int, int], units: Floats, cosine: float) -> Page:
    """Work out the cosine of two of the vectors, whose length is 1; the pair is counted from 0."""
    first, second = units[pair[0]], units[pair[1]]
    order = np.argsort(-np.abs(first * second), kind="stable")
    products = (first * second)[order].tolist()
    one, other = (index + 1 for index in pair)
    return page(
        "dot-product",
        sentence("similarity.products", one=one, other=other, products=grouped(len(products))),
        table(
            column(sentence("names.numbered", "text", number=one), first[order].tolist()),
            column(sentence("names.numbered", "text", number=other), second[order].tolist()),
            column(later("product"), products, Form.SIGNED_FOUR, cosine),
            column(later("dimension"), (order + 1).tolist(), total=later("sum")),
            most=MOST_PRODUCTS,
        ),
        formula("cos = Σ u·w", ("= ", joined(map(bracketed, products[:NUMBERS])), " + …"), ("= ", four(cosine))),
    )


def cosines_page(texts: Sequence[str], cosines: Floats, *, ranked: bool) -> Page:
    """Show how alike texts are: all cosines of the answer, (texts, texts)."""
    values = cosines.tolist()
    pairs = [pair for pair in combinations(range(len(texts)), 2) if pair[0] == 0 or not ranked]
    pairs.sort(key=lambda pair: -values[pair[0]][pair[1]])
    return page(
        "cosines",
        table(column("#", range(1, len(texts) + 1)), column(later("text"), texts)),
        table(
            column(later("cosine"), (values[one][other] for one, other in pairs), Form.FOUR),
            column(later("texts"), (later("{one} and {other}", one=one + 1, other=other + 1) for one, other in pairs)),
            most=MOST_PAIRS,
        ),
        picture=blocks.HeatMap(later("Cosine similarity"), tuple(texts), tuple(map(tuple, values))),
    )


def _most_alike(cosines: Floats, *, ranked: bool) -> tuple[int, int]:
    """Return the first of the pairs with the largest cosine; if ranked, only pairs with the first text count."""
    # Pairs with themselves are always the most alike.
    is_pair = np.triu(np.ones_like(cosines, dtype=np.bool_), k=1)
    if ranked:
        is_pair[1:] = False
    first, second = divmod(int(np.where(is_pair, cosines, -np.inf).argmax()), len(cosines))
    return first, second


def _decision(request: SimilarityRequest, pair: tuple[int, int], cosine: float) -> Sentence:
    first, second = (index + 1 for index in pair)
    angle = sentence("similarity.angle", cosine=cosine, degrees=Number(math.degrees(math.acos(cosine)), Form.WHOLE))
    if len(request.texts) == 2:
        return sentence("similarity.two-texts", angle=angle)
    if request.ranked:
        return sentence("similarity.ranking", second=second, angle=angle)
    return sentence("similarity.all-pairs", first=first, second=second, angle=angle)

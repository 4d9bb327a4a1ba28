"""How texts were compared: one vector for each, and the cosines of the angles between them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import combinations

from bot.inference.heads.pooling import PoolingMode
from bot.pictures.similarity import similarity_map
from bot.pictures.vectors import vector_strips
from bot.replies.work.attached import Attached
from bot.replies.work.blocks import Formula, Paragraph, Table
from bot.replies.work.numbers import decimal, signed
from bot.replies.work.page import Page
from bot.tasks.work.pieces import Cosines, DotProduct, Pooled, PooledText, Product

NUMBERS = 3
"""Of a vector, that are written out."""
MOST_PRODUCTS = 10
MOST_PAIRS = 12

_NORMALISED = (
    "Then each vector is divided by its own length, so that only its direction is left (it is **normalised**): "
    "`u = v / |v|`."
)
POOLED_ABOUT = {
    PoolingMode.MEAN: (
        "The model has a vector for each token, and a text needs one. This checkpoint takes the **mean** of its "
        f"tokens' vectors, special tokens included and padding left out. {_NORMALISED}"
    ),
    PoolingMode.CLS: (
        "The model has a vector for each token, and a text needs one. This checkpoint takes that of the **first "
        f"token**, which was trained to stand for the whole text. {_NORMALISED}"
    ),
}
PRODUCT_ABOUT = (
    "Two vectors of length 1 are compared by the **cosine** of the angle between them: their numbers are multiplied, "
    "place by place, and the products added up. Equal signs add to it, unlike signs take from it."
)
COSINES_ABOUT = "The same for all texts: **1** is the same direction, **0** a right angle, which is nothing in common."


def pooled_page(piece: Pooled) -> Page:
    """Each text's vector, and its length."""
    names = [f"text {place}" for place in range(1, len(piece.rows) + 1)]
    numbered = list(enumerate(piece.rows, 1))
    rows = tuple((f"{row.tokens:,}", decimal(row.norm), f"{place}  {row.text}") for place, row in numbered)
    first = piece.rows[0]
    said = f"For text 1, the first {NUMBERS} of {len(first.vector):,} numbers:"
    units = [row.unit for row in piece.rows]
    numbers = (tuple(decimal(value, 5) for value in values) for values in zip(*units, strict=True))
    whole = Attached(
        f"The file has all {len(first.vector):,} numbers of each u.",
        (*names, "place"),
        tuple((*values, str(place)) for place, values in enumerate(numbers, 1)),
    )
    draw = partial(vector_strips, [f"{place}  {row.text}" for place, row in numbered], units, "Vectors of length 1")
    formula = Formula(tuple(_worked_out(piece.mode, first)))
    blocks = (Table(("tokens", "|v|", "text"), rows), Paragraph(said), formula, whole)
    return Page("Pooling", POOLED_ABOUT[piece.mode], blocks, draw)


def product_page(piece: DotProduct) -> Page:
    """The products that add up to a cosine."""
    first, second = (place + 1 for place in piece.pair)
    rows = tuple(
        (decimal(one.first), decimal(one.second), signed(_product(one), 4), str(one.place + 1))
        for one in piece.products
    )
    end = (("", "", signed(piece.cosine, 4), "sum"),)
    said = f"The texts {first} and {second}, worked out. The largest of {len(rows):,} products come first:"
    table = Table((f"text {first}", f"text {second}", "product", "place"), rows, end, most=MOST_PRODUCTS)
    return Page("Dot product", PRODUCT_ABOUT, (Paragraph(said), table, Formula(tuple(_summed(piece)))))


def cosines_page(piece: Cosines) -> Page:
    """All cosines that the answer is made of."""
    texts = Table(("#", "text"), tuple((str(place), text) for place, text in enumerate(piece.texts, 1)))
    pairs = [pair for pair in combinations(range(len(piece.texts)), 2) if pair[0] == 0 or not piece.ranked]
    ordered = sorted(pairs, key=lambda pair: -piece.values[pair[0]][pair[1]])
    rows = tuple((decimal(piece.values[one][other], 4), f"{one + 1} and {other + 1}") for one, other in ordered)
    draw = partial(similarity_map, piece.texts, piece.values, "Cosine similarity")
    table = Table(("cosine", "texts"), rows, most=MOST_PAIRS)
    return Page("Cosines", COSINES_ABOUT, (texts, table), draw)


def _worked_out(mode: PoolingMode, row: PooledText) -> Iterator[str]:
    """A text's vector, with the numbers put in."""
    yield "v = h1" if mode is PoolingMode.CLS or row.tokens == 1 else f"v = (h1 + … + h{row.tokens}) / {row.tokens}"
    yield f"  = {_beginning(row.vector)}"
    squares = [f"({decimal(value)})²" if value < 0 else f"{decimal(value)}²" for value in row.vector[: NUMBERS - 1]]
    yield f"|v| = √({' + '.join(squares)} + …)"
    yield f"    = {decimal(row.norm)}"
    yield "u = v / |v|"
    yield f"  = {_beginning(row.unit)}"


def _beginning(vector: tuple[float, ...]) -> str:
    return f"({', '.join(map(decimal, vector[:NUMBERS]))}, …)"


def _product(one: Product) -> float:
    return one.first * one.second


def _summed(piece: DotProduct) -> Iterator[str]:
    """The sum, with the numbers put in."""
    products = [_product(one) for one in piece.products[:NUMBERS]]
    yield "cos = Σ u·w"
    yield f"= {' + '.join(f'({decimal(one)})' if one < 0 else decimal(one) for one in products)} + …"
    yield f"= {decimal(piece.cosine, 4)}"

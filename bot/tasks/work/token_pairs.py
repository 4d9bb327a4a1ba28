"""Which pairs of tokens make two texts alike: the exact parts of a cosine of two means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from bot.inference.tokenization.tokens import Token
from bot.tasks.scores import Floats
from bot.tasks.similarity import SHORTEST
from bot.tasks.work.blocks import Page, TokenPairs, column, table
from bot.tasks.work.pages import page
from bot.tasks.work.texts import Form, grouped
from bot.tasks.work.wording import later, sentence

States: TypeAlias = npt.NDArray[np.floating[Any]]

MOST_PAIRS = 10
MOST_LISTED = 400
"""Pairs in the file: two long texts have a quarter of a million."""
MOST_TOKENS = 40
"""Of each text, in the picture."""


def shares_of_pairs(first: States, second: States) -> Floats:
    """Return what each pair of tokens adds to the cosine of the means of two texts, (tokens, tokens).

    A mean's product with a mean is the mean of all products, so the parts sum to the cosine exactly.

    Args:
        first, second: hidden states, (tokens, hidden).
    """
    one, other = first.astype(np.float64), second.astype(np.float64)
    lengths = [max(float(np.linalg.norm(states.mean(axis=0))), SHORTEST) for states in (one, other)]
    found: Floats = (one @ other.T) / (len(one) * len(other) * lengths[0] * lengths[1])
    return found


def token_pairs_page(
    names: tuple[int, int],
    tokens: tuple[Sequence[Token], Sequence[Token]],
    states: tuple[States, States],
    cosine: float,
) -> Page:
    """Show what pairs of tokens add to the cosine of two texts, which are counted from 1."""
    shares = shares_of_pairs(*states)
    texts = [[token.text for token in side] for side in tokens]
    order = np.argsort(-np.abs(shares), axis=None, kind="stable")[:MOST_LISTED].tolist()
    pairs = [divmod(index, shares.shape[1]) for index in order]
    values, total = [float(shares[pair]) for pair in pairs], float(shares.sum())
    others = shares.size - len(pairs)
    rest = [later("all other {number} pairs", number=grouped(others))] if others else []
    matched = [*(texts[1][other] for _, other in pairs), *("" for _ in rest)]
    is_cut = max(shares.shape) > MOST_TOKENS
    drawn = shares[:MOST_TOKENS, :MOST_TOKENS].tolist()
    return page(
        "token-pairs",
        sentence("similarity.pairs", one=names[0], other=names[1], pairs=grouped(shares.size)),
        table(
            column(later("adds"), [*values, total - sum(values)][: len(pairs) + len(rest)], Form.SIGNED_FOUR, total),
            column(sentence("names.numbered", "text", number=names[0]), [*(texts[0][one] for one, _ in pairs), *rest]),
            column(sentence("names.numbered", "text", number=names[1]), matched, total=later("sum")),
            most=MOST_PAIRS,
        ),
        sentence("similarity.pairs-proof", sum=total, cosine=cosine),
        picture=TokenPairs(
            later("What pairs of the first {number} tokens add", number=MOST_TOKENS)
            if is_cut
            else later("What pairs of tokens add"),
            tuple(texts[0][:MOST_TOKENS]),
            tuple(texts[1][:MOST_TOKENS]),
            tuple(map(tuple, drawn)),
            total,
        ),
    )

"""Which tokens of a text spoke for an encoder's label, if gradients don't tell: Shapley values, from sampled orders.

In an order, the text's tokens replace those of the baseline one after the other, and each token's score is the change
in the number that is explained. So an order's scores sum to the whole change, however rough the model is. A token's
score depends on the tokens before it, so several orders are averaged, each with its reverse.

Source: Castro, Gómez, Tejada: Polynomial calculation of the Shapley value based on sampling, 2009.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from bot.inference.operations import Row, TaskRun

if TYPE_CHECKING:
    from bot.inference.heads.inspection.stretches import Stretch
    from bot.inference.heads.sequence_classifier import SequenceClassifier

MOST_READ = 32_768
"""Tokens: without gradients, they take as long as an eighth of them with."""
MOST_ORDERS = 16

Tokens: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Ordered:
    """Scores of a text's tokens, averaged over orders; they sum to the difference."""

    scores: tuple[float, ...]
    difference: float
    orders: int


def ordered_scores(head: SequenceClassifier, path: Stretch, positions: Sequence[int]) -> TaskRun[Ordered]:
    """Compute scores for the tokens at some positions of a text; the path leads from the baseline to the text."""
    first, last = yield from _values(head, path, [path.baseline, path.ids])
    orders = list(_orders(len(positions), _number(path.tokens, len(positions))))
    scores = np.zeros(len(positions))
    for order in orders:
        between = yield from _values(head, path, list(_between(path, [positions[index] for index in order])))
        scores[order] += np.diff([first, *between, last])
    return Ordered(tuple((scores / len(orders)).tolist()), last - first, len(orders))


def _number(read: int, tokens: int) -> int:
    """Return the number of orders that there is time for, their reverses included."""
    return 2 * min(max(MOST_READ // (2 * read * tokens), 1), MOST_ORDERS // 2)


def _orders(tokens: int, number: int) -> Iterator[list[int]]:
    draws = random.Random(0)  # the same scores every time
    for _ in range(number // 2):
        order = draws.sample(range(tokens), tokens)
        yield order
        yield order[::-1]  # an order and its reverse err in opposite directions


def _between(path: Stretch, order: Sequence[int]) -> Iterator[Tokens]:
    """Yield the texts between the baseline and the whole text."""
    ids = list(path.baseline)
    for position, _ in pairwise(order):
        ids[position] = path.ids[position]
        yield tuple(ids)


def _values(head: SequenceClassifier, path: Stretch, texts: Sequence[Tokens]) -> TaskRun[Sequence[float]]:
    """Compute the number that is explained, for each of several texts."""
    from bot.inference.heads.encoder_head import EncoderInput
    from bot.inference.heads.inspection.stretches import LabelLogit

    if not texts:
        return []
    assert isinstance(path.target, LabelLogit)
    rows = [Row(EncoderInput(ids, path.type_ids, truncated=False), len(ids)) for ids in texts]
    logits = yield from head.classify(rows)
    return [float(one[path.target.label]) for one in logits]

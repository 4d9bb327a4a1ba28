"""Shapley values from sampled orders, checked against all orders."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise, permutations
from typing import Any

import numpy as np
import pytest

from bot.inference.heads.encoder_head import EncoderInput
from bot.inference.heads.inspection.stretches import LabelLogit, Stretch
from bot.inference.operations import Row, run_task
from bot.tasks.work import shapley
from bot.tasks.work.shapley import Ordered, ordered_scores

PLACES = (1, 2, 3)


def classifier_path(head: Any, text: str = "I love apples") -> Stretch:
    ids = head.encode(text).inputs.ids
    blank = head.tokenizer.mask_token_id
    return Stretch(ids, None, (ids[0], *[blank] * (len(ids) - 2), ids[-1]), LabelLogit(1))


def by_hand(head: Any, path: Stretch, places: tuple[int, ...]) -> list[float]:
    """The mean over every order, each text read by itself."""

    def value(put: tuple[int, ...]) -> float:
        ids = tuple(path.ids[place] if place in put else token for place, token in enumerate(path.baseline))
        [logits] = head.classify.run([Row(EncoderInput(ids, None, truncated=False), len(ids))])
        return float(logits[1])

    scores = dict.fromkeys(places, 0.0)
    every = list(permutations(places))
    for order in every:
        steps = [value(order[:number]) for number in range(len(order) + 1)]
        for place, (before, after) in zip(order, pairwise(steps), strict=True):
            scores[place] += (after - before) / len(every)
    return list(scores.values())


def test_all_orders_give_the_shapley_values(load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    head = load("distilbert")
    path = classifier_path(head)
    monkeypatch.setattr(shapley, "_orders", lambda tokens, number: map(list, permutations(range(tokens))))

    found = run_task(ordered_scores(head, path, PLACES))

    assert found.scores == pytest.approx(by_hand(head, path, PLACES), abs=1e-4)


def test_some_orders_come_near(load: Callable[[str], Any]) -> None:
    head = load("distilbert")
    path = classifier_path(head)

    found = run_task(ordered_scores(head, path, PLACES))

    assert found.orders == shapley.MOST_ORDERS
    exact = np.array(by_hand(head, path, PLACES))
    assert np.abs(np.array(found.scores) - exact).max() < 0.2 * np.abs(exact).max()


def test_the_same_every_time(load: Callable[[str], Any]) -> None:
    head = load("distilbert")
    first, second = (run_task(ordered_scores(head, classifier_path(head), PLACES)) for _ in range(2))

    assert first == second


def test_one_token_gets_all(load: Callable[[str], Any]) -> None:
    head = load("distilbert")
    found = run_task(ordered_scores(head, classifier_path(head), (2,)))

    assert found == Ordered((found.difference,), found.difference, shapley.MOST_ORDERS)


@pytest.mark.parametrize(("read", "tokens", "expected"), [(10, 5, 16), (64, 50, 10), (128, 118, 2), (10_000, 500, 2)])
def test_as_many_as_there_is_time_for(read: int, tokens: int, expected: int) -> None:
    assert shapley._number(read, tokens) == expected

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bot.inference.heads.pooling import Pooling, PoolingMode
from bot.inference.operations import run_task
from bot.tasks.similarity import TASK as SIMILARITY
from bot.tasks.similarity import SimilarityRequest
from bot.tasks.work.blocks import Page, Table, TokenPairs
from bot.tasks.work.explanations import TASK
from bot.tasks.work.request import WorkRequest
from bot.tasks.work.token_pairs import MOST_LISTED, MOST_TOKENS, shares_of_pairs
from tests.tasks.work.page_objects import in_english

REQUEST = SimilarityRequest(("A cat sleeps.", "It rains in the streets of Paris today.", "A dog sleeps on the sofa."))


def opened(head: Any, request: SimilarityRequest = REQUEST) -> dict[str, Page]:
    return {page.name: page for page in in_english(run_task(TASK.start(head, WorkRequest.of(request)))).pages}


def test_the_pairs_sum_to_the_cosine_of_the_answer(load: Callable[[str], Any]) -> None:
    head = load("minilm")
    cosines = np.array(run_task(SIMILARITY.start(head, REQUEST)).cosines)
    other = 1 + int(cosines[0, 1:].argmax())
    picture = opened(head)["Token pairs"].picture
    assert isinstance(picture, TokenPairs)
    values = np.array(picture.values)
    assert values.shape == (len(picture.rows), len(picture.columns))
    assert "".join(picture.rows[1:-1]).replace(" ", "") == "acatsleeps."
    assert values.shape[1] == len(head.encode(REQUEST.texts[other]).inputs.ids)
    assert values.sum() == pytest.approx(cosines[0, other], abs=1e-6)


def test_of_long_texts_the_largest_pairs_are_listed_and_the_rest_is_summed(load: Callable[[str], Any]) -> None:
    head = load("minilm")
    request = SimilarityRequest(("I love apples and pears. " * 9, "It rains in the streets of Paris. " * 9))
    page = opened(head, request)["Token pairs"]
    assert isinstance(page.picture, TokenPairs)
    assert np.array(page.picture.values).shape == (MOST_TOKENS, MOST_TOKENS)
    [listed] = [block for block in page.blocks if isinstance(block, Table)]
    adds, first, _ = listed.columns
    assert len(adds.cells) == MOST_LISTED + 1
    assert str(first.cells[-1]).startswith("all other ")
    cosine = run_task(SIMILARITY.start(head, request)).cosines[0][1]
    assert sum(map(float, adds.cells)) == pytest.approx(cosine, abs=1e-6)  # type: ignore[arg-type]
    assert page.picture.cosine == pytest.approx(cosine, abs=1e-6)


def test_leaving_a_pair_out_changes_the_sum_by_its_share() -> None:
    states = np.random.default_rng(5).normal(size=(7, 16))
    first, second = states[:3], states[3:]
    shares = shares_of_pairs(first, second)
    means = [one.mean(axis=0) for one in (first, second)]
    unscaled = shares * 12 * np.prod([np.linalg.norm(mean) for mean in means])
    np.testing.assert_allclose(unscaled, [[np.dot(one, other) for other in second] for one in first])
    assert shares.sum() == pytest.approx(np.dot(*means) / np.prod([np.linalg.norm(mean) for mean in means]))


def test_a_first_tokens_vector_has_no_pairs(load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    head = load("minilm")
    assert "Token pairs" in opened(head)
    monkeypatch.setattr(head, "pooling", replace(head.pooling, mode=PoolingMode.CLS))
    assert isinstance(head.pooling, Pooling)
    assert "Token pairs" not in opened(head)

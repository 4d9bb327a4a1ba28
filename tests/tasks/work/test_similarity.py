from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from bot.inference.checkpoints.loading import load_head
from bot.inference.compute.device import Device
from bot.inference.heads.pooling import PoolingMode
from bot.inference.operations import run_task
from bot.tasks.similarity import SimilarityRequest
from bot.tasks.work.blocks import Explanation
from bot.tasks.work.explanations import TASK
from bot.tasks.work.request import WorkRequest
from tests.support import CPU, run_crowd
from tests.tasks.work.page_objects import (
    Architecture,
    Cosines,
    Decision,
    DotProduct,
    HiddenStates,
    Pooled,
    Prepared,
    Tokens,
    in_english,
    kinds_of,
)
from tests.tasks.work.support import answered_and_opened, medians, piece_of
from tests.tiny import TEXTS

EXACT = 1e-5
PAIR = SimilarityRequest((TEXTS[0], TEXTS[3]))
RANKED = SimilarityRequest(tuple(TEXTS))
ALL = SimilarityRequest(tuple(TEXTS), ranked=False)
AWKWARD = SimilarityRequest(("@everyone ```hi```", "أنا سلفان", "a 👩\u200d👧", "天気"), ranked=False)


class Encoder:
    """transformers, run directly on each text by itself."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        self.model = transformers.AutoModel.from_pretrained(folder).eval()

    @torch.inference_mode()
    def __call__(self, text: str) -> torch.Tensor:
        """The last hidden states of a text, (tokens, hidden)."""
        batch = self.tokenizer(text, truncation=True, max_length=64, return_tensors="pt")
        states: torch.Tensor = self.model(**batch).last_hidden_state[0]
        return states


@pytest.fixture(scope="module")
def directly(checkpoints: Mapping[str, Path]) -> Encoder:
    return Encoder(checkpoints["minilm"])


@pytest.mark.parametrize("request_", [PAIR, RANKED, ALL, AWKWARD], ids=["pair", "ranked", "all", "awkward"])
async def test_the_numbers_of_the_answer(
    make_worker: Callable[..., Any], directly: Encoder, request_: SimilarityRequest
) -> None:
    async with make_worker() as worker:
        result, work = await answered_and_opened(worker, request_)
    found = piece_of(work, Cosines)
    assert (found.texts, found.ranked) == (request_.texts, request_.ranked or len(request_.texts) == 2)
    assert found.values == result.cosines
    pooled = piece_of(work, Pooled)
    assert pooled.mode is PoolingMode.MEAN
    for text, row in zip(request_.texts, pooled.rows, strict=True):
        states = directly(text)
        right = states.mean(dim=0)
        assert (row.text, row.tokens) == (text, len(states))
        assert row.norm == pytest.approx(float(right.norm()), abs=EXACT)
        assert row.unit == pytest.approx((right / right.norm()).tolist(), abs=EXACT)
    assert pooled.beginning == pytest.approx(directly(request_.texts[0]).mean(dim=0)[:3].tolist(), abs=EXACT)
    vectors = torch.nn.functional.normalize(torch.stack([directly(text).mean(dim=0) for text in request_.texts]))
    assert np.array(found.values) == pytest.approx((vectors @ vectors.T).numpy(), abs=EXACT)


@pytest.mark.parametrize(
    ("request_", "pairs"), [(PAIR, [(0, 1)]), (RANKED, [(0, other) for other in range(1, 8)]), (ALL, None)]
)
def test_the_pair_that_is_worked_out(
    load: Callable[[str], Any], request_: SimilarityRequest, pairs: list[tuple[int, int]] | None
) -> None:
    work = opened(load("minilm"), request_)
    cosines = piece_of(work, Cosines).values
    every = [(one, other) for one in range(len(cosines)) for other in range(one + 1, len(cosines))]
    found = piece_of(work, DotProduct)
    assert found.pair == max(pairs or every, key=lambda pair: cosines[pair[0]][pair[1]])
    assert found.cosine == cosines[found.pair[0]][found.pair[1]]
    assert sum(one.first * one.second for one in found.products) == pytest.approx(found.cosine)
    assert [one.product for one in found.products] == [one.first * one.second for one in found.products]
    sizes = [abs(one.first * one.second) for one in found.products]
    assert sizes == sorted(sizes, reverse=True)
    units = [row.unit for row in piece_of(work, Pooled).rows]
    assert {one.place for one in found.products} == set(range(32))
    for one in found.products:
        assert (one.first, one.second) == tuple(units[text][one.place] for text in found.pair)


def test_the_path_of_a_request(load: Callable[[str], Any], directly: Encoder) -> None:
    work = opened(load("minilm"), RANKED)
    assert kinds_of(work) == [
        *("Prepared", "Tokens", "Architecture", "HiddenStates"),
        *("Pooled", "DotProduct", "Cosines", "Decision"),
    ]
    assert piece_of(work, Prepared).texts == RANKED.texts
    read = piece_of(work, Tokens)
    ids = [directly.tokenizer(text, truncation=True, max_length=64)["input_ids"] for text in RANKED.texts]
    assert [[token.id for token in row] for row in read.rows] == ids
    assert read.names == tuple(f"text {place}" for place in range(1, 9))
    assert read.shape == (8, max(map(len, ids)))
    assert "padded on the right" in read.note
    assert piece_of(work, Architecture).family == "encoder"
    states = piece_of(work, HiddenStates)
    assert (states.row, states.shape) == ("text 1", (1, len(ids[0]), 32))
    assert states.norms[-1] == pytest.approx(medians([directly(RANKED.texts[0])])[0], rel=EXACT)


@pytest.mark.parametrize(
    ("request_", "beginning"),
    [
        (PAIR, "The answer is {}, the cosine of an angle of {} degrees. One is the same direction"),
        (RANKED, "The others are ranked by their cosines with text 1. The largest is that of text {second}: {}, the"),
        (ALL, "The largest cosine of all pairs is that of the texts {first} and {second}: {}, the cosine of an angle"),
    ],
)
def test_the_decision(load: Callable[[str], Any], request_: SimilarityRequest, beginning: str) -> None:
    work = opened(load("minilm"), request_)
    product = piece_of(work, DotProduct)
    degrees = round(float(np.degrees(np.arccos(product.cosine))))
    first, second = (place + 1 for place in product.pair)
    said = piece_of(work, Decision)
    assert said.label is None
    assert said.sentence.startswith(beginning.format(f"{product.cosine:.4f}", degrees, first=first, second=second))


def test_the_first_token_alone(checkpoints: Mapping[str, Path], tmp_path: Path, directly: Encoder) -> None:
    folder = Path(shutil.copytree(checkpoints["minilm"], tmp_path / "cls"))
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode": "cls"}))
    pooled = piece_of(opened(load_head(folder, CPU), PAIR), Pooled)
    assert pooled.mode is PoolingMode.CLS
    assert pooled.beginning == pytest.approx(directly(PAIR.texts[0])[0, :3].tolist(), abs=EXACT)
    for text, row in zip(PAIR.texts, pooled.rows, strict=True):
        unit = torch.nn.functional.normalize(directly(text)[0], dim=0)
        assert row.unit == pytest.approx(unit.tolist(), abs=EXACT)


def test_truncated_texts(load: Callable[[str], Any]) -> None:
    long = "I love apples. " * 100
    work = opened(load("minilm"), SimilarityRequest(("Great.", long, f"{long} and pears")))
    read = piece_of(work, Tokens)
    assert read.truncated
    assert "64 tokens at most, so the end of text 2 and text 3 was left out." in read.note
    product = piece_of(opened(load("minilm"), SimilarityRequest((long, f"{long} and pears"))), DotProduct)
    assert product.cosine == pytest.approx(1)


async def test_equal_shapes_give_equal_numbers(make_worker: Callable[..., Any]) -> None:
    async with make_worker(device=Device("cpu", "bfloat16")) as worker:
        result, work = await answered_and_opened(worker, PAIR)
    assert piece_of(work, Cosines).values == result.cosines


async def test_an_answer_from_a_shared_batch(make_worker: Callable[..., Any]) -> None:
    requests = [PAIR, RANKED, SimilarityRequest(tuple(TEXTS[4:7]))]
    async with make_worker() as worker:
        results = await run_crowd(worker, requests)
        works = await run_crowd(worker, [WorkRequest.of(request) for request in requests])
    for result, work in zip(results, works, strict=True):
        assert np.array(piece_of(work, Cosines).values) == pytest.approx(np.array(result.cosines), abs=EXACT)


def opened(head: Any, request: SimilarityRequest) -> Explanation:
    work: Explanation = in_english(run_task(TASK.start(head, WorkRequest.of(request))))
    return work

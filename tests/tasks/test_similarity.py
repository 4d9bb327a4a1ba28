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

from bot.errors import InvalidRequest, ModelUnavailable
from bot.inference.checkpoints.loading import load_head
from bot.inference.compute.device import Device
from bot.inference.operations import run_task
from bot.tasks.similarity import MOST_TEXTS, TASK, SimilarityRequest, SimilarityResult, parse_texts
from tests.support import CPU, run_crowd, run_together
from tests.tiny import TEXTS

REQUESTS = [
    SimilarityRequest(tuple(TEXTS), ranked=False),
    SimilarityRequest((TEXTS[0], TEXTS[6])),
    SimilarityRequest((TEXTS[1], TEXTS[3], TEXTS[7])),
]


@torch.inference_mode()
def reference(folder: Path, texts: tuple[str, ...], pool: Callable[[Any, Any], torch.Tensor]) -> torch.Tensor:
    """The cosines, with transformers alone, each text by itself."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    vectors = []
    for text in texts:
        batch = tokenizer(text, truncation=True, max_length=64, return_tensors="pt")
        vectors.append(pool(model(**batch).last_hidden_state[0], batch["attention_mask"][0]))
    matrix = torch.nn.functional.normalize(torch.stack(vectors), dim=-1)
    return matrix @ matrix.T


def mean(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return (states * mask[:, None]).sum(dim=0) / mask.sum()


@pytest.fixture(scope="module")
def expected(checkpoints: Mapping[str, Path]) -> list[torch.Tensor]:
    return [reference(checkpoints["minilm"], request.texts, mean) for request in REQUESTS]


def assert_close(results: list[SimilarityResult], expected: list[torch.Tensor]) -> None:
    for result, right in zip(results, expected, strict=True):
        assert np.array(result.cosines) == pytest.approx(right.numpy(), abs=1e-5)


def test_alone_as_transformers(load: Callable[[str], Any], expected: list[torch.Tensor]) -> None:
    assert expected[0].min() < 0.9  # the tiny checkpoint tells texts apart
    assert_close([run_task(TASK.start(load("minilm"), request)) for request in REQUESTS], expected)


def test_together_as_transformers(load: Callable[[str], Any], expected: list[torch.Tensor]) -> None:
    assert_close(run_together(*(TASK.start(load("minilm"), request) for request in REQUESTS)), expected)


async def test_through_the_worker_as_transformers(make_worker: Any, expected: list[torch.Tensor]) -> None:
    async with make_worker() as worker:
        assert_close(await run_crowd(worker, REQUESTS * 2), expected * 2)
        assert worker.status().batches < worker.status().rows


def test_the_first_token_alone(checkpoints: Mapping[str, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(checkpoints["minilm"], tmp_path / "cls"))
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode": "cls"}))
    result = run_task(TASK.start(load_head(folder, CPU), REQUESTS[2]))
    assert_close([result], [reference(folder, REQUESTS[2].texts, lambda states, mask: states[0])])


def test_no_more_is_read_than_the_checkpoint_was_made_for(load: Callable[[str], Any]) -> None:
    head = load("minilm")
    assert head.context_length == 64
    long = "I love apples. " * 100
    result = run_task(TASK.start(head, SimilarityRequest((long, f"{long} and pears"))))
    assert result.truncated
    assert result.cosines[0][1] == pytest.approx(1)
    assert not run_task(TASK.start(head, REQUESTS[2])).truncated


def test_a_language_model_makes_no_vectors(load: Callable[[str], Any]) -> None:
    with pytest.raises(ModelUnavailable, match=r"set for /similarity is a causal.*needs a sentence encoder"):
        TASK.start(load("llama"), REQUESTS[0])


@pytest.mark.parametrize(
    ("request_", "ranked"),
    [
        (SimilarityRequest(("A cat sleeps.", "A cat sleeps.")), True),  # row I5
        (SimilarityRequest(("A cat sleeps.", "It rains.", "A cat sleeps.", "A cat sleeps."), ranked=False), False),
        (SimilarityRequest(("Cafe\u0301.", "Café.")), True),
    ],
)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_same_text_has_cosine_1(
    request_: SimilarityRequest, ranked: bool, precision: str, checkpoints: Mapping[str, Path]
) -> None:
    result = run_task(TASK.start(load_head(checkpoints["minilm"], Device("cpu", precision)), request_))
    for one, row in zip(request_.texts, result.cosines, strict=True):
        for other, cosine in zip(request_.texts, row, strict=True):
            assert (cosine == pytest.approx(1, abs=1e-12)) == (one == other)


@pytest.mark.parametrize(
    ("typed", "texts"),
    [
        ("if a || b: | if a or b:", ("if a || b:", "if a or b:")),
        ("a||b", ("a||b",)),
        ("||a secret|| | a surprise", ("a secret", "a surprise")),
        ("a | | b ｜ c\nd", ("a", "b", "c", "d")),
    ],
)
def test_two_bars_separate_nothing(typed: str, texts: tuple[str, ...]) -> None:
    assert tuple(text for text in map(str.strip, parse_texts(typed)) if text) == texts


def test_texts_are_separated_and_cleaned() -> None:
    texts = parse_texts("A cat sleeps. | A dog sleeps.\nIt rains｜ A cat sleeps. ||")
    assert SimilarityRequest(texts).texts == ("A cat sleeps.", "A dog sleeps.", "It rains", "A cat sleeps.")


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        ((), "found no text"),
        (("a", " \u200b"), "found one text"),
        (tuple(map(str, range(MOST_TEXTS + 1))), "found 13 texts"),
        (("a", "😀"), "no words"),
        (("a", "b" * 2_001), "2,000 at most"),
    ],
)
def test_bad_texts(texts: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(InvalidRequest, match=sentence):
        SimilarityRequest(texts)

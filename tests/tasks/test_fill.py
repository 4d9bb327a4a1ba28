from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import transformers

from bot.errors import InvalidRequest
from bot.inference.device import Device
from bot.inference.loading import load_head
from bot.inference.steps import run_steps
from bot.tasks.fill import TASK, FillRequest, FillResult
from tests.support import run_crowd, run_together

TEXTS = [
    "The capital of France is <mask>.",
    "I <mask> apples.",
    "<mask> wrote this book?",
    "The <mask> brown fox jumps over the <mask> dog while the old man looks at the sea.",
    "In this course, we will teach you how to <mask>, train and share models, and <mask>, and <mask>",
    "Whatever, <mask>!",
]
REQUESTS = [FillRequest(text, top_k=4) for text in TEXTS]


def words(pipe: Any, text: str, number: int) -> list[list[dict[str, Any]]]:
    """For each mask the pipeline's likeliest tokens that people can read as a word."""
    special = set(pipe.tokenizer.all_special_ids)
    masks = pipe(text, top_k=len(pipe.tokenizer))
    masks = masks if isinstance(masks[0], list) else [masks]

    def is_word(guess: dict[str, Any]) -> bool:
        text = guess["token_str"].strip()
        return guess["token"] not in special and text.isprintable() and text != "" and "\ufffd" not in text

    return [list(filter(is_word, mask))[:number] for mask in masks]


@pytest.fixture(scope="module")
def expected(checkpoints: Mapping[str, Path]) -> list[list[list[float]]]:
    """Per text and mask, the probabilities of the four likeliest words."""
    pipe = transformers.pipeline("fill-mask", model=str(checkpoints["roberta"]), device="cpu")
    return [[[guess["score"] for guess in mask] for mask in words(pipe, text, 4)] for text in TEXTS]


def probabilities(result: FillResult) -> list[list[float]]:
    return [[guess.probability for guess in mask] for mask in result.masks]


def close(results: list[FillResult], expected: list[list[list[float]]]) -> bool:
    return [probabilities(result) for result in results] == [
        [pytest.approx(mask, abs=1e-5) for mask in masks] for masks in expected
    ]


def test_alone_as_the_pipeline(load: Callable[[str], Any], expected: list[list[list[float]]]) -> None:
    assert close([run_steps(TASK.steps(load("roberta"), request)) for request in REQUESTS], expected)


def test_together_as_the_pipeline(load: Callable[[str], Any], expected: list[list[list[float]]]) -> None:
    assert close(run_together(*(TASK.steps(load("roberta"), request) for request in REQUESTS)), expected)


async def test_through_the_worker_as_the_pipeline(
    make_worker: Callable[..., Any], expected: list[list[list[float]]]
) -> None:
    async with make_worker() as worker:
        results = await run_crowd(worker, REQUESTS * 5)
        status = worker.status()
    assert close(results, expected * 5)
    assert status.batches < status.rows


def test_the_pipelines_words_and_sentences(checkpoints: Mapping[str, Path], load: Callable[[str], Any]) -> None:
    pipe = transformers.pipeline("fill-mask", model=str(checkpoints["roberta"]), device="cpu")
    text = "The capital of France is <mask>, and it is large."
    result = run_steps(TASK.steps(load("roberta"), FillRequest(text, top_k=10)))
    [mask] = result.masks
    for guess, right in zip(mask, words(pipe, text, 10)[0], strict=True):
        assert guess.word == right["token_str"].strip()
        assert guess.sentence[guess.place : guess.place + len(guess.word)] == guess.word
    assert result.completed == mask[0].sentence


def test_any_way_to_write_a_mask(load: Callable[[str], Any]) -> None:
    head = load("roberta")
    ways = ["<mask>", "[MASK]", "___", "_____", "[mask]", "<MASK>"]
    results = [run_steps(TASK.steps(head, FillRequest(f"The capital of France is {way}."))) for way in ways]
    assert all(result == results[0] for result in results)


def test_several_masks_are_completed_with_the_likeliest_words(load: Callable[[str], Any]) -> None:
    result = run_steps(TASK.steps(load("roberta"), FillRequest("I ___ apples and ___ lemons", top_k=3)))
    first, second = result.masks
    assert result.completed == f"I {first[0].word} apples and {second[0].word} lemons"
    assert second[1].sentence == f"I {first[0].word} apples and {second[1].word} lemons"
    assert second[1].sentence[second[1].place :].startswith(second[1].word)


def test_same_word_in_bfloat16(checkpoints: Mapping[str, Path], load: Callable[[str], Any]) -> None:
    exact = run_together(*(TASK.steps(load("roberta"), request) for request in REQUESTS))
    rounded_head = load_head(checkpoints["roberta"], Device("cpu", "bfloat16"))
    rounded = run_together(*(TASK.steps(rounded_head, request) for request in REQUESTS))
    compared = 0
    for right, result in zip(exact, rounded, strict=True):
        for mask, rounded_mask in zip(right.masks, result.masks, strict=True):
            if mask[0].probability > 1.3 * mask[1].probability:
                compared += 1
                assert rounded_mask[0].word == mask[0].word
    assert compared >= 3


def test_a_mask_beyond_the_context(load: Callable[[str], Any]) -> None:
    with pytest.raises(InvalidRequest, match="longer than the model's context"):
        run_steps(TASK.steps(load("roberta"), FillRequest("I love apples. " * 100 + "The capital is ___.")))


def test_a_long_text_whose_mask_can_be_read(load: Callable[[str], Any]) -> None:
    result = run_steps(TASK.steps(load("roberta"), FillRequest("The capital is ___. " + "I love apples. " * 100)))
    assert result.truncated
    assert len(result.masks) == 1


@pytest.mark.parametrize(
    ("text", "top_k", "sentence"),
    [
        ("The capital of France is Paris.", 5, "no mask"),
        ("The capital of __ is Paris.", 5, "no mask"),
        ("<mask> [MASK] ___", 5, "nothing but masks"),
        ("___", 5, "no words"),
        ("x " + "___ " * 6, 5, "6 masks"),
        ("I ___ you", 0, "top_k"),
        ("I ___ you", 11, "top_k"),
        ("   ", 5, "empty"),
    ],
)
def test_bad_requests(text: str, top_k: int, sentence: str) -> None:
    with pytest.raises(InvalidRequest, match=sentence):
        FillRequest(text, top_k)

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import InvalidRequest, ModelUnavailable
from bot.inference.checkpoints.loading import load_head
from bot.inference.compute.device import Device
from bot.inference.operations import run_task
from bot.tasks import fill
from bot.tasks.fill import TASK, Distributions, FillRequest, FillResult, distributions
from bot.tasks.prompts import cloze
from tests.support import CPU, run_crowd, run_together

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
    assert close([run_task(TASK.start(load("roberta"), request)) for request in REQUESTS], expected)


def test_together_as_the_pipeline(load: Callable[[str], Any], expected: list[list[list[float]]]) -> None:
    assert close(run_together(*(TASK.start(load("roberta"), request) for request in REQUESTS)), expected)


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
    result = run_task(TASK.start(load("roberta"), FillRequest(text, top_k=10)))
    [mask] = result.masks
    for guess, right in zip(mask, words(pipe, text, 10)[0], strict=True):
        assert guess.word == right["token_str"].strip()
        assert guess.sentence[guess.offset : guess.offset + len(guess.word)] == guess.word
    assert result.completed == mask[0].sentence


def test_any_way_to_write_a_mask(load: Callable[[str], Any]) -> None:
    head = load("roberta")
    ways = ["<mask>", "[MASK]", "___", "_____", "[mask]", "<MASK>"]
    results = [run_task(TASK.start(head, FillRequest(f"The capital of France is {way}."))) for way in ways]
    assert all(result == results[0] for result in results)


def test_several_masks_are_completed_with_the_likeliest_words(load: Callable[[str], Any]) -> None:
    result = run_task(TASK.start(load("roberta"), FillRequest("I ___ apples and ___ lemons", top_k=3)))
    first, second = result.masks
    assert result.completed == f"I {first[0].word} apples and {second[0].word} lemons"
    assert second[1].sentence == f"I {first[0].word} apples and {second[1].word} lemons"
    assert second[1].sentence[second[1].offset :].startswith(second[1].word)


def test_same_word_in_bfloat16(checkpoints: Mapping[str, Path], load: Callable[[str], Any]) -> None:
    exact = run_together(*(TASK.start(load("roberta"), request) for request in REQUESTS))
    rounded_head = load_head(checkpoints["roberta"], Device("cpu", "bfloat16"))
    rounded = run_together(*(TASK.start(rounded_head, request) for request in REQUESTS))
    compared = 0
    for right, result in zip(exact, rounded, strict=True):
        for mask, rounded_mask in zip(right.masks, result.masks, strict=True):
            if mask[0].probability > 1.3 * mask[1].probability:
                compared += 1
                assert rounded_mask[0].word == mask[0].word
    assert compared >= 3


@contextmanager
def likely(head: Any, *tokens: int) -> Iterator[None]:
    """Tokens that are by far the likeliest everywhere, for a while."""
    bias = head.model.lm_head.decoder.bias.data
    before = bias.clone()
    bias[list(tokens)] += 30
    yield
    bias.copy_(before)


@pytest.fixture(scope="module")
def head(checkpoints: Mapping[str, Path]) -> Any:
    """A checkpoint of its own, whose weights may be changed for a while."""
    return load_head(checkpoints["roberta"], CPU)


class TestNoWords:
    """Row K1: what is no word is no guess, and keeps its probability."""

    REQUEST = FillRequest("I love ___", top_k=10)

    def found(self, head: Any) -> tuple[FillResult, Distributions]:
        return run_task(TASK.start(head, self.REQUEST)), run_task(distributions(head, self.REQUEST))

    def test_special_tokens(self, head: Any) -> None:
        plain = self.found(head)[1].probabilities[0]
        with likely(head, head.tokenizer.eos_token_id):
            result, made = self.found(head)
        [mask], [left_out] = result.masks, result.left_out
        assert left_out > 0.99
        assert left_out == pytest.approx(float(made.probabilities[0, head.tokenizer.eos_token_id]), abs=1e-6)
        assert all(guess.word for guess in mask)
        assert not {guess.word for guess in mask} & set(head.tokenizer.all_special_tokens)
        # True probabilities of the whole vocabulary: what the special token got is not shared out.
        assert [guess.probability for guess in mask] == [float(made.probabilities[0, one]) for one in made.words[0]]
        assert sum(guess.probability for guess in mask) + left_out <= 1.001
        ratios = [guess.probability / plain[one] for guess, one in zip(mask, made.words[0], strict=True)]
        assert ratios == pytest.approx([ratios[0]] * 10, rel=1e-3)

    @given(data=st.data())
    @settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_whatever_is_likeliest(self, head: Any, data: st.DataObject) -> None:
        tokens = data.draw(st.lists(st.integers(0, head.model.config.vocab_size - 1), min_size=1, max_size=60))
        with likely(head, *tokens):
            result, made = self.found(head)
        [mask], [words] = result.masks, made.words
        assert len(mask) == len(words) == 10
        probabilities = made.probabilities[0]
        for guess, token in zip(mask, words, strict=True):
            assert guess.word == head.decode([token]).strip() != ""
            assert "\ufffd" not in guess.word
            assert any(letter.isprintable() and not letter.isspace() for letter in guess.word)
            assert token not in head.tokenizer.all_special_ids
            assert guess.probability == float(probabilities[token])
        skipped = [one for one in np.argsort(-probabilities)[: 10 + len(made.others[0])].tolist() if one not in words]
        assert sorted(skipped) == sorted(made.others[0])
        for token in skipped:
            text = head.decode([token]).strip()
            assert not text or "\ufffd" in text or not text.isprintable()

    def test_a_vocabulary_without_words(self, head: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(head, "decode", lambda ids, **options: " ")
        with pytest.raises(ModelUnavailable, match="no words in its vocabulary"):
            run_task(TASK.start(head, self.REQUEST))

    @pytest.mark.parametrize(
        ("text", "is_word"),
        [("love", True), ("##ing", True), (",", True), ("語", True), ("می\u200cخواهم", True)]
        + [(text, False) for text in ("", " ", "\n", "\u3164", "\u200b", "\x01", "\ufffd", "a\ufffd", "[unused12]")]
        + [(text, False) for text in ("<unused3>", "<extra_id_7>", "madeupword0001", "\u200d", "\ufe0f")],
    )
    def test_what_is_a_word(self, text: str, is_word: bool) -> None:
        assert fill._is_word(fill.word_of(text)) == is_word

    @pytest.mark.parametrize(
        "text", ["", " ", " \u3164\u3164", " \ufffd\ufffd", " love\ufffd", "</s>", " \u115fa", " \u0301"]
    )
    def test_what_a_causal_model_does_not_propose(self, text: str) -> None:
        assert cloze._is_whole_word(" love")
        assert not cloze._is_whole_word(text)


def test_a_mask_beyond_the_context(load: Callable[[str], Any]) -> None:
    """Row K8."""
    with pytest.raises(InvalidRequest, match="longer than the model's context"):
        run_task(TASK.start(load("roberta"), FillRequest("I love apples. " * 100 + "The capital is ___.")))


def test_a_long_text_whose_mask_can_be_read(load: Callable[[str], Any]) -> None:
    result = run_task(TASK.start(load("roberta"), FillRequest("The capital is ___. " + "I love apples. " * 100)))
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

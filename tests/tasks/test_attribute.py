from __future__ import annotations

import asyncio
import math
import random
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from bot.inference.device import Device
from bot.inference.heads import attributions
from bot.inference.loading import load_head
from bot.inference.steps import Steps, run_steps
from bot.tasks import attribute
from bot.tasks.attribute import attribution, label_attribution, words_attribution
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.work.pieces import Attribution
from bot.tasks.work.request import WorkRequest
from bot.tasks.zeroshot import HYPOTHESIS
from tests.support import CPU
from tests.tiny import TEXTS

SHORT = [text for text in TEXTS if len(text) < 70]


def of_label(head: Any, text: str, label: int, pair: str | None = None) -> Attribution:
    inputs = head.encode(text, pair).inputs
    [postponed] = label_attribution(head, inputs, label, head.labels[label], pair)
    return run_steps(attribution(head, postponed))


def of_words(head: Any, text: str, *, positive: bool) -> Attribution:
    [postponed] = words_attribution(head, text, positive=positive)
    return run_steps(attribution(head, postponed))


def assert_complete(found: Attribution) -> None:
    assert "not complete" not in found.method
    assert sum(found.scores) == pytest.approx(found.difference, rel=0.05, abs=0.01)


@pytest.mark.parametrize("text", SHORT)
def test_complete_for_a_classifier(load: Callable[[str], Any], text: str) -> None:
    head = load("distilbert")
    found = of_label(head, text, 1)
    assert_complete(found)
    assert [token.id for token in found.tokens] == head.tokenize(text, add_special_tokens=False)
    assert found.label == "POSITIVE"
    ids = head.tokenize(text)
    blank = [ids[0], *[head.tokenizer.mask_token_id] * (len(ids) - 2), ids[-1]]
    with torch.inference_mode():
        logits = head.model(input_ids=torch.tensor([ids, blank])).logits[:, 1]
    assert found.difference == pytest.approx(float(logits[0] - logits[1]), abs=1e-4)


def test_complete_for_natural_language_inference(load: Callable[[str], Any]) -> None:
    head = load("bart_mnli")
    text = "This movie was so inspiring!"
    found = of_label(head, text, head.entailment, HYPOTHESIS.format("politics"))
    assert_complete(found)
    # The hypothesis is the question, not the evidence.
    assert [token.id for token in found.tokens] == head.tokenize(text, add_special_tokens=False)


@pytest.mark.parametrize("text", SHORT[:2])
def test_complete_for_a_language_model(load: Callable[[str], Any], text: str) -> None:
    head = load("llama")
    found, other = (of_words(head, text, positive=positive) for positive in (True, False))
    assert_complete(found)
    assert "".join(token.text for token in found.tokens).replace(" ", "") == text.replace(" ", "")
    assert (found.label, other.label) == ("POSITIVE", "NEGATIVE")
    assert other.scores == pytest.approx([-score for score in found.scores], abs=1e-5)


def test_complete_in_bfloat16(checkpoints: Mapping[str, Path]) -> None:
    head = load_head(checkpoints["distilbert"], Device("cpu", "bfloat16"))
    assert_complete(of_label(head, SHORT[0], 1))


MEANINGS = {"love": [0.0, 1.0], "hate": [1.0, 0.0], "[MASK]": [0.5, 0.5], "the": [0.5, 0.5]}
FILLERS = (["[MASK]"], ["this", "movie", "was", "the", "day", "and"])
LEARNT = math.log(2) / 2 + 0.02
"""A loss that is near the least: half of the meanings are certain, and half are open. Each word is one token."""


def teach(folder: Path) -> None:
    """Make a checkpoint know that one word is good, another one bad, and all others are neither."""
    head = load_head(folder, CPU)
    config = transformers.AutoConfig.from_pretrained(folder, n_layers=1, initializer_range=0.05)
    model = transformers.DistilBertForSequenceClassification(config).eval()
    learning = torch.optim.Adam(model.parameters(), lr=3e-3)
    choose = random.Random(0)
    for _ in range(1_000):
        texts = [
            " ".join(choose.sample([*choose.choices(filler, k=3), word], 4)) for word in MEANINGS for filler in FILLERS
        ]
        right = [probabilities for probabilities in MEANINGS.values() for _ in FILLERS]
        ids, mask = head.pad([head.tokenize(text) for text in texts])
        logits = model(input_ids=ids, attention_mask=mask).logits
        # Each logit by itself: softmax would leave open what both have in common.
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.tensor(right))
        if loss < LEARNT:
            break
        learning.zero_grad()
        torch.autograd.backward(loss)
        learning.step()
    model.save_pretrained(folder)


def test_the_word_that_matters_gets_the_largest_score(checkpoints: Mapping[str, Path], tmp_path: Path) -> None:
    folder = shutil.copytree(checkpoints["distilbert"], tmp_path / "taught")
    teach(folder)
    taught = load_head(folder, CPU)

    for word, label in (("love", 1), ("hate", 0)):
        found = of_label(taught, f"this movie was {word}", label)
        assert found.difference > 1
        assert largest(found) == word
        against = of_label(taught, f"this movie was {word}", 1 - label)
        assert against.difference < -1
        assert largest(against) != word


def largest(found: Attribution) -> str:
    """The word whose tokens have the largest score together."""
    words: list[tuple[str, float]] = []
    for token, score in zip(found.tokens, found.scores, strict=True):
        if token.starts_word:
            words.append((token.text, score))
        else:
            words[-1] = (words[-1][0] + token.text, words[-1][1] + score)
    return max(words, key=lambda word: word[1])[0]


class TestSteps:
    def test_grow_where_they_do_not_suffice(self, load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(attribute, "TOLERANCE", 1e-4)
        monkeypatch.setattr(attribute, "SMALLEST_TOLERANCE", 1e-4)
        found = of_label(load("distilbert"), SHORT[0], 1)
        steps = int(found.method.split(", ")[1].split()[0])
        assert attribute.FEWEST_STEPS < steps <= attribute.MOST_STEPS

    def test_that_never_suffice_are_told(self, load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(attribute, "TOLERANCE", 0)
        monkeypatch.setattr(attribute, "SMALLEST_TOLERANCE", 0)
        monkeypatch.setattr(attribute, "MOST_STEPS", 64)
        found = of_label(load("distilbert"), SHORT[0], 1)
        assert "64 steps from mask tokens; not complete: the scores sum to " in found.method

    def test_are_rows_of_bounded_size(self, load: Callable[[str], Any]) -> None:
        head = load("llama")
        for text in (SHORT[0], "I love apples. " * 12):
            [postponed] = words_attribution(head, text, positive=True)
            rows = first_rows(attribution(head, postponed))
            assert max(row.tokens for row in rows) <= attribute.TOKENS_AT_ONCE
            assert sum(row.inputs.points for row in rows) >= attribute.FEWEST_STEPS


def first_rows(steps: Steps[Any]) -> list[Any]:
    return next(steps).rows


def test_not_of_long_texts(load: Callable[[str], Any]) -> None:
    assert words_attribution(load("llama"), "I love apples. " * 80, positive=True) == ()


async def test_others_are_served_meanwhile(make_worker: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[Any] = []
    original = attributions._scores

    def slowly(head: Any, stretch: Any) -> Any:
        time.sleep(0.05)
        done.append(stretch)
        return original(head, stretch)

    monkeypatch.setattr(attributions, "_scores", slowly)
    async with make_worker() as worker:
        await worker.load(["sentiment"])
        asked = WorkRequest.of(SentimentRequest("I love apples. " * 8))
        opened = worker.submit(replace(asked, evidence=True), person=1)
        while not done:  # noqa: ASYNC110
            await asyncio.sleep(0.005)

        await worker.run(SentimentRequest("Me first."), person=2)

        before = len(done)
        work = (await opened).result
    assert before < len(done)
    assert any(isinstance(piece, Attribution) for piece in work.pieces)

"""Which words spoke for a classification head's label: taught words, and texts of which nothing is left."""

from __future__ import annotations

import math
import random
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from bot.inference.checkpoints.loading import load_head
from bot.inference.operations import run_task
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.work.explanations import show_work
from bot.tasks.work.request import WorkRequest
from bot.tasks.work.word_evidence import label_value
from bot.tasks.zeroshot import ZeroShotRequest
from tests.support import CPU
from tests.tasks.work.page_objects import Attribution
from tests.tasks.work.support import piece_of

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

    for word, label in (("love", "POSITIVE"), ("hate", "NEGATIVE")):
        asked = WorkRequest.of(SentimentRequest(f"this movie was {word}"))
        found = piece_of(run_task(show_work(taught, replace(asked, evidence=True))), Attribution)
        assert found.label == label
        assert found.difference > 1
        scores = dict(zip((token.text for token in found.tokens), found.scores, strict=True))
        assert max(scores, key=lambda one: scores[one]) == word


@pytest.mark.parametrize("name", ["distilbert", "bart_mnli"])
def test_nothing_at_all_has_a_value(load: Callable[[str], Any], name: str) -> None:
    head = load(name)
    request: Any = SentimentRequest("Good.") if name == "distilbert" else ZeroShotRequest("Good.", ("sport", "food"))
    [value] = run_task(label_value(head, request, 0)(""))
    assert math.isfinite(value)


def test_nor_does_a_tokenizer_without_special_tokens_fail(checkpoints: Mapping[str, Path], tmp_path: Path) -> None:
    """As of a GPT-2 with a classification head: without words, there is no token to read."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoints["gpt2"])
    tokenizer.pad_token = tokenizer.eos_token
    config = transformers.AutoConfig.from_pretrained(checkpoints["gpt2"], pad_token_id=tokenizer.pad_token_id)
    transformers.GPT2ForSequenceClassification(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    head: Any = load_head(tmp_path, CPU)

    asked = WorkRequest.of(SentimentRequest("It was good"))
    found = piece_of(run_task(show_work(head, replace(asked, evidence=True))), Attribution)

    assert len(found.scores) == 3
    assert sum(found.scores) == pytest.approx(found.difference, abs=1e-4)

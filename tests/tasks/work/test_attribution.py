from __future__ import annotations

import math
import random
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from bot.inference.checkpoints.loading import load_head
from bot.inference.compute.device import Device
from bot.inference.heads.inspection import integrated_gradients as attributions
from bot.inference.operations import run_task
from bot.inference.worker import Limits
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.work import attribution as attribute
from bot.tasks.work.attribution import attribution, label_attribution
from bot.tasks.work.blocks import PostponedGradients
from bot.tasks.work.request import WorkRequest
from bot.tasks.zeroshot import HYPOTHESIS
from tests.inference.toys import until
from tests.support import CPU, rows_arrived
from tests.tasks.work.page_objects import Attribution
from tests.tasks.work.support import watch_attributions
from tests.timers import PATIENCE
from tests.tiny import TEXTS

SHORT = [text for text in TEXTS if len(text) < 70]


def of_label(head: Any, text: str, label: int, pair: str | None = None) -> Attribution:
    inputs = head.encode(text, pair).inputs
    [page] = label_attribution(head, inputs, label, head.labels[label], label, pair)
    assert isinstance(page.postponed, PostponedGradients)
    return Attribution(run_task(attribution(head, page.postponed)))


def assert_complete(found: Attribution) -> None:
    assert found.method.startswith("integrated gradients")
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
        taken = watch_attributions(monkeypatch)
        of_label(load("distilbert"), SHORT[0], 1)
        assert attribute.FEWEST_STEPS < sum(stretch.points for stretch in taken) <= attribute.MOST_STEPS

    def test_that_never_suffice_give_way_to_orders(
        self, load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(attribute, "TOLERANCE", 0)
        monkeypatch.setattr(attribute, "SMALLEST_TOLERANCE", 0)
        monkeypatch.setattr(attribute, "MOST_STEPS", 64)
        found = of_label(load("distilbert"), SHORT[0], 1)
        assert found.method == (
            "Shapley values: the tokens take the place of mask tokens one after the other, in 16 orders. "
            "What is explained: the logit of POSITIVE"
        )
        assert sum(found.scores) == pytest.approx(found.difference, abs=1e-6)

    @pytest.mark.parametrize("repeated", [1, 4, 8, 16])
    def test_are_bounded_by_what_is_read(
        self, load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, repeated: int
    ) -> None:
        monkeypatch.setattr(attribute, "TOLERANCE", 0)
        monkeypatch.setattr(attribute, "SMALLEST_TOLERANCE", 0)
        taken = watch_attributions(monkeypatch)
        found = of_label(load("distilbert"), "I love apples. " * repeated, 1)
        read = sum(stretch.row.tokens for stretch in taken)
        # No stretch is divided that there is no time for; the first ones may be one more than needed.
        assert read <= attribute.MOST_READ + attribute.TOKENS_AT_ONCE
        assert sum(stretch.points for stretch in taken) <= attribute.MOST_STEPS
        assert "Shapley values" in found.method


async def test_others_are_served_meanwhile(make_worker: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody asks during the first stretch of the path; the last stretch waits until they are answered."""
    began, asked, answered = threading.Event(), threading.Event(), threading.Event()
    done: list[Any] = []
    last = 1_000_000
    original = attributions._scores

    def held(head: Any, stretch: Any) -> Any:
        began.set()
        assert len(done) > 0 or asked.wait(PATIENCE)
        assert len(done) < last or answered.wait(PATIENCE)
        done.append(stretch)
        return original(head, stretch)

    monkeypatch.setattr(attributions, "_scores", held)
    async with make_worker(limits=Limits(remembered=0)) as worker:
        request = replace(WorkRequest.of(SentimentRequest("I love apples. " * 8)), evidence=True)
        asked.set()
        await worker.run(request, person=1)
        last = len(done) - 1
        assert last > 1
        done.clear()
        began.clear()
        asked.clear()

        opened = worker.submit(request, person=1)
        await until(began.is_set)
        other = worker.submit(SentimentRequest("Me first."), person=2)
        await rows_arrived(worker)
        asked.set()
        await other
        assert not opened.done()
        answered.set()
        work = (await opened).result
    assert any(map(Attribution.is_of, work.pages))

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from bot.inference.compute.device import Device
from bot.inference.operations import run_task
from bot.tasks import sentiment
from bot.tasks.scores import sigmoid
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.work import word_evidence
from bot.tasks.work.blocks import Explanation, PostponedFlip, Quote, Scores
from bot.tasks.work.budget import MOST_READ
from bot.tasks.work.explanations import TASK
from bot.tasks.work.request import WorkRequest
from bot.tasks.work.texts import Number
from tests.support import preset_of, run_crowd
from tests.tasks.test_prompted import Reference
from tests.tasks.work.page_objects import (
    Architecture,
    Attribution,
    Decision,
    HiddenStates,
    Logits,
    PostponedAttribution,
    Prepared,
    Tokens,
    WeighedLabels,
    kinds_of,
    numbers,
)
from tests.tasks.work.support import answered_and_opened, equations, medians, piece_of, watch_attributions
from tests.tiny import SHORT_CONTEXT, TEXTS

FEW = 2_600
"""Tokens: some texts of six words, by tiny tokenizers."""
EXACT = 1e-6
LONG = "I love apples. " * 200


def probabilities(result: Any) -> dict[str, float]:
    return {score.label: score.probability for score in result.scores}


class Classifier:
    """transformers, run directly."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        self.model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()

    @torch.inference_mode()
    def __call__(self, text: str) -> Any:
        return self.model(**self.tokenizer(text, truncation=True, return_tensors="pt"), output_hidden_states=True)


@pytest.fixture(scope="module")
def directly(checkpoints: Mapping[str, Path]) -> Classifier:
    return Classifier(checkpoints["distilbert"])


async def test_the_numbers_of_the_answer(make_worker: Callable[..., Any], directly: Classifier) -> None:
    async with make_worker() as worker:
        for text in TEXTS:
            result, work = await answered_and_opened(worker, SentimentRequest(text))
            right = directly(text)
            head = piece_of(work, Logits)
            assert head.labels == ("NEGATIVE", "POSITIVE")
            assert not head.independent
            assert head.logits == pytest.approx(right.logits[0].tolist(), abs=EXACT)
            assert head.probabilities == pytest.approx(right.logits[0].softmax(dim=0).tolist(), abs=EXACT)
            found = dict(zip(head.labels, head.probabilities, strict=True))
            assert found == pytest.approx(probabilities(result), abs=EXACT)
            states = piece_of(work, HiddenStates)
            assert states.shape == tuple(right.hidden_states[-1].shape)
            norms = medians(right.hidden_states)
            assert states.norms == pytest.approx(norms, rel=EXACT)
            decision = piece_of(work, Decision)
            assert (decision.label, decision.probability) == (result.scores[0].label, max(head.probabilities))
            assert f"the answer is {result.scores[0].label}." in decision.sentence


async def test_the_path_of_a_request(make_worker: Callable[..., Any], directly: Classifier) -> None:
    text = "Apples are sour, and lemons are sourer."
    async with make_worker() as worker:
        _, work = await answered_and_opened(worker, SentimentRequest(f"  {text} "))
    stages = ["Prepared", "Tokens", "Architecture", "HiddenStates", "Logits"]
    assert kinds_of(work) == [*stages, "PostponedAttribution", "PostponedPairs", "Decision"]
    assert piece_of(work, Prepared).texts == (text,)
    tokens = piece_of(work, Tokens)
    ids = directly.tokenizer(text)["input_ids"]
    assert [[token.id for token in row] for row in tokens.rows] == [ids]
    assert (tokens.names, tokens.shape, tokens.truncated, tokens.note) == ((), (1, len(ids)), False, "")
    assert [token.special for token in tokens.rows[0]] == [True, *[False] * (len(ids) - 2), True]


async def test_a_truncated_text(make_worker: Callable[..., Any], directly: Classifier) -> None:
    async with make_worker() as worker:
        result, work = await answered_and_opened(worker, SentimentRequest(LONG))
    tokens = piece_of(work, Tokens)
    assert tokens.shape == (1, SHORT_CONTEXT)
    assert tokens.truncated
    assert result.truncated
    assert tokens.note == "This model reads 128 tokens at most, so the end of the text was left out."
    assert piece_of(work, Logits).logits == pytest.approx(directly(LONG).logits[0].tolist(), abs=EXACT)


async def test_labels_with_probabilities_of_their_own(
    make_worker: Callable[..., Any], checkpoints: Mapping[str, Path], tmp_path: Path
) -> None:
    model = transformers.AutoModelForSequenceClassification.from_pretrained(checkpoints["distilbert"])
    model.config.problem_type = "multi_label_classification"
    model.save_pretrained(tmp_path / "model")
    transformers.AutoTokenizer.from_pretrained(checkpoints["distilbert"]).save_pretrained(tmp_path / "model")
    async with make_worker(preset_of({"sentiment": tmp_path / "model"})) as worker:
        result, work = await answered_and_opened(worker, SentimentRequest(TEXTS[0]))
    head = piece_of(work, Logits)
    assert head.independent
    assert head.probabilities == pytest.approx(torch.tensor(head.logits).sigmoid().tolist(), abs=EXACT)
    assert dict(zip(head.labels, head.probabilities, strict=True)) == probabilities(result)
    assert sum(head.probabilities) != pytest.approx(1, abs=0.01)
    assert piece_of(work, Decision).sentence.startswith("Each label has a probability of its own.")


async def test_equal_shapes_give_equal_numbers(make_worker: Callable[..., Any]) -> None:
    async with make_worker(device=Device("cpu", "bfloat16")) as worker:
        for text in TEXTS:
            result, work = await answered_and_opened(worker, SentimentRequest(text))
            head = piece_of(work, Logits)
            assert dict(zip(head.labels, head.probabilities, strict=True)) == probabilities(result)


async def test_an_answer_from_a_shared_batch(make_worker: Callable[..., Any]) -> None:
    requests = [SentimentRequest(text) for text in TEXTS]
    async with make_worker() as worker:
        results = await run_crowd(worker, requests)
        assert worker.status().batches < worker.status().rows
        works = await run_crowd(worker, [WorkRequest.of(request) for request in requests])
    for result, work in zip(results, works, strict=True):
        head = piece_of(work, Logits)
        found = dict(zip(head.labels, head.probabilities, strict=True))
        assert found == pytest.approx(probabilities(result), abs=EXACT)


async def test_which_words_mattered_is_computed_on_demand(
    make_worker: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = watch_attributions(monkeypatch)
    async with make_worker() as worker:
        result, work = await answered_and_opened(worker, SentimentRequest(TEXTS[0]))
        assert not taken
        _, whole = await answered_and_opened(worker, SentimentRequest(TEXTS[0]), evidence=True)
        assert taken
    postponed, found = piece_of(work, PostponedAttribution), piece_of(whole, Attribution)
    assert found.label == postponed.label == result.scores[0].label
    assert [token.text for token in found.tokens] == TEXTS[0].split()
    assert [page.name for page in whole.pages] == [page.name for page in work.pages]
    assert [one for one, other in zip(whole.pages, work.pages, strict=True) if one == other] == [
        page for page in work.pages if page.postponed is None or isinstance(page.postponed, PostponedFlip)
    ]


@pytest.mark.parametrize("name", ["distilbert", "llama"])
async def test_which_words_mattered_sums_to_the_answer(
    make_worker: Callable[..., Any], make_preset: Callable[..., Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_evidence, "FIRST_READ", MOST_READ)  # tiny tokenizers make many tokens
    async with make_worker(make_preset(sentiment=name)) as worker:
        request = SentimentRequest("I love to hate this course")
        result, whole = await answered_and_opened(worker, request, evidence=True)
    found = piece_of(whole, Attribution)
    best = result.scores[0]
    assert found.label == best.label
    assert [token.text for token in found.tokens] == request.text.split()
    start = found.difference - math.log(best.probability / (1 - best.probability))
    assert sum(found.scores) + -start == pytest.approx(math.log(best.probability / (1 - best.probability)), abs=1e-4)


@pytest.mark.parametrize("name", ["distilbert", "llama"])
async def test_the_proof_is_what_the_command_says(
    make_worker: Callable[..., Any], make_preset: Callable[..., Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_evidence, "FIRST_READ", MOST_READ)  # tiny tokenizers make many tokens
    async with make_worker(make_preset(sentiment=name)) as worker:
        request = SentimentRequest("The music was better than the movie.")
        result, whole = await answered_and_opened(worker, request, evidence=True)
        page = piece_of(whole, Attribution).page
        [rest] = [block.text for block in page.blocks if isinstance(block, Quote)]
        again = (await worker.run(SentimentRequest(rest), person=1)).result
    blocks: Any = page.blocks
    proof = blocks[0].text
    before, after, _, by_chance = [part.value for part in proof if isinstance(part, Number)]
    label = result.scores[0].label
    assert before == pytest.approx(probabilities(result)[label], abs=EXACT)
    assert after == pytest.approx(probabilities(again)[label], abs=EXACT)
    assert after != before
    assert 0 < by_chance < 1
    assert proof[0].startswith("Without the two words that speak most for it, “")  # one against it may be stronger
    left_out = re.findall("“(.+?)”", proof[0])
    parts = [token.text for token in piece_of(whole, Attribution).tokens]
    assert len(left_out) == 2
    assert rest == " ".join(part for part in parts if part not in left_out)


async def test_a_first_look_leaves_words_out_one_by_one(
    make_worker: Callable[..., Any], make_preset: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_evidence, "FIRST_READ", FEW)
    words = ["I", "love", "to", "hate", "this", "course"]
    async with make_worker(make_preset(sentiment="llama")) as worker:
        result, whole = await answered_and_opened(worker, SentimentRequest(" ".join(words)), evidence=True)
        label = result.scores[0].label
        [page] = [one for one in whole.pages if one.name == "Which words mattered"]
        assert isinstance(page.picture, Scores)
        _, _, _, end, _ = numbers(page.picture.note)
        assert float(sigmoid(end)) == pytest.approx(probabilities(result)[label], abs=1e-6)
        assert [token.text for token in page.picture.tokens] == words
        for index, score in enumerate(page.picture.values):
            rest = SentimentRequest(" ".join(words[:index] + words[index + 1 :]))
            without = (await worker.run(rest, person=1)).result
            left = float(sigmoid(end - score))
            assert left == pytest.approx(probabilities(without)[label], abs=1e-4)
    assert page.is_estimate
    assert "add up to" not in str(page.blocks)
    assert "In all, the text adds" in str(page.blocks)


@pytest.mark.parametrize("name", ["distilbert", "llama"])
async def test_long_texts_have_scores(
    make_worker: Callable[..., Any], make_preset: Callable[..., Any], name: str
) -> None:
    async with make_worker(make_preset(sentiment=name)) as worker:
        _, whole = await answered_and_opened(worker, SentimentRequest(LONG), evidence=True)
    found = piece_of(whole, Attribution)
    assert 2 <= len(found.scores) < 200
    assert sum(found.scores) == pytest.approx(found.difference, abs=1e-4)


@pytest.fixture(scope="module")
def reference(checkpoints: Mapping[str, Path]) -> Reference:
    return Reference(checkpoints["llama"])


class TestPrompted:
    @pytest.fixture
    def opened(self, make_worker: Callable[..., Any], make_preset: Callable[..., Any]) -> Callable[..., Any]:
        async def opened(text: str) -> tuple[Any, Explanation]:
            async with make_worker(make_preset(sentiment="llama")) as worker:
                return await answered_and_opened(worker, SentimentRequest(text))

        return opened

    async def test_the_numbers_of_the_answer(self, opened: Callable[..., Any], reference: Reference) -> None:
        text = "The music was better than the movie."
        result, work = await opened(text)
        weighed = piece_of(work, WeighedLabels)
        positive, negative = weighed.rows
        assert (positive.label, negative.label) == ("POSITIVE", "NEGATIVE")
        assert {one.label: one.probability for one in weighed.rows} == pytest.approx(probabilities(result), abs=EXACT)
        assert 0.02 < positive.probability < 0.98
        assert positive.probability == pytest.approx(reference.sentiment(text), abs=1e-4)
        for row, side in ((positive, 0), (negative, 1)):
            assert row.log_probability == pytest.approx(mean_of_words(reference, [text], side), abs=1e-4)
            anchors = [anchor for pair in sentiment.ANCHORS for anchor in pair]
            assert row.baseline == pytest.approx(mean_of_words(reference, anchors, side), abs=1e-4)
            assert torch.tensor(row.score).sigmoid().item() == pytest.approx(row.probability, abs=EXACT)

    async def test_the_score_comes_from_the_differences(self, opened: Callable[..., Any]) -> None:
        _, work = await opened("Everybody has read this book.")
        positive, negative = piece_of(work, WeighedLabels).rows
        difference = positive.log_probability - negative.log_probability
        baseline = positive.baseline - negative.baseline
        assert positive.score == -negative.score
        half_distance = (difference - baseline) * sentiment.SHARPNESS / positive.score
        assert f"each kind is {half_distance:.3f}" in piece_of(work, WeighedLabels).how

    async def test_the_formula_can_be_worked_out(self, opened: Callable[..., Any]) -> None:
        _, work = await opened("I love it.")
        weighed = piece_of(work, WeighedLabels)
        worked_out = equations(weighed.how)
        assert len(worked_out) == 3  # the difference, the place between the anchors, the sigmoid
        for value, written in worked_out:
            assert value == pytest.approx(written, abs=2e-3)
        assert worked_out[-1][1] == pytest.approx(weighed.rows[0].probability, abs=1e-4)

    async def test_the_path_of_a_request(self, opened: Callable[..., Any], reference: Reference) -> None:
        _, work = await opened("Great.")
        assert kinds_of(work) == [
            "Prepared",
            "Tokens",
            "Architecture",
            "HiddenStates",
            "WeighedLabels",
            "PostponedAttribution",
            "Decision",
        ]
        prompts = ("Review: Great.\nSentiment:", "Text: Great.\nSentiment:", "Sentence: Great.\nSentiment:")
        assert piece_of(work, Prepared).texts == prompts
        tokens = piece_of(work, Tokens)
        ids = [reference.ids(prompt) for prompt in prompts]
        assert [[token.id for token in row] for row in tokens.rows] == ids
        assert tokens.names == ("prompt 1", "prompt 2", "prompt 3")
        assert tokens.shape == (3, max(map(len, ids)))
        assert "padded on the left" in tokens.note
        assert piece_of(work, Architecture).family == "decoder"
        states = piece_of(work, HiddenStates)
        assert (states.row, states.shape) == ("prompt 1", (1, len(ids[0]), 32))

    async def test_a_truncated_text(self, opened: Callable[..., Any]) -> None:
        result, work = await opened("a" * 1_400)
        tokens = piece_of(work, Tokens)
        assert result.truncated
        assert tokens.truncated
        assert "so the end of the text was left out" in tokens.note
        assert tokens.shape[1] <= 1_024
        assert all(len(prompt) < 1_100 for prompt in piece_of(work, Prepared).texts)

    def test_a_text_between_equal_anchors(self, load: Callable[[str], Any]) -> None:
        head = load("llama")
        leaning = sentiment.Leaning(-1.0, -2.0, 1.0)
        with head.calibrations.replaced(sentiment._ANCHORS, (leaning, leaning)):
            work = run_task(TASK.start(head, WorkRequest.of(SentimentRequest("Great."))))
        assert "each kind is 1e−06 away from it" in piece_of(work, WeighedLabels).how


def mean_of_words(reference: Reference, texts: list[str], side: int) -> float:
    """Of the positive (0) or negative (1) words after texts, over all prompts."""
    found = [
        sum(reference.each(prompt.format(text), pair[side]))
        for text in texts
        for prompt in sentiment.PROMPTS
        for pair in sentiment.WORDS
    ]
    return sum(found) / len(found)

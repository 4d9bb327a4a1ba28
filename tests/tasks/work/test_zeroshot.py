from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from bot.errors import ModelUnavailable
from bot.inference.compute.device import Device
from bot.tasks import zeroshot
from bot.tasks.scores import sigmoid, softmax
from bot.tasks.work.request import WorkRequest
from bot.tasks.zeroshot import ZeroShotRequest
from tests.support import preset_of, run_crowd
from tests.tasks.test_prompted import Reference
from tests.tasks.work.page_objects import (
    Architecture,
    Attribution,
    Decision,
    HiddenStates,
    Inferences,
    PostponedAttribution,
    Prepared,
    Tokens,
    WeighedLabels,
    kinds_of,
)
from tests.tasks.work.support import answered_and_opened, equations, medians, piece_of, pieces_of

EXACT = 1e-6
TEXT = "What a terrible day: the train was late, and the coffee was cold."
REQUEST = ZeroShotRequest(TEXT, ("politics", "a day with a train", "sports"))
MULTI = replace(REQUEST, multi_label=True)
TWENTY = ZeroShotRequest(TEXT, tuple(f"the label with the number {number}" for number in range(20)))
REQUESTS = [REQUEST, MULTI, TWENTY, replace(TWENTY, multi_label=True)]
LONG = ZeroShotRequest("I love apples. " * 200, ("politics", "entertainment"))


def probabilities(result: Any) -> dict[str, float]:
    return {score.label: score.probability for score in result.scores}


class Inferrer:
    """transformers, run directly."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        self.model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()

    @torch.inference_mode()
    def __call__(self, text: str, hypothesis: str) -> Any:
        pair = self.tokenizer(text, hypothesis, truncation="only_first", return_tensors="pt")
        return self.model(**pair, output_hidden_states=True)


@pytest.fixture(scope="module")
def directly(checkpoints: Mapping[str, Path]) -> Inferrer:
    return Inferrer(checkpoints["bart_mnli"])


async def test_the_numbers_of_the_answer(make_worker: Callable[..., Any], directly: Inferrer) -> None:
    async with make_worker() as worker:
        for request in REQUESTS:
            result, work = await answered_and_opened(worker, request)
            found = piece_of(work, Inferences)
            assert found.classes == ("contradiction", "neutral", "entailment")
            assert tuple(row.label for row in found.rows) == request.labels
            for row in found.rows:
                assert row.logits == pytest.approx(
                    directly(TEXT, f"This example is {row.label}.").logits[0].tolist(), abs=1e-5
                )
            assert {row.label: row.probability for row in found.rows} == pytest.approx(probabilities(result), abs=EXACT)
            logits = torch.tensor([row.logits for row in found.rows])
            shared = logits[:, [0, 2]].softmax(dim=1)[:, 1] if request.multi_label else logits[:, 2].softmax(dim=0)
            assert [row.probability for row in found.rows] == pytest.approx(shared.tolist(), abs=EXACT)
            assert piece_of(work, Decision).label == result.scores[0].label


async def test_the_path_of_a_request(make_worker: Callable[..., Any], directly: Inferrer) -> None:
    async with make_worker() as worker:
        result, work = await answered_and_opened(worker, REQUEST)
    stages = [
        "Prepared",
        "Tokens",
        "Architecture",
        "HiddenStates",
        "HiddenStates",
        "Inferences",
        "PostponedAttribution",
        "PostponedPairs",
        "Decision",
    ]
    assert kinds_of(work) == stages
    assert piece_of(work, Prepared).texts == (TEXT, *(f"This example is {label}." for label in REQUEST.labels))
    tokens = piece_of(work, Tokens)
    ids = [directly.tokenizer(TEXT, f"This example is {label}.")["input_ids"] for label in REQUEST.labels]
    assert [[token.id for token in row] for row in tokens.rows] == ids
    assert tokens.names == REQUEST.labels
    assert tokens.shape == (3, max(map(len, ids)))
    assert "padded on the right" in tokens.note
    assert piece_of(work, Architecture).family == "encoder-decoder"
    likeliest = result.scores[0].label
    right = directly(TEXT, f"This example is {likeliest}.")
    for states, expected in zip(
        pieces_of(work, HiddenStates), (right.encoder_hidden_states, right.decoder_hidden_states), strict=True
    ):
        assert states.row == likeliest
        assert states.shape == tuple(expected[-1].shape)
        assert states.norms == pytest.approx(medians(expected), rel=EXACT)
    assert [states.part for states in pieces_of(work, HiddenStates)] == ["encoder", "decoder"]


@pytest.mark.parametrize("request_", REQUESTS[:3], ids=["shared", "multi", "twenty"])
async def test_the_formula_can_be_worked_out(make_worker: Callable[..., Any], request_: ZeroShotRequest) -> None:
    async with make_worker() as worker:
        result, work = await answered_and_opened(worker, request_)
    found = piece_of(work, Inferences)
    if request_ is TWENTY:  # too many terms to write them out
        assert "+ … + exp(" in found.how
        return
    [(value, written)] = equations(found.how)
    assert value == pytest.approx(written, abs=2e-4)
    assert written == pytest.approx(result.scores[0].probability, abs=1e-4)
    assert f"For {result.scores[0].label}: " in found.how


async def test_what_applies_of_several_labels(make_worker: Callable[..., Any]) -> None:
    async with make_worker() as worker:
        result, work = await answered_and_opened(worker, replace(TWENTY, multi_label=True))
    sentence = piece_of(work, Decision).sentence
    for score in result.scores:
        assert (f"{score.label}," in sentence or f"{score.label}." in sentence) == (score.probability > 0.5)


async def test_a_truncated_text(make_worker: Callable[..., Any], directly: Inferrer) -> None:
    async with make_worker() as worker:
        result, work = await answered_and_opened(worker, LONG)
    tokens = piece_of(work, Tokens)
    assert result.truncated
    assert tokens.truncated
    assert tokens.shape == (2, 128)
    assert "so the end of the text was left out" in tokens.note
    for row in piece_of(work, Inferences).rows:
        assert row.logits == pytest.approx(
            directly(LONG.text, f"This example is {row.label}.").logits[0].tolist(), abs=1e-5
        )


async def test_a_text_in_many_rows_is_kept_once(make_worker: Callable[..., Any]) -> None:
    async with make_worker() as worker:
        _, work = await answered_and_opened(worker, TWENTY)
    rows = piece_of(work, Tokens).rows
    assert len(rows) == 20
    assert all(token is first for row in rows for token, first in zip(row[:20], rows[0][:20], strict=True))


async def test_an_entailment_that_is_the_first_class(
    make_worker: Callable[..., Any], checkpoints: Mapping[str, Path], tmp_path: Path
) -> None:
    model = transformers.AutoModelForSequenceClassification.from_pretrained(checkpoints["bart_mnli"])
    model.config.id2label = {0: "entailment", 1: "neutral", 2: "contradiction"}
    model.config.label2id = {label: index for index, label in model.config.id2label.items()}
    model.save_pretrained(tmp_path / "model")
    transformers.AutoTokenizer.from_pretrained(checkpoints["bart_mnli"]).save_pretrained(tmp_path / "model")
    async with make_worker(preset_of({"zeroshot": tmp_path / "model"})) as worker:
        result, work = await answered_and_opened(worker, MULTI)
    found = piece_of(work, Inferences)
    assert "softmax over its logits of contradiction and entailment" in found.how
    for row in found.rows:
        assert row.probability == pytest.approx(softmax([row.logits[2], row.logits[0]])[1], abs=EXACT)
        assert row.probability == pytest.approx(probabilities(result)[row.label], abs=EXACT)


async def test_equal_shapes_give_equal_numbers(make_worker: Callable[..., Any]) -> None:
    async with make_worker(device=Device("cpu", "bfloat16")) as worker:
        for request in REQUESTS:
            result, work = await answered_and_opened(worker, request)
            found = {row.label: row.probability for row in piece_of(work, Inferences).rows}
            assert found == probabilities(result)


async def test_answers_from_shared_batches(make_worker: Callable[..., Any]) -> None:
    async with make_worker() as worker:
        results = await run_crowd(worker, REQUESTS)
        works = await run_crowd(worker, [WorkRequest.of(request) for request in REQUESTS])
    for result, work in zip(results, works, strict=True):
        found = {row.label: row.probability for row in piece_of(work, Inferences).rows}
        assert found == pytest.approx(probabilities(result), abs=EXACT)


async def test_a_classifier_without_entailment(
    make_worker: Callable[..., Any], make_preset: Callable[..., Any]
) -> None:
    async with make_worker(make_preset(zeroshot="distilbert")) as worker:
        with pytest.raises(ModelUnavailable, match="ZEROSHOT_CHECKPOINT"):
            await worker.run(WorkRequest.of(REQUEST), person=1)


@pytest.fixture(scope="module")
def reference(checkpoints: Mapping[str, Path]) -> Reference:
    return Reference(checkpoints["llama"])


class TestPrompted:
    @pytest.fixture
    def prompted(self, make_preset: Callable[..., Any]) -> Any:
        return make_preset(zeroshot="llama")

    @pytest.mark.parametrize("multi_label", [False, True])
    async def test_the_numbers_of_the_answer(
        self, multi_label: bool, make_worker: Callable[..., Any], prompted: Any, reference: Reference
    ) -> None:
        request = replace(REQUEST, multi_label=multi_label)
        async with make_worker(prompted) as worker:
            result, work = await answered_and_opened(worker, request)
        weighed = piece_of(work, WeighedLabels)
        right = reference.zeroshot(request)
        assert tuple(row.label for row in weighed.rows) == request.labels
        for row in weighed.rows:
            assert row.probability == pytest.approx(probabilities(result)[row.label], abs=EXACT)
            assert row.probability == pytest.approx(right[row.label], abs=1e-4)
            assert row.log_probability == pytest.approx(log_probability(reference, row.label), abs=1e-4)
            assert row.baseline == pytest.approx(baseline(reference, row.label), abs=1e-4)
            assert row.score == pytest.approx(row.log_probability - row.baseline, abs=EXACT)
        scores = np.array([row.score for row in weighed.rows])
        several = sigmoid((scores - 1.5) / 0.5) * np.exp((scores - scores.max()) / 2)
        shared = several if multi_label else softmax(scores / 0.7)
        assert [row.probability for row in weighed.rows] == pytest.approx(shared.tolist(), abs=EXACT)

    @pytest.mark.parametrize("multi_label", [False, True])
    async def test_the_formula_can_be_worked_out(
        self, multi_label: bool, make_worker: Callable[..., Any], prompted: Any
    ) -> None:
        async with make_worker(prompted) as worker:
            result, work = await answered_and_opened(worker, replace(REQUEST, multi_label=multi_label))
        score, probability = equations(piece_of(work, WeighedLabels).how)
        assert score[0] == pytest.approx(score[1], abs=2e-4)
        assert probability[0] == pytest.approx(probability[1], abs=5e-4)
        assert probability[1] == pytest.approx(result.scores[0].probability, abs=1e-4)

    async def test_the_path_of_a_request(
        self, make_worker: Callable[..., Any], prompted: Any, reference: Reference
    ) -> None:
        async with make_worker(prompted) as worker:
            result, work = await answered_and_opened(worker, TWENTY)
        stages = ["Prepared", "Tokens", "Architecture", "HiddenStates", "WeighedLabels"]
        assert kinds_of(work) == [*stages, "PostponedAttribution", "PostponedPairs", "Decision"]
        prompts = (f"Text: {TEXT}\nCategory:", f"{TEXT}\nTags:")
        assert piece_of(work, Prepared).texts == prompts
        tokens = piece_of(work, Tokens)
        ids = [reference.ids(prompt) for prompt in prompts]
        assert [[token.id for token in row] for row in tokens.rows] == ids
        assert tokens.names == ("prompt 1", "prompt 2")
        assert len(piece_of(work, WeighedLabels).rows) == 20
        assert piece_of(work, HiddenStates).row == "prompt 1"
        assert piece_of(work, Decision).label == result.scores[0].label

    async def test_which_words_mattered_is_computed_on_demand(
        self, make_worker: Callable[..., Any], prompted: Any
    ) -> None:
        async with make_worker(prompted) as worker:
            result, work = await answered_and_opened(worker, REQUEST)
            _, whole = await answered_and_opened(worker, REQUEST, evidence=True)
        postponed, found = piece_of(work, PostponedAttribution), piece_of(whole, Attribution)
        assert found.label == postponed.label == result.scores[0].label
        assert f"the log-odds of {result.scores[0].label}" in str(postponed.explained)
        assert whole.pages.index(found.page) == work.pages.index(postponed.page)

    async def test_a_truncated_text(self, make_worker: Callable[..., Any], prompted: Any) -> None:
        async with make_worker(prompted) as worker:
            result, work = await answered_and_opened(worker, replace(LONG, text="a" * 1_400))
        assert result.truncated
        assert piece_of(work, Tokens).truncated
        assert piece_of(work, PostponedAttribution).label == result.scores[0].label
        found = {row.label: row.probability for row in piece_of(work, WeighedLabels).rows}
        assert found == pytest.approx(probabilities(result), abs=EXACT)


def log_probability(reference: Reference, label: str) -> float:
    """Of a label after the text, a mean over the prompts."""
    return sum(sum(reference.each(prompt.format(TEXT), f" {label}")) for prompt in zeroshot.PROMPTS) / 2


def baseline(reference: Reference, label: str) -> float:
    """Of a label after neutral sentences, written out: its first token after all of them, the others after one."""
    first, *_ = ids = reference.ids(f" {label}")
    total = 0.0
    for prompt in zeroshot.PROMPTS:
        neutral = [reference.ids(prompt.format(text)) for text in zeroshot.NEUTRAL]
        total += sum(reference.after(one, [first])[0] for one in neutral) / len(neutral)
        total += sum(reference.after(neutral[0], ids)[1:])
    return total / 2

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from bot.errors import InvalidRequest
from bot.inference.compute.device import Device
from bot.tasks.fill import FillRequest
from bot.tasks.prompts import cloze
from bot.tasks.scores import softmax
from bot.tasks.work import fill as fill_work
from bot.tasks.work.request import WorkRequest
from tests.tasks.test_prompted import Reference
from tests.tasks.work.page_objects import (
    Architecture,
    Decision,
    HiddenStates,
    MaskCandidates,
    Prepared,
    RescoredCandidates,
    Tokens,
    kinds_of,
)
from tests.tasks.work.support import answered_and_opened, equations, medians, piece_of, pieces_of

EXACT = 1e-6
ONE = FillRequest("The capital of France is ___.")
SEVERAL = FillRequest("The ___ brown fox jumps over the [MASK] dog while the old <mask> looks at the sea.", top_k=3)
LONG = FillRequest("The capital is ___. " + "I love apples. " * 100)


class Filler:
    """transformers, run directly."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        self.model = transformers.AutoModelForMaskedLM.from_pretrained(folder).eval()

    @torch.inference_mode()
    def __call__(self, request: FillRequest) -> tuple[list[int], Any]:
        """The masks' positions, and the output."""
        inputs = self.tokenizer("<mask>".join(request.parts), truncation=True, return_tensors="pt")
        positions = (inputs["input_ids"][0] == self.tokenizer.mask_token_id).nonzero()[:, 0].tolist()
        return positions, self.model(**inputs, output_hidden_states=True)


def is_word(tokenizer: Any, token: int) -> bool:
    text = tokenizer.decode([token], skip_special_tokens=True).strip()
    return text != "" and text.isprintable() and "\ufffd" not in text


@pytest.fixture(scope="module")
def directly(checkpoints: Mapping[str, Path]) -> Filler:
    return Filler(checkpoints["roberta"])


@pytest.mark.parametrize("request_", [ONE, SEVERAL, LONG], ids=["one", "several", "long"])
async def test_the_numbers_of_the_answer(
    request_: FillRequest, make_worker: Callable[..., Any], directly: Filler
) -> None:
    async with make_worker() as worker:
        result, work = await answered_and_opened(worker, request_)
    positions, right = directly(request_)
    masks = pieces_of(work, MaskCandidates)
    assert [mask.mask for mask in masks] == list(range(1, len(request_.parts)))
    assert [mask.position for mask in masks] == positions
    for mask, guesses in zip(masks, result.masks, strict=True):
        logits = right.logits[0, mask.position]
        probabilities = logits.softmax(dim=0)
        ranked = logits.argsort(descending=True).tolist()
        likeliest = [one for one in ranked if is_word(directly.tokenizer, one)][:10]
        before = ranked[: ranked.index(likeliest[-1])]
        assert mask.left_out == [one for one in before if one not in likeliest][: fill_work.MOST_LEFT_OUT]
        assert [one.id for one in mask.candidates] == likeliest
        assert [one.logit for one in mask.candidates] == pytest.approx(logits[likeliest].tolist(), abs=1e-5)
        assert [one.probability for one in mask.candidates] == pytest.approx(
            probabilities[likeliest].tolist(), abs=EXACT
        )
        answered = mask.candidates[: request_.top_k]
        assert [one.probability for one in answered] == pytest.approx([one.probability for one in guesses], abs=EXACT)
        for candidate, guess in zip(answered, guesses, strict=True):
            assert "<" in candidate.text or candidate.text.strip() == guess.word  # a byte is shown as a number
    states = piece_of(work, HiddenStates)
    assert states.shape == tuple(right.hidden_states[-1].shape)
    assert states.norms == pytest.approx(medians(right.hidden_states), rel=EXACT)


async def test_the_path_of_a_request(make_worker: Callable[..., Any], directly: Filler) -> None:
    async with make_worker() as worker:
        result, work = await answered_and_opened(worker, SEVERAL)
    stages = ["Prepared", "Tokens", "Architecture", "HiddenStates", *["MaskCandidates"] * 3, *["Decision"] * 3]
    assert kinds_of(work) == stages
    text = "The <mask> brown fox jumps over the <mask> dog while the old <mask> looks at the sea."
    prepared = piece_of(work, Prepared)
    assert prepared.texts == (text,)
    assert "<mask>" in prepared.how
    [row] = piece_of(work, Tokens).rows
    assert [token.id for token in row] == directly.tokenizer(text)["input_ids"]
    assert piece_of(work, Architecture).family == "encoder"
    for place, (decision, guesses) in enumerate(zip(pieces_of(work, Decision), result.masks, strict=True), start=1):
        assert decision.label == guesses[0].word
        assert decision.probability == pytest.approx(guesses[0].probability, abs=EXACT)
        assert decision.sentence == f"The likeliest word is put into mask {place}: {decision.label}."


async def test_the_word_of_one_mask_is_the_answer(make_worker: Callable[..., Any]) -> None:
    async with make_worker() as worker:
        result, work = await answered_and_opened(worker, ONE)
    decision = piece_of(work, Decision)
    assert decision.label == result.masks[0][0].word
    assert decision.probability == pytest.approx(result.masks[0][0].probability, abs=EXACT)


async def test_a_truncated_text(make_worker: Callable[..., Any]) -> None:
    async with make_worker() as worker:
        result, work = await answered_and_opened(worker, LONG)
        with pytest.raises(InvalidRequest, match="a mask is beyond it"):
            await worker.run(WorkRequest.of(FillRequest("I love apples. " * 100 + "The capital is ___.")), person=1)
    tokens = piece_of(work, Tokens)
    assert result.truncated
    assert tokens.truncated
    assert tokens.shape == (1, 128)
    assert "so the end of the text was left out" in tokens.note


async def test_equal_shapes_give_equal_numbers(make_worker: Callable[..., Any]) -> None:
    async with make_worker(device=Device("cpu", "bfloat16")) as worker:
        result, work = await answered_and_opened(worker, SEVERAL)
    for mask, guesses in zip(pieces_of(work, MaskCandidates), result.masks, strict=True):
        assert [one.probability for one in mask.candidates[:3]] == [guess.probability for guess in guesses]
        # The logits are those of another pass; that they agree shows that it computes the same.
        logits = np.array([one.logit for one in mask.candidates], dtype=np.float64)
        ratios = [math.log(one.probability / mask.candidates[0].probability) for one in mask.candidates]
        assert ratios == pytest.approx((logits - logits[0]).tolist(), abs=1e-5)


@pytest.fixture(scope="module")
def reference(checkpoints: Mapping[str, Path]) -> Reference:
    return Reference(checkpoints["llama"])


class TestPrompted:
    @pytest.fixture
    def prompted(self, make_preset: Callable[..., Any]) -> Any:
        return make_preset(fill="llama")

    async def test_the_numbers_of_the_answer(
        self, make_worker: Callable[..., Any], prompted: Any, reference: Reference
    ) -> None:
        request = FillRequest("I ___ apples and ___ lemons", top_k=10)
        async with make_worker(prompted) as worker:
            result, work = await answered_and_opened(worker, request)
        masks = pieces_of(work, RescoredCandidates)
        assert [mask.mask for mask in masks] == [1, 2]
        for mask, guesses, right in zip(masks, result.masks, reference.fill(request.text), strict=True):
            assert [one.word for one in mask.candidates[:10]] == [guess.word for guess in guesses]
            assert [one.probability for one in mask.candidates[:10]] == pytest.approx(
                [guess.probability for guess in guesses], abs=EXACT
            )
            assert {one.word: one.probability for one in mask.candidates} == pytest.approx(dict(right), abs=1e-4)
            scores = [one.log_probability + 0.25 * one.as_answer for one in mask.candidates]
            assert [one.probability for one in mask.candidates] == pytest.approx(softmax(scores).tolist(), abs=EXACT)

    async def test_the_sentences_scores(
        self, make_worker: Callable[..., Any], prompted: Any, reference: Reference
    ) -> None:
        async with make_worker(prompted) as worker:
            _, work = await answered_and_opened(worker, FillRequest("The capital of France is ___, and it is large."))
        left, question = piece_of(work, Prepared).texts
        assert left == cloze.CONTEXT + "The capital of France is"
        assert question.endswith("Q: The capital of France is ___, and it is large.\nA:")
        answers = reference.next_token(question)
        for one in piece_of(work, RescoredCandidates).candidates:
            sentence = sum(reference.each(left, f" {one.word}, and it is large."))
            assert one.log_probability == pytest.approx(sentence, abs=1e-4)
            [token] = reference.ids(f" {one.word}")
            assert one.as_answer == pytest.approx(float(answers[token]), abs=1e-4)

    async def test_the_formula_can_be_worked_out(self, make_worker: Callable[..., Any], prompted: Any) -> None:
        async with make_worker(prompted) as worker:
            _, work = await answered_and_opened(worker, FillRequest("I ___ apples"))
        found = piece_of(work, RescoredCandidates)
        [(value, written)] = equations(found.how)
        assert value == pytest.approx(written, abs=2e-4)
        assert f"For {found.candidates[0].word}: " in found.how
        assert f"{len(found.candidates)} different ones" in found.how
        assert found.how.endswith(f"makes it {found.candidates[0].probability:.4f}.")

    async def test_the_path_of_a_request(
        self, make_worker: Callable[..., Any], prompted: Any, reference: Reference
    ) -> None:
        async with make_worker(prompted) as worker:
            result, work = await answered_and_opened(worker, FillRequest("I ___ apples and ___ lemons"))
        assert kinds_of(work) == [
            *["Prepared", "Tokens", "Architecture", "HiddenStates", "RescoredCandidates"],
            *["Prepared", "Tokens", "RescoredCandidates"],  # the second mask, when the first is filled
            *["Decision"] * 2,
        ]
        first, second = (guesses[0].word for guesses in result.masks)
        prepared = pieces_of(work, Prepared)
        assert prepared[1].texts[0] == f"{cloze.CONTEXT}I {first} apples and"
        for one, tokens in zip(prepared, pieces_of(work, Tokens), strict=True):
            ids = [reference.ids(text) for text in one.texts]
            assert [[token.id for token in row] for row in tokens.rows] == ids
            assert tokens.shape == (2, max(map(len, ids)))
        assert piece_of(work, HiddenStates).row == "before the mask"
        assert [decision.label for decision in pieces_of(work, Decision)] == [first, second]

    async def test_a_truncated_text(
        self, make_worker: Callable[..., Any], prompted: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with make_worker(prompted) as worker:
            await worker.load(["fill"])
            async with worker._pool.lease("fill") as model:
                monkeypatch.setattr(model.head, "context_length", 128)
            result, work = await answered_and_opened(
                worker, FillRequest("I love apples. " * 60 + "I love ___ and pears")
            )
        assert result.truncated
        tokens = piece_of(work, Tokens)
        assert tokens.truncated
        assert tokens.shape[1] <= 128
        assert "so a part of the text around the mask was left out" in tokens.note

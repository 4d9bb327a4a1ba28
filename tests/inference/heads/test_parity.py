from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from bot.inference.heads import parity
from bot.inference.heads.parity import (
    REHEARSAL,
    SENTENCES,
    TOKEN_DIVERGENCE,
    TOLERANCE,
    compare_labels,
    compare_tokens,
    observer,
    parity_check,
)


def log_probs(*rows: list[float]) -> torch.Tensor:
    return torch.tensor(rows).log()


class TestLabels:
    def test_the_same(self) -> None:
        before = torch.tensor([[0.9, 0.1], [0.2, 0.8]])
        found = compare_labels(before, before + torch.tensor([[-0.01, 0.01], [0.02, -0.02]]))
        assert found.passed
        assert found.finding == "2 of 2 test sentences have the same label, probabilities differ by at most 0.020"

    def test_nearly_tied_labels_that_change_places(self) -> None:
        found = compare_labels(torch.tensor([[0.9, 0.1], [0.51, 0.49]]), torch.tensor([[0.9, 0.1], [0.49, 0.51]]))
        assert not found.passed
        assert found.finding == "1 of 2 test sentences have the same label, probabilities differ by at most 0.020"
        assert found.demand == "all must have the same, and 0.05 is the limit"

    def test_a_probability_that_moves_too_far(self) -> None:
        before = torch.tensor([[0.9, 0.1]])
        moved = torch.tensor([[-0.01, 0.01]])
        assert compare_labels(before, before + moved * 100 * (TOLERANCE - 0.001)).passed
        assert not compare_labels(before, before + moved * 100 * (TOLERANCE + 0.001)).passed

    def test_what_is_no_number(self) -> None:
        before = torch.tensor([[0.9, 0.1]])
        assert not compare_labels(before, torch.full_like(before, torch.nan)).passed


class TestTokens:
    def test_the_same(self) -> None:
        before = log_probs([0.7, 0.2, 0.1], [0.1, 0.8, 0.1])
        found = compare_tokens(before, before)
        assert found.passed
        assert found.finding == (
            "100% of 2 test positions have the same likeliest token or one within 0.05 of it, "
            "the mean divergence is 0.0000 nats"
        )

    def test_another_choice_where_it_was_nearly_as_likely(self) -> None:
        assert compare_tokens(log_probs([0.41, 0.39, 0.2]), log_probs([0.39, 0.41, 0.2])).passed

    def test_another_choice_where_it_was_clearly_less_likely(self) -> None:
        same, before, after = [0.97, 0.01, 0.02], [0.44, 0.36, 0.2], [0.39, 0.41, 0.2]
        one_in_ten = compare_tokens(log_probs(before, *[same] * 9), log_probs(after, *[same] * 9))
        assert one_in_ten.passed
        assert one_in_ten.finding.startswith("90% of 10 ")
        one_in_nine = compare_tokens(log_probs(before, *[same] * 8), log_probs(after, *[same] * 8))
        assert not one_in_nine.passed
        assert one_in_nine.demand == "at least 90% and at most 0.03 are asked for"

    def test_the_divergence_is_kullback_leibler(self) -> None:
        before, after = torch.randn(5, 7).log_softmax(dim=-1), torch.randn(5, 7).log_softmax(dim=-1)
        expected = torch.nn.functional.kl_div(after, before, log_target=True, reduction="batchmean")
        found = compare_tokens(before, after)
        assert float(expected) > TOKEN_DIVERGENCE
        assert not found.passed
        assert found.finding.endswith(f"the mean divergence is {float(expected):.4f} nats")

    def test_what_is_no_number(self) -> None:
        before = log_probs([0.7, 0.3])
        assert not compare_tokens(before, torch.full_like(before, torch.nan)).passed


@pytest.mark.parametrize("name", ["distilbert", "roberta", "bart_mnli", "llama", "t5", "marian", "m2m100", "nllb"])
def test_a_checkpoint_that_nothing_was_done_to_passes(load: Callable[[str], Any], name: str) -> None:
    found = parity_check(load(name))()
    assert found.passed
    assert "0.000" in found.finding


@pytest.mark.parametrize("name", ["distilbert", "roberta", "llama", "t5"])
def test_the_answers_are_compared_with_those_of_before(load: Callable[[str], Any], name: str) -> None:
    head = load(name)
    check = parity_check(head)
    embedding = head.model.get_input_embeddings().weight
    saved = embedding.detach().clone()
    try:
        with torch.no_grad():
            embedding.copy_(embedding[torch.randperm(len(embedding))])
        assert not check().passed
    finally:
        with torch.no_grad():
            embedding.copy_(saved)
    assert check().passed


def test_what_is_observed(load: Callable[[str], Any]) -> None:
    head = load("distilbert")
    [row] = head.classify.run([head.encode(SENTENCES[0])])
    torch.testing.assert_close(observer(head, SENTENCES)()[0], torch.from_numpy(row).softmax(dim=-1))

    head = load("llama")
    ids = head.encode("I love apples.")
    expected = head.model(input_ids=torch.tensor([ids])).logits[0].log_softmax(dim=-1)
    torch.testing.assert_close(observer(head, ["I love apples."])(), expected.detach())

    head = load("roberta")
    ids = head.encode("I love apples.").inputs.ids
    first = torch.tensor([[ids[0], head.tokenizer.mask_token_id, *ids[2:]]])
    expected = head.model(input_ids=first).logits[0, 1].log_softmax(dim=-1)
    torch.testing.assert_close(observer(head, ["I love apples."])()[0], expected.detach(), rtol=1e-4, atol=1e-4)

    head = load("t5")
    row = head.encode("I love apples.", max_new_tokens=16)
    [written] = head.rewrite.run([row])
    found = observer(head, ["I love apples."])()
    assert found[: len(written)].argmax(dim=-1).tolist() == list(written)


def test_natural_language_inference_is_asked_about_pairs(load: Callable[[str], Any]) -> None:
    head = load("bart_mnli")
    [row] = head.classify.run([head.encode("I love apples.", "This text is about travel.")])
    torch.testing.assert_close(observer(head, ["I love apples."])()[0], torch.from_numpy(row).softmax(dim=-1))


def test_wide_vocabularies_are_compared_at_fewer_positions(
    load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    head = load("llama")
    every = observer(head, SENTENCES)()
    monkeypatch.setattr(parity, "_LOGITS_KEPT", every.numel() // 2)
    some = observer(head, SENTENCES)()
    torch.testing.assert_close(some, every[::3])
    assert some.numel() <= every.numel() // 2


def test_the_rehearsal_is_not_the_test() -> None:
    assert not set(REHEARSAL) & set(SENTENCES)

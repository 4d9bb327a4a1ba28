from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import LayerIntegratedGradients

from bot.inference.checkpoints.loading import load_head
from bot.inference.compute.device import Device
from tests.bench.integrated_gradients import Contrast, LabelLogit, Stretch, gradients_along

TEXT = "I love to hate this course."


def stretch_of(head: Any, text: str = TEXT, label: int = 1) -> Stretch:
    ids = tuple(head.tokenize(text))
    special = set(head.tokenizer.all_special_ids)
    blank = head.pad_token_id
    return Stretch(ids, None, tuple(one if one in special else blank for one in ids), LabelLogit(label))


def contrast_of(head: Any) -> Stretch:
    """Words of one token and of several."""
    ids = head.encode("Review: I love it.")
    words = [head.encode_rest(word) for word in (" love", " apples and", " hate", " terrible")]
    assert {len(word) for word in words} > {1}
    return Stretch(ids, None, (*ids[:3], *[ids[-1]] * (len(ids) - 3)), Contrast((*words[:2],), (*words[2:],)))


def run(head: Any, *stretches: Stretch) -> list[Any]:
    return [gradients_along(head, one) for one in stretches]


def test_as_captum_directly(load: Callable[[str], Any]) -> None:
    head = load("distilbert")
    stretch = stretch_of(head)

    def logit(ids: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = head.model(input_ids=ids).logits[:, 1]
        return found

    direct = LayerIntegratedGradients(logit, head.model.distilbert.embeddings.word_embeddings)
    expected = direct.attribute(torch.tensor([stretch.ids]), torch.tensor([stretch.baseline]), n_steps=8)
    [found] = run(head, stretch)
    np.testing.assert_allclose(found.scores, expected[0].sum(dim=-1).detach().numpy(), atol=1e-4)
    with torch.inference_mode():
        change = logit(torch.tensor([stretch.ids])) - logit(torch.tensor([stretch.baseline]))
    assert found.difference == pytest.approx(float(change), abs=1e-5)


def test_as_a_sum_by_hand_of_a_language_model(load: Callable[[str], Any]) -> None:
    head = load("llama")
    whole = contrast_of(head)
    target = whole.target
    assert isinstance(target, Contrast)
    model, embed = head.model, head.model.get_input_embeddings()
    text, baseline = embed(torch.tensor(whole.ids)).detach(), embed(torch.tensor(whole.baseline)).detach()

    def values(words: torch.Tensor) -> torch.Tensor:
        """Of each row of (batch, tokens, hidden)."""
        total = torch.zeros(len(words))
        for sign, group in ((1, target.wanted), (-1, target.unwanted)):
            for word in group:
                read = torch.cat([words, embed(torch.tensor([word] * len(words)))], dim=1)
                logs = model(inputs_embeds=read).logits.log_softmax(dim=-1)
                for position, token in enumerate(word, words.shape[1] - 1):
                    total = total + sign * logs[:, position, token] / 2
        return total

    midpoints = (torch.arange(512).reshape(8, 64) + 0.5) / 512
    summed = torch.zeros(len(whole.ids))
    for part in midpoints:
        words = (baseline + part[:, None, None] * (text - baseline)).requires_grad_()
        [gradients] = torch.autograd.grad(values(words).sum(), words)
        summed += (gradients.sum(dim=0) * (text - baseline)).sum(dim=-1) / 512
    parts = run(head, *(replace(whole, start=index / 16, end=(index + 1) / 16) for index in range(16)))
    found = np.sum([one.scores for one in parts], axis=0)
    np.testing.assert_allclose(found, summed.numpy(), atol=1e-4)
    assert not found[:3].any()
    first, last = values(torch.stack([baseline, text])).tolist()
    assert sum(one.difference for one in parts) == pytest.approx(last - first, abs=1e-4)


def test_words_share_a_pass() -> None:
    """One that continues what another one begins with is read in the same pass; the others have their own."""
    target = Contrast(((1,), (1, 2, 3)), ((1, 4), (5, 6)))
    assert {read: [word for word, _ in words] for read, words in target.passes.items()} == {
        (1, 2): [(1,), (1, 2, 3), (1, 4)],
        (5,): [(5, 6)],
    }
    stretch = Stretch((7, 8, 9), None, (7, 0, 9), target, points=4)
    assert stretch.tokens == (3 + 2) + (3 + 1)


def test_words_by_themselves(load: Callable[[str], Any]) -> None:
    head = load("llama")
    whole = contrast_of(head)
    assert isinstance(whole.target, Contrast)
    words = (whole.target.wanted[1],)
    [found] = run(head, replace(whole, target=Contrast(words, ())))
    rows = [head.continuations(ids, words) for ids in (whole.ids, whole.baseline)]
    [[after_text], [after_nothing]] = head.score.run(rows)
    assert len(words[0]) > 1
    assert found.difference == pytest.approx(after_text.sum() - after_nothing.sum(), abs=1e-3)


@pytest.mark.parametrize("name", ["distilbert", "bart_mnli"])
def test_stretches_add_up(load: Callable[[str], Any], name: str) -> None:
    """For BART this also says that both sides count: its decoder reads the text one position later."""
    head = load(name)
    whole = stretch_of(head)
    parts = run(head, *(replace(whole, start=index / 16, end=(index + 1) / 16) for index in range(16)))
    [all_of_it] = run(head, whole)
    assert sum(one.difference for one in parts) == pytest.approx(all_of_it.difference, abs=1e-4)
    total = float(np.sum([one.scores for one in parts]))
    assert total == pytest.approx(all_of_it.difference, rel=0.05)
    assert all_of_it.error == pytest.approx(all_of_it.scores.sum() - all_of_it.difference)


def test_packed_layers_in_bfloat16(checkpoints: Mapping[str, Path], load: Callable[[str], Any]) -> None:
    head = load_head(checkpoints["distilbert"], Device("cpu", "bfloat16"))
    [rounded] = run(head, stretch_of(head))
    [exact] = run(load("distilbert"), stretch_of(head))
    assert np.corrcoef(rounded.scores, exact.scores)[0, 1] > 0.98


def test_leaves_the_model_as_it_was(load: Callable[[str], Any]) -> None:
    head = load("distilbert")
    row = head.encode(TEXT)
    [before] = head.classify.run([row])
    run(head, stretch_of(head))
    [after] = head.classify.run([row])
    np.testing.assert_array_equal(before, after)
    assert all(parameter.grad is None for parameter in head.model.parameters())
    assert not head.model.get_input_embeddings()._forward_hooks

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bot.inference.checkpoints.loading import load_head
from bot.inference.heads.causal_lm import CausalLM
from bot.inference.heads.generation.continuous_batching import Generation
from bot.inference.heads.generation.sampling import Sampling
from bot.inference.operations import Row
from tests.support import CPU

GREEDY = Sampling(temperature=0, top_p=1, seed=0)
PROMPTS = [
    "The capital of France is",
    "I",
    "What a terrible day: the train was late, the coffee was cold and",
    "Why not",
]
CANDIDATES = [" Paris", " apples and lemons are sour", " a", " apples and pears", "!", " apples and lemons"]


@pytest.fixture
def head(load: Callable[[str], Any]) -> CausalLM:
    found = load("llama")
    assert isinstance(found, CausalLM)
    return found


def direct_score(head: CausalLM, prompt: tuple[int, ...], candidate: tuple[int, ...]) -> np.ndarray[Any, Any]:
    with torch.inference_mode():
        logits = head.model(input_ids=torch.tensor([[*prompt, *candidate]])).logits[0]
    log_probs = logits.log_softmax(dim=-1)
    return np.array([float(log_probs[len(prompt) + position - 1, token]) for position, token in enumerate(candidate)])


def test_no_begin_of_text_token_is_added(head: CausalLM) -> None:
    assert head.decode(head.encode("I love apples")) == "I love apples"
    assert head.encode("I love apples") == head.encode_rest("I love apples")


@pytest.mark.parametrize("together", [False, True])
def test_scores(head: CausalLM, together: bool) -> None:
    prompts = [head.encode(prompt) for prompt in PROMPTS]
    candidates = [head.encode_rest(candidate) for candidate in CANDIDATES]
    assert len({len(candidate) for candidate in candidates}) > 2
    rows = [head.continuations(prompt, candidates) for prompt in prompts]
    outputs = head.score.run(rows) if together else [head.score.run([row])[0] for row in rows]
    for prompt, scores in zip(prompts, outputs, strict=True):
        for candidate, found in zip(candidates, scores, strict=True):
            np.testing.assert_allclose(found, direct_score(head, prompt, candidate), atol=2e-5)


def test_rows_with_different_candidates_share_a_batch(head: CausalLM) -> None:
    rows = [
        head.continuations(head.encode("I love"), [head.encode_rest(" apples and lemons are sour"), ()]),
        head.continuations(head.encode("The capital of Germany is"), [head.encode_rest("!")]),
        head.continuations(head.encode("Who"), []),
    ]
    first, second, third = head.score.run(rows)
    np.testing.assert_allclose(
        first[0], direct_score(head, rows[0].inputs.prompt, rows[0].inputs.candidates[0]), atol=2e-5
    )
    np.testing.assert_allclose(
        second[0], direct_score(head, rows[1].inputs.prompt, rows[1].inputs.candidates[0]), atol=2e-5
    )
    assert len(first[1]) == 0
    assert third == []


def test_candidates_of_one_token_cost_one_sequence(head: CausalLM) -> None:
    prompt = head.encode("The capital of France is")
    row = head.continuations(prompt, [(token,) for token in range(100)])
    assert row.tokens == len(prompt)
    [scores] = head.score.run([row])
    [whole] = head.next_token.run([row])
    np.testing.assert_allclose(np.concatenate(scores), whole[:100], atol=2e-5)


def test_next_token(head: CausalLM) -> None:
    rows = [head.continuations(head.encode(prompt), []) for prompt in PROMPTS]
    for row, found in zip(rows, head.next_token.run(rows), strict=True):
        assert found.shape == (len(head.tokenizer),)
        assert np.exp(found).sum() == pytest.approx(1, abs=1e-4)
        with torch.inference_mode():
            right = head.model(input_ids=torch.tensor([row.inputs.prompt])).logits[0, -1].log_softmax(dim=-1)
        np.testing.assert_allclose(found, right.numpy(), atol=2e-5)


def direct_generate(head: CausalLM, prompt: tuple[int, ...], length: int) -> list[int]:
    with torch.inference_mode():
        output = head.model.generate(
            input_ids=torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            max_new_tokens=length,
            do_sample=False,
            pad_token_id=head.pad_token_id,
        )
    return [int(token) for token in output[0, len(prompt) :]]


def test_greedy_in_a_mixed_batch(head: CausalLM) -> None:
    rows = [
        head.generation(head.encode(prompt), 5 + 4 * index, sampling=GREEDY) for index, prompt in enumerate(PROMPTS)
    ]
    for row, found in zip(rows, head.generate.run(rows), strict=True):
        assert list(found.ids) == direct_generate(head, row.inputs.prompt, row.inputs.max_new_tokens)
        assert not found.finished


def test_the_models_own_end(checkpoints: Mapping[str, Path]) -> None:
    head = load_head(checkpoints["llama"], CPU)
    assert isinstance(head, CausalLM)
    prompts = [head.encode(prompt) for prompt in PROMPTS]
    free = [direct_generate(head, prompt, 12) for prompt in prompts]
    end = free[2][4]
    head.model.generation_config.eos_token_id = [head.tokenizer.eos_token_id, end]
    results = head.generate.run([head.generation(prompt, 12, sampling=GREEDY) for prompt in prompts])
    for text, found in zip(free, results, strict=True):
        if end in text:
            assert (list(found.ids), found.finished) == (text[: text.index(end)], True)
        else:
            assert (list(found.ids), found.finished) == (text, False)
    assert {found.finished for found in results} == {False, True}


def test_stop(head: CausalLM) -> None:
    prompts = [head.encode(prompt) for prompt in PROMPTS]
    free = [direct_generate(head, prompt, 12) for prompt in prompts]
    stop = head.decode([free[0][3]])
    rows = [head.generation(prompt, 12, sampling=GREEDY, stop=stop) for prompt in prompts]
    for text, found in zip(free, head.generate.run(rows), strict=True):
        ends = [position for position, token in enumerate(text) if stop in head.decode([token])]
        assert list(found.ids) == (text[: ends[0] + 1] if ends else text)
        assert found.finished == bool(ends)


def test_an_abandoned_row_ends_within_a_step(head: CausalLM) -> None:
    steps = 0
    row: Row[Generation] = head.generation(head.encode("Why"), 500, sampling=GREEDY)

    def count(module: Any, args: Any, output: Any) -> None:
        nonlocal steps
        steps += 1
        if steps == 3:
            row.abandon()

    handle = head.model.register_forward_hook(count)
    try:
        head.generate.run([row])
    finally:
        handle.remove()
    assert steps == 3


def test_an_abandoned_row_does_not_end_the_others(head: CausalLM) -> None:
    rows = [head.generation(head.encode(prompt), 10, sampling=GREEDY) for prompt in PROMPTS]
    rows[0].abandon()
    results = head.generate.run(rows)
    for row, found in list(zip(rows, results, strict=True))[1:]:
        assert list(found.ids) == direct_generate(head, row.inputs.prompt, 10)


def test_rows_keep_their_own_seed_and_temperature_in_any_company(head: CausalLM) -> None:
    rows = [
        head.generation(head.encode(prompt), 10, sampling=Sampling(temperature, top_p, seed))
        for prompt, temperature, top_p, seed in zip(
            PROMPTS, [0, 0.3, 1.0, 2.0], [1.0, 0.9, 0.5, 1.0], [1, 2, 3, 4], strict=True
        )
    ]
    together = head.generate.run(rows)
    assert list(together) == [head.generate.run([row])[0] for row in rows]
    assert list(together[::-1]) == list(head.generate.run(rows[::-1]))

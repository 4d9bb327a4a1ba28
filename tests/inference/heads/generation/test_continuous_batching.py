"""Rows that join and leave between two tokens are written as if each were alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.inference.checkpoints.loading import load_head
from bot.inference.heads.causal_lm import CausalLM, model_runner
from bot.inference.heads.generation.continuous_batching import Generated, Generation, RunningBatch
from bot.inference.heads.generation.ragged_runner import RaggedRunner
from bot.inference.heads.generation.sampling import Sampling
from bot.inference.operations import Row, decode_step, run_session
from tests import tiny
from tests.support import CPU

GREEDY = Sampling.likeliest()
PROMPTS = ("I love", "The capital of Germany is the", "Who?", "Apples and lemons are sour, and", "a " * 40)


@pytest.fixture(scope="module")
def head(load: Callable[[str], Any]) -> CausalLM:
    found = load("llama")
    assert isinstance(found, CausalLM)
    return found


def row(head: CausalLM, prompt: str, length: int, sampling: Sampling = GREEDY) -> Row[Generation]:
    return head.generation(head.encode(prompt), length, sampling=sampling)


def alone(head: CausalLM, prompt: str, length: int) -> tuple[int, ...]:
    """What transformers' own `generate` writes."""
    ids = torch.tensor([head.encode(prompt)])
    with torch.inference_mode():
        output = head.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=length,
            do_sample=False,
            pad_token_id=head.pad_token_id,
        )
    return tuple(int(token) for token in output[0, ids.shape[1] :])


@pytest.mark.measured_elsewhere
@given(
    arrivals=st.lists(
        st.tuples(st.integers(0, 12), st.sampled_from(PROMPTS), st.integers(1, 14)), min_size=1, max_size=7
    )
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whoever_joins_when(head: CausalLM, arrivals: list[tuple[int, str, int]]) -> None:
    decoder: RunningBatch[Generation] = RunningBatch(head, frozenset(), lambda: model_runner(head))
    rows = {id(one): (one, prompt, length) for _, prompt, length in arrivals for one in [row(head, prompt, length)]}
    waiting = [(step, one) for (step, _, _), (one, _, _) in zip(arrivals, rows.values(), strict=True)]
    outputs: dict[int, Generated] = {}
    for step in range(40):
        joining = [one for when, one in waiting if when == step]
        outputs |= {id(one): output for one, output in decode_step(decoder, joining)}
    assert len(decoder) == 0
    for key, (_, prompt, length) in rows.items():
        assert outputs[key].ids == alone(head, prompt, length)


def test_a_joining_row_does_not_wait_for_those_under_way(head: CausalLM) -> None:
    decoder: RunningBatch[Generation] = RunningBatch(head, frozenset(), lambda: model_runner(head))
    long, short = row(head, PROMPTS[0], 100), row(head, PROMPTS[1], 3)
    decode_step(decoder, [long])
    decode_step(decoder, [short])
    for _ in range(2):
        done = decode_step(decoder, [])
    assert [one for one, _ in done] == [short]
    assert len(long.progress) == 4


@pytest.mark.parametrize("mark", [Row.abandon, Row.stop])
def test_a_marked_row_leaves_within_a_step_and_keeps_its_text(head: CausalLM, mark: Callable[[Row[Any]], None]) -> None:
    decoder: RunningBatch[Generation] = RunningBatch(head, frozenset(), lambda: model_runner(head))
    rows = [row(head, prompt, 50) for prompt in PROMPTS[:2]]
    decode_step(decoder, rows)
    decode_step(decoder, [])
    mark(rows[0])
    [(left, output)] = decode_step(decoder, [])
    assert left is rows[0]
    assert output == Generated(alone(head, PROMPTS[0], 2), finished=False)
    assert len(decoder) == 1


def test_columns_that_nobody_needs_are_dropped(head: CausalLM) -> None:
    decoder: RunningBatch[Generation] = RunningBatch(head, frozenset(), lambda: model_runner(head))
    wide, narrow = row(head, PROMPTS[4], 2), row(head, PROMPTS[2], 30)
    decode_step(decoder, [wide, narrow])
    decode_step(decoder, [])
    decode_step(decoder, [])
    rows = decoder._runner
    assert isinstance(rows, RaggedRunner)
    [start] = rows._cache.starts
    assert rows._cache.end - start == len(narrow.inputs.prompt) + len(narrow.progress) - 1


def test_a_seeded_row_is_not_changed_by_who_else_is_there(head: CausalLM) -> None:
    sampling = Sampling(1.0, 0.95, 7)
    [before] = run_session(
        RunningBatch(head, frozenset(), lambda: model_runner(head)), [row(head, PROMPTS[1], 12, sampling)]
    )
    decoder: RunningBatch[Generation] = RunningBatch(head, frozenset(), lambda: model_runner(head))
    seeded = row(head, PROMPTS[1], 12, sampling)
    outputs = dict(decode_step(decoder, [row(head, PROMPTS[4], 5, Sampling(1.5, 1.0, 1))]))
    outputs |= decode_step(decoder, [seeded])
    while len(decoder):
        outputs |= decode_step(decoder, [])
    assert outputs[seeded].ids == before.ids


def test_a_sliding_window_keeps_a_batch_together(tmp_path: Path) -> None:
    """Its cache forgets, so that nobody can join; those who began together are written as alone."""
    tokenizer = tiny._byte_level(roberta_specials=False)
    config = transformers.MistralConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        sliding_window=6,
        max_position_embeddings=256,
        initializer_range=0.3,
        eos_token_id=None,  # whatever the random weights write, the text goes on
    )
    tiny._save(tmp_path / "mistral", transformers.MistralForCausalLM(config), tokenizer)
    head = load_head(tmp_path / "mistral", CPU)
    assert isinstance(head, CausalLM)
    decoder: RunningBatch[Generation] = RunningBatch(head, frozenset(), lambda: model_runner(head))
    rows = [row(head, prompt, 6 + 4 * index) for index, prompt in enumerate(PROMPTS[:3])]
    outputs = dict(decode_step(decoder, rows))
    assert not decoder.joinable
    while len(decoder):
        outputs |= decode_step(decoder, [])
    for index, one in enumerate(rows):
        assert outputs[one].ids == alone(head, PROMPTS[index], 6 + 4 * index)

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from bot.inference.heads.causal_lm import CausalLM
from bot.inference.heads.inspection.attention_steps import StepsReading
from bot.inference.heads.inspection.attention_weights import Part
from bot.inference.heads.inspection.hidden_states import Reading
from bot.inference.heads.inspection.worked_attention import Steps
from bot.inference.task import HeadKind
from tests.support import CPU

TEXT = "I love to hate this course, and the coffee was cold."
NAMES = [
    *("distilbert", "roberta", "llama", "gpt2", "t5", "bart", "bart_mnli", "marian", "bert_ner", "minilm", "gemma3"),
]


@pytest.fixture
def head_of(load: Callable[[str], Any]) -> Callable[[str], Any]:
    def head(name: str) -> Any:
        if name != "gemma3":
            return load(name)
        config = transformers.Gemma3TextConfig(
            vocab_size=len(load("llama").tokenizer),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=1,
            head_dim=16,
            query_pre_attn_scalar=25,
            sliding_window=4,
            layer_types=["sliding_attention", "full_attention"],
            initializer_range=0.3,
            attn_implementation="eager",
        )
        with torch.random.fork_rng():
            torch.manual_seed(6)
            model = transformers.Gemma3ForCausalLM(config).eval()
        return CausalLM(model, load("llama").tokenizer, CPU)

    return head


def reading_of(head: Any) -> Reading:
    ids = tuple(head.tokenize(TEXT))
    config = head.model.config
    start = config.decoder_start_token_id if config.is_encoder_decoder else None
    # BART's classifier reads the same text once more.
    further = ids[:-1] if head.kind is HeadKind.SEQUENCE_CLASSIFIER else ids[:5]
    return Reading(ids, None, () if start is None else (start, *further))


def worked(head: Any, reading: Reading, part: Part, layer: int, number: int, query: int) -> Steps:
    [found] = head.attention_steps.run([StepsReading(reading, part, layer, number, query).row])
    assert isinstance(found, Steps)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_weight_as_the_eager_pass_has_it_and_all_that_arrives_sums_to_the_layers_output(
    head_of: Callable[[str], Any], name: str
) -> None:
    head = head_of(name)
    reading = reading_of(head)
    [attentions] = head.attention.run([reading.row])
    assert attentions
    for part, weights in attentions.items():
        layers, heads, queries, _ = weights.shape
        for layer, number, query in product(range(layers), range(heads), (0, 2, queries - 1)):
            found = worked(head, reading, part, layer, number, query)
            row, right = found.row, weights[layer, number, query]
            np.testing.assert_allclose(row.weights, right, atol=2e-6)
            assert found.error < 1e-5
            # By hand, with nothing but what a person is shown.
            products = [np.dot(row.query, key) for key in row.keys]
            scores = np.array(products) * row.scale + (np.array(row.biases) if row.biases else 0)
            scores[~np.array(row.visible)] = -np.inf
            powers = np.exp(scores - scores.max())
            np.testing.assert_allclose(powers / powers.sum(), right, atol=2e-6)
            np.testing.assert_allclose(np.array(row.weights) @ np.array(row.values), row.output, atol=1e-9)
            assert not right[~np.array(row.visible)].any()
            reach = 4 if name == "gemma3" and layer == 0 else len(row.keys)
            assert list(row.visible) == [
                part is not Part.DECODER or query - reach < key <= query for key in range(len(row.keys))
            ]
            assert row.is_rotated == (name in ("llama", "gemma3"))
            assert row.shared_by == {"llama": 2, "gemma3": 4}.get(name, 1)
            assert row.scale == pytest.approx({"t5": 1, "gemma3": 1 / 5}.get(name, len(row.query) ** -0.5))
            assert bool(row.biases) == (name == "t5" and part is not Part.CROSS)


def test_a_model_with_attention_of_its_own_has_no_steps(load: Callable[[str], Any]) -> None:
    head = load("gpt_neo")
    assert head.attention_steps.run([StepsReading(reading_of(head), Part.DECODER, 0).row]) == [None]


def test_what_arrives_is_the_weight_times_the_projected_value(
    load: Callable[[str], Any], checkpoints: Mapping[str, Path]
) -> None:
    head = load("distilbert")
    reading = reading_of(head)
    found = [worked(head, reading, Part.ENCODER, 1, number, 3).row for number in range(4)]
    plain = transformers.AutoModel.from_pretrained(checkpoints["distilbert"])  # ours packs the weights
    matrix = plain.transformer.layer[1].attention.out_lin.weight.detach().double().numpy()
    arriving = sum(
        np.array(row.weights)[:, None] * (np.array(row.values) @ matrix[:, 8 * number : 8 * number + 8].T)
        for number, row in enumerate(found)
    )
    norms = worked(head, reading, Part.ENCODER, 1, 0, 3).norms[3]
    np.testing.assert_allclose(norms, np.linalg.norm(arriving, axis=1), rtol=1e-5)


def test_no_hook_stays_and_the_model_attends_as_before(load: Callable[[str], Any]) -> None:
    head = load("llama")
    reading = reading_of(head)
    before = [(len(one._forward_hooks), len(one._forward_pre_hooks)) for one in head.model.modules()]
    name = head.model.config._attn_implementation
    worked(head, reading, Part.DECODER, 0, 0, 3)
    assert [(len(one._forward_hooks), len(one._forward_pre_hooks)) for one in head.model.modules()] == before
    assert head.model.config._attn_implementation == name


def test_the_bias_is_a_part_of_the_layers_output(load: Callable[[str], Any], checkpoints: Mapping[str, Path]) -> None:
    model = transformers.GPT2LMHeadModel.from_pretrained(checkpoints["gpt2"]).eval()
    with torch.random.fork_rng():
        torch.manual_seed(1)
        for block in model.transformer.h:  # a new model has zeros
            block.attn.c_proj.bias.data.normal_()
    head = CausalLM(model, load("gpt2").tokenizer, CPU)
    assert worked(head, reading_of(head), Part.DECODER, 1, 0, 2).error < 1e-5

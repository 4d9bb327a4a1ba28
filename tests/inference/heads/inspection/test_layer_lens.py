"""Predictions after each layer, and what each layer adds, against a calculation of our own in float64."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from bot.inference.heads.causal_lm import CausalLM
from bot.inference.heads.inspection.final_norm import FinalNorm
from bot.inference.heads.inspection.layer_lens import Lens, LensReading
from bot.inference.operations import run_task
from tests.support import CPU

TEXT = "This movie was so inspiring! The actors were wonderful."
DECODER_IDS = (2, 7, 11)
CAUSAL, REWRITING = transformers.AutoModelForCausalLM, transformers.AutoModelForSeq2SeqLM
CLASSIFYING, MASKED = transformers.AutoModelForSequenceClassification, transformers.AutoModelForMaskedLM
KINDS = {
    "llama": CAUSAL,
    "gpt2": CAUSAL,
    "gpt_neo": CAUSAL,
    "t5": REWRITING,
    "m2m100": REWRITING,
    "nllb": REWRITING,
    "marian": REWRITING,
    "bart": REWRITING,
    "roberta": MASKED,
    "bert": MASKED,
    "distilbert": CLASSIFYING,
    "bert_sentiment": CLASSIFYING,
    "bart_mnli": CLASSIFYING,
}
NORMS = {
    "llama": "model.norm",
    "gpt2": "transformer.ln_f",
    "gpt_neo": "transformer.ln_f",
    "t5": "decoder.final_layer_norm",
    "m2m100": "model.decoder.layer_norm",
    "nllb": "model.decoder.layer_norm",
}
"""The final normalisation of those that have one."""
POSITION = 2


def looked(head: Any, name: str, position: int = POSITION, **options: Any) -> Lens:
    ids = head.tokenize(TEXT)
    row = head.reading(ids, decoder_ids=DECODER_IDS if KINDS.get(name) is REWRITING else ())
    [found] = run_task(head.lens([LensReading(row.inputs, position, **options).row]))
    assert isinstance(found, Lens)
    return found


class Directly:
    """transformers in float64, layer by layer."""

    def __init__(self, name: str, folder: Path, ids: list[int]) -> None:
        model: Any = KINDS[name].from_pretrained(folder).double().eval()
        decoder = {"decoder_input_ids": torch.tensor([DECODER_IDS])} if KINDS[name] is REWRITING else {}
        read: list[Any] = []
        if name in NORMS:
            model.get_submodule(NORMS[name]).register_forward_hook(
                lambda module, arguments, output: read.append(arguments[0])
            )
        with torch.inference_mode():
            output = model(input_ids=torch.tensor([ids]), output_hidden_states=True, **decoder)
        states = output.get("decoder_hidden_states") or output.hidden_states
        self.states = torch.stack([*states[:-1], read[0] if read else states[-1]])[:, 0]
        self.logits = output.logits[0]
        self.model = model

    def tail(self, name: str, states: torch.Tensor) -> torch.Tensor:
        """The logits of states, (rows, hidden), of a model with a final normalisation."""
        with torch.inference_mode():
            normalised = self.model.get_submodule(NORMS[name])(states)
            logits: torch.Tensor = self.model.get_output_embeddings()(normalised * self.factor)
            return logits

    @property
    def factor(self) -> float:
        """T5 with tied embeddings makes its output smaller; the others do not."""
        config = self.model.config
        return config.d_model**-0.5 if getattr(config, "scale_decoder_outputs", False) else 1.0

    def shares(self, name: str, position: int, token: int, other: int) -> np.ndarray:
        """What each layer adds to the difference of two logits."""
        norm, states = self.model.get_submodule(NORMS[name]), self.states[:, position].detach()
        added = torch.diff(states, dim=0, prepend=torch.zeros_like(states[:1]))
        if isinstance(norm, torch.nn.LayerNorm):
            added = added - added.mean(dim=-1, keepdim=True)
            size = (states[-1].var(unbiased=False) + norm.eps).sqrt()
        else:
            size = (states[-1].square().mean() + norm.variance_epsilon).sqrt()
        weight = self.model.get_output_embeddings().weight
        direction = (weight[token] - weight[other]) * self.factor
        shares: np.ndarray = ((norm.weight * added / size) @ direction).detach().numpy()
        return shares


@pytest.mark.parametrize("name", KINDS)
def test_the_last_layer_predicts_what_the_model_predicts(
    name: str, load: Callable[[str], Any], checkpoints: Mapping[str, Path]
) -> None:
    head = load(name)
    found = looked(head, name)
    logits = Directly(name, checkpoints[name], head.tokenize(TEXT)).logits
    right = logits[POSITION] if logits.ndim == 2 else logits
    probs = right.softmax(dim=-1)
    first, second = right.topk(2).indices.tolist()
    assert (found.token, found.other, found.likeliest[-1]) == (first, second, first)
    assert found.probs[-1] == pytest.approx(float(probs[first]), abs=1e-5)
    assert found.likeliest_probs[-1] == pytest.approx(float(probs[first]), abs=1e-5)
    assert found.differences[-1] == pytest.approx(float(right[first] - right[second]), abs=1e-4)
    assert found.difference == pytest.approx(found.differences[-1], abs=1e-4)
    assert len(found.differences) == len(found.shares) == len(found.probs) == len(found.likeliest) == 3


@pytest.mark.parametrize("name", KINDS)
def test_the_shares_sum_to_the_difference(name: str, load: Callable[[str], Any]) -> None:
    found = looked(load(name), name)
    assert found.shares.sum() + found.rest == pytest.approx(found.difference, abs=1e-4)
    assert found.is_direct == (name in NORMS)
    if not found.is_direct:
        assert np.cumsum(found.shares) == pytest.approx(found.differences)


@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize("position", [1, -1])
def test_each_layer_by_itself(
    name: str, position: int, load: Callable[[str], Any], checkpoints: Mapping[str, Path]
) -> None:
    head = load(name)
    found = looked(head, name, position, token=9, other=31)
    assert (found.token, found.other) == (9, 31)
    directly = Directly(name, checkpoints[name], head.tokenize(TEXT))
    logits = directly.tail(name, directly.states[:, position])
    assert found.likeliest.tolist() == logits.argmax(dim=-1).tolist()
    assert found.probs == pytest.approx(logits.softmax(dim=-1)[:, 9].numpy(), abs=1e-5)
    assert found.differences == pytest.approx((logits[:, 9] - logits[:, 31]).numpy(), abs=1e-4)
    assert found.shares == pytest.approx(directly.shares(name, position, 9, 31), abs=1e-4)


@pytest.mark.parametrize("name", ["llama", "gpt2", "bart", "distilbert"])
def test_looking_changes_nothing(name: str, load: Callable[[str], Any]) -> None:
    head = load(name)
    row = head.reading(head.tokenize(TEXT), decoder_ids=DECODER_IDS if KINDS[name] is REWRITING else ())
    [before] = run_task(head.observe([row]))
    hooks = [(len(one._forward_hooks), len(one._forward_pre_hooks)) for one in head.model.modules()]
    first, second = looked(head, name), looked(head, name)
    assert [(len(one._forward_hooks), len(one._forward_pre_hooks)) for one in head.model.modules()] == hooks
    [after] = run_task(head.observe([row]))
    assert before.stacks == after.stacks
    np.testing.assert_array_equal(first.shares, second.shares)


def test_gemma_which_adds_one_to_its_weights(load: Callable[[str], Any]) -> None:
    config = transformers.Gemma3TextConfig(
        vocab_size=len(load("llama").tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        sliding_window=4,
        layer_types=["sliding_attention", "sliding_attention", "full_attention"],
    )
    torch.manual_seed(0)
    model = transformers.Gemma3ForCausalLM(config).eval()
    model.model.norm.weight.data.normal_()  # a new model has zeros
    found = looked(CausalLM(model, load("llama").tokenizer, CPU), "gemma")
    assert found.is_direct
    assert found.shares.sum() == pytest.approx(found.difference, abs=1e-5)
    assert found.rest == pytest.approx(0, abs=1e-5)


def test_a_normalisation_of_another_kind_is_not_taken_for_one_of_these() -> None:
    vector = torch.linspace(-1, 2, 32)
    norm = torch.nn.LayerNorm(32)
    assert FinalNorm.of(norm, vector, norm(vector).detach()) is not None
    assert FinalNorm.of(norm, vector, torch.tanh(vector)) is None
    assert FinalNorm.of(torch.nn.Tanh(), vector, torch.tanh(vector)) is None

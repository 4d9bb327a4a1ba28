"""What is seen in a forward pass, against transformers run directly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from bot.inference.checkpoints.loading import load_head
from bot.inference.compute.device import Device
from bot.inference.heads.sequence_classifier import SequenceClassifier
from bot.inference.operations import Row, run_task
from tests.support import CPU, run_together

TEXT = "This movie was so inspiring! The actors were wonderful."
KINDS = {
    "distilbert": transformers.AutoModelForSequenceClassification,
    "bart_mnli": transformers.AutoModelForSequenceClassification,
    "roberta": transformers.AutoModelForMaskedLM,
    "llama": transformers.AutoModelForCausalLM,
    "gpt2": transformers.AutoModelForCausalLM,
    "t5": transformers.AutoModelForSeq2SeqLM,
    "marian": transformers.AutoModelForSeq2SeqLM,
    "m2m100": transformers.AutoModelForSeq2SeqLM,
    "nllb": transformers.AutoModelForSeq2SeqLM,
}
NORMALISED: dict[str, Any] = {}
"""What the final normalisation of each part was given, and what it returned, in the last pass of `directly`."""
WRITE = {"t5", "marian", "m2m100", "nllb"}
"""Those whose decoder is given something to read."""
DECODER_IDS = (2, 7, 11)


def reading(name: str, head: Any, **options: Any) -> Row[Any]:
    row: Row[Any] = head.reading(head.tokenize(TEXT), decoder_ids=DECODER_IDS if name in WRITE else (), **options)
    return row


@torch.inference_mode()
def directly(name: str, folder: Path, ids: list[int]) -> Any:
    """transformers' own output."""
    decoder = {"decoder_input_ids": torch.tensor([DECODER_IDS])} if name in WRITE else {}
    model = KINDS[name].from_pretrained(folder).eval()
    for part, final in FINAL_NORMS.get(name, {}).items():
        model.get_submodule(final).register_forward_hook(
            lambda module, arguments, output, part=part: NORMALISED.update({part: (arguments[0], output)})
        )
    return model(input_ids=torch.tensor([ids]), output_hidden_states=True, **decoder)


FINAL_NORMS = {
    "llama": {"": "model.norm"},
    "gpt2": {"": "transformer.ln_f"},
    "t5": {"encoder": "encoder.final_layer_norm", "decoder": "decoder.final_layer_norm"},
    "m2m100": {"encoder": "model.encoder.layer_norm", "decoder": "model.decoder.layer_norm"},
    "nllb": {"encoder": "model.encoder.layer_norm", "decoder": "model.decoder.layer_norm"},
}
"""Of the models whose last layer's output is normalised once more: the module that does so, by the part."""


def lengths(states: torch.Tensor) -> list[float]:
    """The median length of a token's vector, the first one's left out, and the first one's."""
    found = torch.linalg.vector_norm(states[0], dim=-1).numpy()
    return [float(np.median(found[1:])), float(found[0])]


@pytest.mark.parametrize("name", KINDS)
def test_layers_as_transformers_has_them(
    name: str, load: Callable[[str], Any], checkpoints: Mapping[str, Path]
) -> None:
    head = load(name)
    [observed] = run_task(head.observe([reading(name, head)]))
    right = directly(name, checkpoints[name], head.tokenize(TEXT))
    if head.model.config.is_encoder_decoder:
        expected = {"encoder": right.encoder_hidden_states, "decoder": right.decoder_hidden_states}
    else:
        expected = {"": right.hidden_states}
    assert [one.part for one in observed.stacks] == list(expected)
    for stack in observed.stacks:
        assert stack.shape == tuple(expected[stack.part][-1].shape)
        *earlier, last = expected[stack.part]
        if name in FINAL_NORMS:
            last, normalised = NORMALISED[stack.part]
            assert stack.normalised == pytest.approx(lengths(normalised), rel=1e-6)
        else:
            assert stack.normalised is None
        right_lengths = [lengths(one) for one in (*earlier, last)]
        assert len(right_lengths) == 3  # the embeddings and two layers
        assert stack.norms == pytest.approx([one[0] for one in right_lengths], rel=1e-6)
        assert stack.first == pytest.approx([one[1] for one in right_lengths], rel=1e-6)


@pytest.mark.parametrize("name", ["distilbert", "bart_mnli"])
def test_logits_of_a_classifier(name: str, load: Callable[[str], Any], checkpoints: Mapping[str, Path]) -> None:
    head = load(name)
    [observed] = run_task(head.observe([reading(name, head)]))
    right = directly(name, checkpoints[name], head.tokenize(TEXT)).logits[0]
    np.testing.assert_allclose(observed.logits, right, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["roberta", "llama", "t5"])
def test_logits_at_chosen_places(name: str, load: Callable[[str], Any], checkpoints: Mapping[str, Path]) -> None:
    head = load(name)
    [unasked] = run_task(head.observe([reading(name, head)]))
    assert unasked.logits is None
    [observed] = run_task(head.observe([reading(name, head, positions=[2, 0])]))
    right = directly(name, checkpoints[name], head.tokenize(TEXT)).logits[0, [2, 0]]
    np.testing.assert_allclose(observed.logits, right, rtol=1e-5, atol=1e-5)
    assert observed.logits.dtype == np.float32


def test_each_row_is_read_alone(load: Callable[[str], Any]) -> None:
    head = load("distilbert")
    texts = ["Great.", TEXT]
    rows = [head.reading(head.tokenize(text)) for text in texts]
    together = run_together(*(head.observe([row]) for row in rows))
    for text, row, [observed] in zip(texts, rows, together, strict=True):
        assert observed.stacks[0].shape == (1, len(head.tokenize(text)), 32)
        assert observed.stacks == run_task(head.observe([row]))[0].stacks


def test_which_text_a_token_belongs_to(load: Callable[[str], Any]) -> None:
    config = transformers.BertConfig(
        vocab_size=300, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4
    )
    model = transformers.BertForSequenceClassification(config).eval()
    head = SequenceClassifier(model, load("distilbert").tokenizer, CPU)
    ids, types = [2, 10, 3, 20, 3], [0, 0, 0, 1, 1]
    [untyped, typed] = run_task(head.observe([head.reading(ids), head.reading(ids, type_ids=types)]))
    with torch.inference_mode():
        right = model(torch.tensor([ids]), token_type_ids=torch.tensor([types])).logits[0]
    assert typed.logits is not None
    assert untyped.logits is not None
    np.testing.assert_allclose(typed.logits, right, atol=1e-6)
    assert not np.allclose(typed.logits, untyped.logits, atol=1e-6)


@pytest.mark.parametrize("name", ["distilbert", "llama"])
def test_packed_weights(name: str, load: Callable[[str], Any], checkpoints: Mapping[str, Path]) -> None:
    packed = load_head(checkpoints[name], Device("cpu", "bfloat16"))
    [rounded] = run_task(packed.observe([reading(name, packed)]))
    [exact] = run_task(load(name).observe([reading(name, packed)]))
    assert rounded.stacks[0].shape == exact.stacks[0].shape
    assert rounded.stacks[0].norms == pytest.approx(exact.stacks[0].norms, rel=0.03)
    assert rounded.stacks[0].norms != exact.stacks[0].norms

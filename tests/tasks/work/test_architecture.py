"""Whatever a configuration calls its sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import transformers

from bot.inference.checkpoints.catalogue import Family
from bot.inference.heads.causal_lm import CausalLM
from bot.inference.heads.masked_lm import MaskedLM
from bot.inference.heads.seq2seq_lm import Seq2SeqLM
from bot.inference.heads.sequence_classifier import SequenceClassifier
from bot.tasks.work.reading import model_page
from tests.support import CPU
from tests.tasks.work.page_objects import Architecture
from tests.tiny import LONG_CONTEXT, SHORT_CONTEXT

NAMES = {Family.ENCODER: "encoder", Family.DECODER: "decoder", Family.ENCODER_DECODER: "encoder-decoder"}


@pytest.mark.parametrize(
    ("name", "family", "model_type", "context"),
    [
        ("distilbert", Family.ENCODER, "distilbert", SHORT_CONTEXT),
        ("roberta", Family.ENCODER, "roberta", SHORT_CONTEXT),
        ("bart_mnli", Family.ENCODER_DECODER, "bart", SHORT_CONTEXT),
        ("llama", Family.DECODER, "llama", LONG_CONTEXT),
        ("t5", Family.ENCODER_DECODER, "t5", SHORT_CONTEXT),
        ("marian", Family.ENCODER_DECODER, "marian", SHORT_CONTEXT),
        ("m2m100", Family.ENCODER_DECODER, "m2m_100", SHORT_CONTEXT),
        ("nllb", Family.ENCODER_DECODER, "m2m_100", SHORT_CONTEXT),
    ],
)
def test_of_tiny_checkpoints(
    name: str,
    family: Family,
    model_type: str,
    context: int,
    load: Callable[[str], Any],
    checkpoints: Mapping[str, Path],
) -> None:
    config = transformers.AutoConfig.from_pretrained(checkpoints[name])
    found = Architecture(model_page(load(name)))
    assert vars(found) == {
        "family": NAMES[family],
        "model_type": model_type,
        "layers": 2,
        "decoder_layers": 2 if family is Family.ENCODER_DECODER else 0,
        "heads": 4,
        "hidden_size": 32,
        "parameters": load(name).parameters,
        "vocabulary": config.vocab_size,
        "context": context,
    }


SIZES: dict[str, Any] = {
    "vocab_size": 300,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
}
GPT2: dict[str, Any] = {
    "vocab_size": 300,
    "n_embd": 32,
    "n_layer": 3,
    "n_head": 4,
    "bos_token_id": 1,
    "eos_token_id": 1,
}


@pytest.mark.parametrize(
    ("head", "model", "config", "family"),
    [
        (MaskedLM, transformers.BertForMaskedLM, transformers.BertConfig(**SIZES), Family.ENCODER),
        (CausalLM, transformers.BertLMHeadModel, transformers.BertConfig(**SIZES, is_decoder=True), Family.DECODER),
        (CausalLM, transformers.GPT2LMHeadModel, transformers.GPT2Config(**GPT2), Family.DECODER),
        (
            SequenceClassifier,
            transformers.GPT2ForSequenceClassification,
            transformers.GPT2Config(**GPT2),
            Family.DECODER,
        ),
        (
            CausalLM,
            transformers.Gemma3ForCausalLM,
            transformers.Gemma3TextConfig(**SIZES, num_key_value_heads=2, head_dim=8, pad_token_id=0),
            Family.DECODER,
        ),
    ],
    ids=["bert", "bert-decoder", "gpt2", "gpt2-classifier", "gemma3"],
)
def test_of_other_architectures(head: Any, model: Any, config: Any, family: Family, load: Callable[[str], Any]) -> None:
    found = Architecture(model_page(head(model(config), load("distilbert").tokenizer, CPU)))
    assert (found.family, found.layers, found.decoder_layers) == (NAMES[family], 3, 0)
    assert (found.heads, found.hidden_size, found.vocabulary) == (4, 32, 300)


def test_a_decoder_that_is_deeper_than_its_encoder(load: Callable[[str], Any]) -> None:
    sizes: dict[str, Any] = {"vocab_size": 300, "d_model": 32, "pad_token_id": 0, "decoder_start_token_id": 0}
    t5 = transformers.T5Config(**sizes, d_kv=8, d_ff=64, num_layers=1, num_decoder_layers=3, num_heads=4)
    bart = transformers.BartConfig(
        **sizes,
        encoder_layers=1,
        decoder_layers=3,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
    )
    for model in (transformers.T5ForConditionalGeneration(t5), transformers.BartForConditionalGeneration(bart)):
        found = Architecture(model_page(Seq2SeqLM(model, load("t5").tokenizer, CPU)))
        assert (found.family, found.layers, found.decoder_layers) == ("encoder-decoder", 1, 3)

"""Reads a model's architecture and layers from a checkpoint's configuration."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import describe
from bot.inference.checkpoints.catalogue import Family
from bot.inference.checkpoints.description import Anatomy, Layer, Stack
from bot.inference.checkpoints.meta_model import meta_model

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedConfig, PreTrainedModel

log = logging.getLogger(__name__)

_CLASSIFIERS = ("ForSequenceClassification", "ForTokenClassification")
_LANGUAGE_MODELS = ("ForCausalLM", "LMHeadModel")
_LEFT_OUT = frozenset({"Dropout", "Identity"})
"""Modules that do nothing at inference."""


def read_anatomy(folder: Path) -> Anatomy | None:
    """Describe the model in a folder; return None if its `config.json` cannot be read.

    The first model of an architecture takes some tenths of a second. Uses no network, and no code from the folder.
    """
    import transformers

    try:
        config: PreTrainedConfig = transformers.AutoConfig.from_pretrained(
            folder, trust_remote_code=False, local_files_only=True
        )
        architecture = str((config.architectures or [""])[0])
        return _anatomy(config, architecture, meta_model(folder, config))
    except Exception as error:
        log.info("the configuration of a checkpoint could not be read: %s", describe(error))
        return None


def family_of(config: PreTrainedConfig, architecture: str) -> Family:
    """Return the family of a model whose checkpoint was saved from the class `architecture`."""
    from transformers.models.auto import modeling_auto

    if config.is_encoder_decoder:
        return Family.ENCODER_DECODER
    is_causal = config.model_type in modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    is_masked = config.model_type in modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES  # BERT is both, and an encoder
    is_decoder = (is_causal and not is_masked) or architecture.endswith(_LANGUAGE_MODELS)
    return Family.DECODER if is_decoder else Family.ENCODER


def layers_of(model: nn.Module, name: str = "model") -> Layer:
    """Return a model's modules as a tree, without those that do nothing; runs of equal ones are folded into one."""
    parts = (
        layers_of(part, part_name)
        for part_name, part in model._modules.items()  # named_children() leaves out what stands in two places
        if part is not None and type(part).__name__ not in _LEFT_OUT
    )
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return Layer(name, type(model).__name__, _detail(model), 1, parameters, tuple(_folded(parts)))


def _anatomy(config: PreTrainedConfig, architecture: str, model: PreTrainedModel | None) -> Anatomy:
    family = family_of(config, architecture)
    text = config.get_text_config()
    labels = config.num_labels if architecture.endswith(_CLASSIFIERS) else 0
    return Anatomy(
        architecture=architecture or "unknown",
        model_type=str(config.model_type),
        family=family,
        stacks=tuple(_stacks(text, family)),
        hidden_size=_first(text, "hidden_size", "d_model"),
        activation=_activation(text),
        positions=None if model is None else _positions(model, text),
        longest=_first(text, "max_position_embeddings"),
        window=_first(text, "sliding_window", "local_attention"),
        vocabulary=_first(text, "vocab_size"),
        labels=tuple(str(config.id2label[index]) for index in range(labels)),
        parameters=None if model is None else sum(parameter.numel() for parameter in model.parameters()),
        tied=None if model is None else _tied(model),
        layers=None if model is None else layers_of(model),
    )


def _stacks(config: PreTrainedConfig, family: Family) -> Iterator[Stack]:
    if family is not Family.ENCODER_DECODER:
        yield Stack(
            name=family.value,
            layers=_first(config, "num_hidden_layers"),
            heads=_first(config, "num_attention_heads"),
            key_value_heads=_first(config, "num_key_value_heads"),
            feed_forward=_first(config, "intermediate_size", "hidden_dim", "ffn_dim", "n_inner"),
        )
        return
    for name, layers in (("encoder", "num_layers"), ("decoder", "num_decoder_layers")):
        yield Stack(
            name=name,
            layers=_first(config, f"{name}_layers", layers, "num_hidden_layers"),
            heads=_first(config, f"{name}_attention_heads", "num_heads", "num_attention_heads"),
            key_value_heads=None,
            feed_forward=_first(config, f"{name}_ffn_dim", "d_ff", "intermediate_size"),
        )


def _first(config: PreTrainedConfig, *names: str) -> int | None:
    """Return the first attribute that is a number, because architectures name the same size differently."""
    values = (getattr(config, name, None) for name in names)
    return next((value for value in values if type(value) is int), None)


def _activation(config: PreTrainedConfig) -> str | None:
    names = ("hidden_act", "hidden_activation", "activation_function", "activation", "dense_act_fn")
    found = next((value for name in names if isinstance(value := getattr(config, name, None), str)), None)
    return f"gated {found}" if found and getattr(config, "is_gated_act", False) else found


def _positions(model: PreTrainedModel, config: PreTrainedConfig) -> str | None:
    """Return the kind of position embeddings, judging by the names of the modules."""
    kinds = {type(module).__name__ for module in model.modules()}
    names = {name.rpartition(".")[2] for name, _ in model.named_modules()}
    if any("Rotary" in kind for kind in kinds):
        return "rotary (RoPE)"
    if any("Sinusoidal" in kind for kind in kinds) or getattr(config, "sinusoidal_pos_embds", False):
        return "sinusoidal, fixed"
    if "relative_attention_bias" in names:
        return "relative, learned for distances"
    if any("PositionalEmbedding" in kind for kind in kinds) or names & {"position_embeddings", "wpe"}:
        return "learned, one for each position"
    return None


def _tied(model: PreTrainedModel) -> bool | None:
    output = model.get_output_embeddings()
    return None if output is None else output.weight is model.get_input_embeddings().weight


def _folded(layers: Iterable[Layer]) -> Iterator[Layer]:
    """Fold numbered layers that are equal and follow each other into one."""
    numbered = ((replace(layer, name=""), layer.name) for layer in layers)
    for (shape, _), group in groupby(numbered, key=lambda pair: (pair[0], pair[1] if not pair[1].isdigit() else "")):
        names = [name for _, name in group]
        yield replace(shape, name=names[0] if len(names) == 1 else f"{names[0]}-{names[-1]}", count=len(names))


def _detail(module: nn.Module) -> str:
    """Return the sizes of the usual layers, in short."""
    from torch import nn

    match module:
        case nn.Linear():
            bias = ", no bias" if module._parameters["bias"] is None else ""
            return f"{module.in_features} → {module.out_features}{bias}"
        case nn.Embedding():
            return f"{module.num_embeddings} × {module.embedding_dim}"
    if "Norm" in type(module).__name__ and isinstance(weight := getattr(module, "weight", None), nn.Parameter):
        return " × ".join(map(str, weight.shape))
    return ""

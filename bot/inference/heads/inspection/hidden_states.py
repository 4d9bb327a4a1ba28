"""Hidden states by layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.utils import ModelOutput

from bot.inference.heads.checkpoint import Checkpoint
from bot.inference.heads.stacks import hooked, layers_of, states_of
from bot.inference.operations import Budget, Operation, Row
from bot.inference.soundness import none_above
from bot.inference.task import HeadKind


@dataclass(frozen=True)
class Reading:
    """The input of an inspected forward pass, as token ids."""

    ids: tuple[int, ...]
    """Special tokens included."""
    type_ids: tuple[int, ...] | None = None
    """Which of two texts each token belongs to; None if the model doesn't ask."""
    decoder_ids: tuple[int, ...] = ()
    """The decoder's input, its start included; empty if there is no decoder, or if it makes its input of `ids`."""
    positions: tuple[int, ...] = ()
    """Tokens at which logits are wanted, of heads that have some for every token; the decoder's, if there is one."""

    @property
    def row(self) -> Row[Reading]:
        """A row for `observe` or `attention`."""
        return Row(self, len(self.ids) + len(self.decoder_ids))


@dataclass(frozen=True)
class LayerStates:
    """The hidden states of a stack of layers."""

    part: str
    """`encoder` or `decoder` if the model has both, else empty."""
    shape: tuple[int, int, int]
    """Of `last_hidden_state`: (1, tokens, hidden size)."""
    norms: tuple[float, ...]
    """The Euclidean norm of a token's vector: of the embeddings, then after each layer, before any final normalisation.
    A median over the tokens behind the first one, whose vector may be a hundred times longer."""
    first: tuple[float, ...] = ()
    """The same of the first token."""
    normalised: tuple[float, float] | None = None
    """Both after the final normalisation; None if the model has none."""


@dataclass(frozen=True)
class Observed:
    """The hidden states and logits of a forward pass."""

    stacks: tuple[LayerStates, ...]
    """The encoder's first, if there are two."""
    logits: npt.NDArray[np.float32] | None
    """float32: (labels,) of a sequence classifier, (positions, labels or vocabulary) of a head that has logits for
    every token. None if the head has none, or none were asked for."""


def observation(checkpoint: Checkpoint, kind: HeadKind) -> Operation[Reading, Observed]:
    """Make the operation that outputs hidden states. Every row has a forward pass of its own, so none is padded."""

    @torch.inference_mode()
    def run(rows: Sequence[Row[Reading]]) -> list[Observed]:
        return [_observe(checkpoint, kind, row.inputs) for row in rows]

    return Operation("observe", run, Budget(padded_tokens=checkpoint.context_length, rows=1), is_sound=none_above)


def _observe(checkpoint: Checkpoint, kind: HeadKind, reading: Reading) -> Observed:
    options: dict[str, object] = {"output_hidden_states": True}
    positions = checkpoint.tensor(reading.positions) if reading.positions else None
    if kind is HeadKind.CAUSAL_LM:
        options["logits_to_keep"] = 1 if positions is None else positions
    if kind in (HeadKind.CAUSAL_LM, HeadKind.SEQ2SEQ_LM):
        options["use_cache"] = False
    inputs = checkpoint.inputs(reading.ids, reading.type_ids, reading.decoder_ids)
    output, last = _with_last_layers(checkpoint.model, inputs | options)
    if "encoder_hidden_states" in output:
        states = {"encoder": output.encoder_hidden_states, "decoder": output.decoder_hidden_states}
    else:
        states = {"": output.hidden_states}
    logits = output.get("logits")
    if logits is not None and logits.ndim == 3:  # (1, tokens, labels or vocabulary)
        if positions is None:  # a vocabulary is wide, so none are kept unasked
            logits = None
        elif kind is not HeadKind.CAUSAL_LM:  # which has computed no others
            logits = logits[:, positions]
    numbers = None if logits is None else logits[0].float().cpu().numpy()
    stacks = (_layer_states(part, found, last.get(part)) for part, found in states.items())
    return Observed(tuple(stacks), numbers)


def _with_last_layers(
    model: PreTrainedModel, inputs: Mapping[str, object]
) -> tuple[ModelOutput, dict[str, torch.Tensor]]:
    """Run a model; return its output, and that of the last layer of each stack, which it does not report."""
    last: dict[str, torch.Tensor] = {}

    def keeping(part: str) -> Callable[..., None]:
        def keep(module: nn.Module, arguments: object, output: object) -> None:
            last[part] = states_of(output)

        return keep

    parts = ("encoder", "decoder") if model.config.is_encoder_decoder else ("",)
    found = [(part, layers_of(model, part)) for part in parts]
    with hooked([(layers[-1], keeping(part)) for part, layers in found if layers]):
        return model(**inputs), last


def _layer_states(part: str, states: Sequence[torch.Tensor], last: torch.Tensor | None) -> LayerStates:
    """Describe a stack by its `hidden_states`, the last of which is normalised if the model does so."""
    shape = states[-1].shape
    end = states[-1] if last is None or last.shape != shape else last
    is_normalised = not torch.equal(end, states[-1])
    lengths = [layer[0].float().norm(dim=-1) for layer in (*states[:-1], end)]
    norms, first = zip(*map(_median_and_first, lengths), strict=True)
    normalised = _median_and_first(states[-1][0].float().norm(dim=-1)) if is_normalised else None
    return LayerStates(part, (shape[0], shape[1], shape[2]), norms, first, normalised)


def _median_and_first(lengths: torch.Tensor) -> tuple[float, float]:
    """Return the median of all but the first of some numbers, and the first; a single one is both."""
    # torch's own median takes the lower of the two in the middle.
    return float((lengths[1:] if len(lengths) > 1 else lengths).quantile(0.5)), float(lengths[0])

"""Hidden states by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import starmap

import numpy as np
import numpy.typing as npt
import torch

from bot.inference.heads.checkpoint import Checkpoint
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
    """The mean Euclidean norm of a token's vector in each of the model's `hidden_states`: of the embeddings, then after
    each layer. Models that normalise their output do so in the last."""


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
    output = checkpoint.model(**checkpoint.inputs(reading.ids, reading.type_ids, reading.decoder_ids), **options)
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
    return Observed(tuple(starmap(_layer_states, states.items())), numbers)


def _layer_states(part: str, states: Sequence[torch.Tensor]) -> LayerStates:
    batch, tokens, size = states[-1].shape
    norms = torch.stack([layer.float().norm(dim=-1).mean() for layer in states])
    return LayerStates(part, (batch, tokens, size), tuple(norms.tolist()))

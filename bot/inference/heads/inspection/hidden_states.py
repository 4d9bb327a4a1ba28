"""Hidden states: what each layer makes of the tokens."""

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
    """What a model reads while its layers are watched, as token ids.

    Attributes:
        ids: the input, special tokens included.
        type_ids: which of two texts each token belongs to; None if the model doesn't ask.
        decoder_ids: what the decoder of an encoder-decoder language model reads, its start included; empty for all
            other heads (a classifier makes its decoder's input itself).
        positions: the tokens at which logits are wanted, of heads that have logits for every token (the decoder's
            tokens, if there is one). Vocabularies are wide, so none are kept unasked.
    """

    ids: tuple[int, ...]
    type_ids: tuple[int, ...] | None = None
    decoder_ids: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()


@dataclass(frozen=True)
class LayerStates:
    """What a stack of layers made of the tokens.

    Attributes:
        part: "encoder" or "decoder" if the model has both, else "".
        shape: of `last_hidden_state`: (1, tokens, hidden size).
        norms: the mean Euclidean norm of a token's vector in each of the model's `hidden_states`: of the embeddings,
            then after each layer. Models that normalise their output do so in the last.
    """

    part: str
    shape: tuple[int, int, int]
    norms: tuple[float, ...]


@dataclass(frozen=True)
class Observed:
    """What was seen in a forward pass.

    Attributes:
        stacks: the encoder's first, if there are two.
        logits: float32: (labels,) of a sequence classifier, (positions, labels or vocabulary) of a head that has logits
            for every token. None if the head has none, or none were asked for.
    """

    stacks: tuple[LayerStates, ...]
    logits: npt.NDArray[np.float32] | None


def observation(checkpoint: Checkpoint, kind: HeadKind) -> Operation[Reading, Observed]:
    """Make the operation that watches a head's model. Every row has a forward pass of its own, so none is padded."""

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
        if positions is None:
            logits = None
        elif kind is not HeadKind.CAUSAL_LM:  # which has computed no others
            logits = logits[:, positions]
    numbers = None if logits is None else logits[0].float().cpu().numpy()
    return Observed(tuple(starmap(_layer_states, states.items())), numbers)


def _layer_states(part: str, states: Sequence[torch.Tensor]) -> LayerStates:
    batch, tokens, size = states[-1].shape
    norms = torch.stack([one.float().norm(dim=-1).mean() for one in states])
    return LayerStates(part, (batch, tokens, size), tuple(norms.tolist()))

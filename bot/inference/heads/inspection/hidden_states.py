"""Looking into a forward pass: what each layer makes of the tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import starmap
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from bot.inference.operations import Budget, Operation, Row
from bot.inference.soundness import none_above
from bot.inference.task import HeadKind

if TYPE_CHECKING:
    from bot.inference.heads.head import Head


@dataclass(frozen=True)
class Reading:
    """What a model is to read while it is watched, as token ids.

    Attributes:
        ids: the input, special tokens included.
        type_ids: which of two texts each token belongs to; None where the model does not ask.
        decoder_ids: what the decoder of an encoder-decoder language model reads, its start included; empty for all
            other heads (a classifier's decoder is given its input by the model itself).
        positions: at which tokens logits are wanted, of heads that have logits for every token (of the decoder's tokens
            where there is one). Vocabularies are wide, so none are kept unasked.
    """

    ids: tuple[int, ...]
    type_ids: tuple[int, ...] | None = None
    decoder_ids: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()


@dataclass(frozen=True)
class LayerStates:
    """What a stack of layers made of the tokens.

    Attributes:
        part: "encoder" or "decoder" where the model has both, else "".
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
        stacks: the encoder's first where there are two.
        logits: float32: (labels,) of a sequence classifier, (positions, labels or vocabulary) of a head that has logits
            for every token. None where the head has none, or none were asked for.
    """

    stacks: tuple[LayerStates, ...]
    logits: npt.NDArray[np.float32] | None


def observation(head: Head) -> Operation[Reading, Observed]:
    """The operation that watches a head's model. Every row has a forward pass of its own, so none is padded."""

    @torch.inference_mode()
    def run(rows: Sequence[Row[Reading]]) -> list[Observed]:
        return [_observe(head, row.inputs) for row in rows]

    return Operation("observe", run, Budget(padded_tokens=head.context_length, rows=1), is_sound=none_above)


def _observe(head: Head, reading: Reading) -> Observed:
    output = head.model(**_inputs(head, reading), output_hidden_states=True)
    if "encoder_hidden_states" in output:
        states = {"encoder": output.encoder_hidden_states, "decoder": output.decoder_hidden_states}
    else:
        states = {"": output.hidden_states}
    return Observed(tuple(starmap(_layer_states, states.items())), _logits(head, reading, output.get("logits")))


def _inputs(head: Head, reading: Reading) -> dict[str, Any]:
    ids = head.tensor([reading.ids])
    inputs: dict[str, Any] = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if reading.type_ids is not None:
        inputs["token_type_ids"] = head.tensor([reading.type_ids])
    if reading.decoder_ids:
        inputs["decoder_input_ids"] = head.tensor([reading.decoder_ids])
    if head.kind is HeadKind.CAUSAL_LM:
        inputs["logits_to_keep"] = head.tensor(reading.positions) if reading.positions else 1
    if head.kind in (HeadKind.CAUSAL_LM, HeadKind.SEQ2SEQ_LM):
        inputs["use_cache"] = False
    return inputs


def _layer_states(part: str, states: Sequence[torch.Tensor]) -> LayerStates:
    batch, tokens, size = states[-1].shape
    norms = torch.stack([one.float().norm(dim=-1).mean() for one in states])
    return LayerStates(part, (batch, tokens, size), tuple(norms.tolist()))


def _logits(head: Head, reading: Reading, logits: torch.Tensor | None) -> npt.NDArray[np.float32] | None:
    if logits is None:
        return None
    chosen = logits[0]
    if chosen.ndim == 2:  # one row for each token
        if not reading.positions:
            return None
        if head.kind is not HeadKind.CAUSAL_LM:  # which has computed no others
            chosen = chosen[head.tensor(reading.positions)]
    found: npt.NDArray[np.float32] = chosen.float().cpu().numpy()
    return found

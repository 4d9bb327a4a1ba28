"""How much each token looks at each other one: attention weights, by layer and head.

The fast attention kernels never hold the weights, so one pass is computed with transformers' plain implementation
("eager"). The switch belongs to the model, and a device has one thread, on which nothing else runs between the switch
and the way back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from cachetools import LRUCache

from bot.inference.heads.inspection.attention_backend import AttentionSwitch
from bot.inference.heads.inspection.attention_weights import Attentions, Part, Weights
from bot.inference.operations import Budget, Operation, Row

if TYPE_CHECKING:
    from bot.inference.heads.head import Head

KEPT_BYTES = 2**25
"""Weights of the newest texts that each replica keeps: whoever turns from layer to layer asks for the same pass."""


@dataclass(frozen=True)
class AttentionInput:
    """What is read, as token ids.

    Attributes:
        ids: special tokens included; of an encoder-decoder what the encoder reads.
        type_ids: which of two texts each token belongs to; None where the model does not ask.
        decoder_ids: what the decoder of an encoder-decoder reads; empty for other models, and for those that make it
            of `ids` themselves.
    """

    ids: tuple[int, ...]
    type_ids: tuple[int, ...] | None = None
    decoder_ids: tuple[int, ...] = ()

    @property
    def row(self) -> Row[AttentionInput]:
        """A row for `attention`."""
        return Row(self, len(self.ids) + len(self.decoder_ids))


def attention_operation(head: Head) -> Operation[AttentionInput, Attentions]:
    """The operation of a head: one row at a time, unpadded, so that nothing but the text has a part in its weights."""
    kept: LRUCache[AttentionInput, Attentions] = LRUCache(KEPT_BYTES, getsizeof=_bytes)

    def run(rows: Sequence[Row[AttentionInput]]) -> list[Attentions]:
        outputs = []
        for row in rows:
            found = kept.get(row.inputs)
            if found is None:
                found = _attentions(head, row.inputs)
                if _bytes(found) <= KEPT_BYTES:
                    kept[row.inputs] = found
            outputs.append(found)
        return outputs

    return Operation("attention", run, Budget(padded_tokens=1, rows=1))


@torch.inference_mode()
def _attentions(head: Head, inputs: AttentionInput) -> Attentions:
    arguments: dict[str, Any] = {"input_ids": head.tensor([inputs.ids])}
    arguments["attention_mask"] = torch.ones_like(arguments["input_ids"])
    if inputs.type_ids is not None:
        arguments["token_type_ids"] = head.tensor([inputs.type_ids])
    if inputs.decoder_ids:
        arguments["decoder_input_ids"] = head.tensor([inputs.decoder_ids])
    with AttentionSwitch(head.model).to("eager"):
        output = head.model(**arguments, output_attentions=True)
    if head.model.config.is_encoder_decoder:
        found = {
            Part.ENCODER: output.encoder_attentions,
            Part.DECODER: output.decoder_attentions,
            Part.CROSS: output.cross_attentions,
        }
    else:
        found = {_only_part(output.attentions): output.attentions}
    return {part: _stacked(layers) for part, layers in found.items() if layers}


def _only_part(layers: Sequence[torch.Tensor | None] | None) -> Part:
    """A decoder, where no token looks at a later one."""
    seen = [layer for layer in layers or () if layer is not None]
    looks_ahead = any(bool(layer.triu(diagonal=1).any()) for layer in seen)
    return Part.ENCODER if looks_ahead else Part.DECODER


def _stacked(layers: Sequence[torch.Tensor | None]) -> Weights:
    """(layers, heads, queries, keys); layers without attention, as hybrid models have them, are left out."""
    weights = np.stack([layer[0].float().cpu().numpy() for layer in layers if layer is not None])
    weights.setflags(write=False)
    return weights


def _bytes(attentions: Attentions) -> int:
    return sum(weights.nbytes for weights in attentions.values())

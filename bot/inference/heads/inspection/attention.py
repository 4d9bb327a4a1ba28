"""Attention weights by layer and head: how much each token attends to each other one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from cachetools import LRUCache

from bot.inference.heads.checkpoint import Checkpoint
from bot.inference.heads.inspection.attention_weights import Attentions, Part, Weights
from bot.inference.operations import Budget, Operation, Row

KEPT_BYTES = 2**25
"""Weights of the newest texts that each replica keeps: paging through the layers asks for the same pass again."""


@dataclass(frozen=True)
class AttentionInput:
    """What is read, as token ids; see `Checkpoint.inputs`."""

    ids: tuple[int, ...]
    type_ids: tuple[int, ...] | None = None
    decoder_ids: tuple[int, ...] = ()

    @property
    def row(self) -> Row[AttentionInput]:
        """A row for `attention`."""
        return Row(self, len(self.ids) + len(self.decoder_ids))


def attention_operation(checkpoint: Checkpoint) -> Operation[AttentionInput, Attentions]:
    """Make the operation of a head: one row at a time, unpadded, so that only the text decides its weights."""
    kept: LRUCache[AttentionInput, Attentions] = LRUCache(KEPT_BYTES, getsizeof=_bytes)

    def run(rows: Sequence[Row[AttentionInput]]) -> list[Attentions]:
        outputs = []
        for row in rows:
            found = kept.get(row.inputs)
            if found is None:
                found = _attentions(checkpoint, row.inputs)
                if _bytes(found) <= KEPT_BYTES:
                    kept[row.inputs] = found
            outputs.append(found)
        return outputs

    return Operation("attention", run, Budget(padded_tokens=1, rows=1))


@torch.inference_mode()
def _attentions(checkpoint: Checkpoint, asked: AttentionInput) -> Attentions:
    model = checkpoint.model
    inputs = checkpoint.inputs(asked.ids, asked.type_ids, asked.decoder_ids)
    # Fast attention kernels never hold the weights; transformers' plain implementation does.
    with checkpoint.attention_backend.switched_to("eager"):
        output = model(**inputs, output_attentions=True)
    if model.config.is_encoder_decoder:
        found = {
            Part.ENCODER: output.encoder_attentions,
            Part.DECODER: output.decoder_attentions,
            Part.CROSS: output.cross_attentions,
        }
    else:
        found = {_only_part(output.attentions): output.attentions}
    return {part: _stacked(layers) for part, layers in found.items() if layers}


def _only_part(layers: Sequence[torch.Tensor | None] | None) -> Part:
    """Return DECODER if no token attends to a later one."""
    seen = [layer for layer in layers or () if layer is not None]
    looks_ahead = any(bool(layer.triu(diagonal=1).any()) for layer in seen)
    return Part.ENCODER if looks_ahead else Part.DECODER


def _stacked(layers: Sequence[torch.Tensor | None]) -> Weights:
    """Return (layers, heads, queries, keys); the layers of hybrid models that have no attention are left out."""
    weights = np.stack([layer[0].float().cpu().numpy() for layer in layers if layer is not None])
    weights.setflags(write=False)
    return weights


def _bytes(attentions: Attentions) -> int:
    return sum(weights.nbytes for weights in attentions.values())

"""Attention weights by layer and head: how much each token attends to each other one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from cachetools import LRUCache

from bot.inference.heads.checkpoint import Checkpoint
from bot.inference.heads.inspection.attention_weights import Attentions, Part, Weights
from bot.inference.heads.inspection.hidden_states import Reading
from bot.inference.operations import Budget, Operation, Row

KEPT_BYTES = 2**25
"""Size of the cache of each replica: paging through the layers asks for the same pass again."""


def attention_operation(checkpoint: Checkpoint) -> Operation[Reading, Attentions]:
    """Make the operation that outputs attention weights: one row at a time, unpadded, for batch invariance."""
    kept: LRUCache[Reading, Attentions] = LRUCache(KEPT_BYTES, getsizeof=_bytes)

    def run(rows: Sequence[Row[Reading]]) -> list[Attentions]:
        outputs = []
        for row in rows:
            weights = kept.get(row.inputs)
            if weights is None:
                weights = _attentions(checkpoint, row.inputs)
                if _bytes(weights) <= KEPT_BYTES:
                    kept[row.inputs] = weights
            outputs.append(weights)
        return outputs

    return Operation("attention", run, Budget(padded_tokens=1, rows=1))


@torch.inference_mode()
def _attentions(checkpoint: Checkpoint, reading: Reading) -> Attentions:
    model = checkpoint.model
    inputs = checkpoint.inputs(reading.ids, reading.type_ids, reading.decoder_ids)
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
    looks_ahead = any(bool(layer.triu(diagonal=1).any()) for layer in layers or () if layer is not None)
    return Part.ENCODER if looks_ahead else Part.DECODER


def _stacked(layers: Sequence[torch.Tensor | None]) -> Weights:
    """Return (layers, heads, queries, keys); the layers of hybrid models that have no attention are left out."""
    weights = np.stack([layer[0].float().cpu().numpy() for layer in layers if layer is not None])
    weights.setflags(write=False)
    return weights


def _bytes(attentions: Attentions) -> int:
    return sum(weights.nbytes for weights in attentions.values())

"""One layer's attention, worked out from its queries, keys and values; and how much of each token arrives by it.

Sources: Vaswani et al.: Attention Is All You Need, 2017, section 3.2; Kobayashi et al.: Attention is Not Only a Weight:
Analyzing Transformers with Vector Norms, 2020, arXiv:2004.10102.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from bot.inference.heads.checkpoint import Checkpoint
from bot.inference.heads.inspection.attention_calls import AttentionCall, calls_of
from bot.inference.heads.inspection.attention_weights import Part, Weights
from bot.inference.heads.inspection.hidden_states import Reading
from bot.inference.heads.inspection.projection import Projection
from bot.inference.heads.inspection.worked_attention import HeadRow, Steps
from bot.inference.operations import Budget, Operation, Row


@dataclass(frozen=True)
class StepsReading:
    """What is read, and which layer is looked at; all numbers count from 0."""

    reading: Reading
    part: Part
    layer: int
    """Among those of the part that attend."""
    head: int = 0
    query: int = -1

    @property
    def row(self) -> Row[StepsReading]:
        """A row for `attention_steps`."""
        return Row(self, len(self.reading.ids) + len(self.reading.decoder_ids))


def steps_operation(checkpoint: Checkpoint) -> Operation[StepsReading, Steps | None]:
    """Make the operation; it outputs None if the model computes its attention in a way of its own."""

    def run(rows: Sequence[Row[StepsReading]]) -> list[Steps | None]:
        return [_worked_out(checkpoint, row.inputs) for row in rows]

    return Operation("attention_steps", run, Budget(padded_tokens=1, rows=1))


@torch.inference_mode()
def _worked_out(checkpoint: Checkpoint, asked: StepsReading) -> Steps | None:
    calls = calls_of(checkpoint, asked.reading, asked.part)
    if asked.layer >= len(calls):
        return None
    call = calls[asked.layer]
    projection = Projection.of(call)
    if projection is None:
        return None
    norms, error = _arrived(call, projection)
    return Steps(_head_row(checkpoint, call, asked), norms, call.visible[0].float().cpu().numpy(), error)


def _head_row(checkpoint: Checkpoint, call: AttentionCall, asked: StepsReading) -> HeadRow:
    head, query = asked.head, asked.query
    biases = () if call.biases is None else call.biases[head, query].tolist()
    return HeadRow(
        tuple(call.query[head, query].tolist()),
        tuple(map(tuple, call.key[head].tolist())),
        tuple(map(tuple, call.value[head].tolist())),
        tuple(call.products[head, query].tolist()),
        call.scale,
        tuple(biases),
        call.softcap,
        tuple(call.visible[head, query].tolist()),
        tuple(call.scores[head, query].tolist()),
        tuple(call.weights[head, query].tolist()),
        tuple((call.weights[head, query] @ call.value[head]).tolist()),
        call.shared_by,
        asked.part is not Part.CROSS and _is_rotated(checkpoint),
    )


def _is_rotated(checkpoint: Checkpoint) -> bool:
    return any("rotary" in type(module).__name__.lower() for module in checkpoint.model.modules())


def _arrived(call: AttentionCall, projection: Projection) -> tuple[Weights, float]:
    """Return the lengths of what arrives, (queries, keys), and by how much its sum misses the layer's output."""
    heads = call.value.shape[0]
    # Of each head's values, what the output projection makes of them: (heads, keys, hidden).
    made = torch.stack([projection.of_head(call.value[head], head, heads) for head in range(heads)])
    norms, errors = [], [0.0]
    for query in range(call.weights.shape[1]):  # for all queries at once, this would be large
        arriving = torch.einsum("hk,hkd->kd", call.weights[:, query], made)
        norms.append(arriving.norm(dim=-1))
        right = projection.output[query]
        errors.append(float((arriving.sum(dim=0) + projection.bias - right).norm() / right.norm().clamp(min=1e-12)))
    found = torch.stack(norms).float().cpu().numpy()
    found.setflags(write=False)
    return np.asarray(found, dtype=np.float32), max(errors)

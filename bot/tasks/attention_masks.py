"""Who sees whom in a model, and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from bot.errors import ModelUnavailable
from bot.inference.heads.inspection.attention_weights import Part, Weights
from bot.inference.json_forms import Array
from bot.inference.operations import TaskRun
from bot.inference.task import HeadKind
from bot.locales.message import later
from bot.tasks.attention_view import Shown

if TYPE_CHECKING:
    from bot.inference.heads.head import Head
    from bot.inference.heads.inspection.hidden_states import Reading


@dataclass(frozen=True, eq=False)
class PartMask:
    """The mask of one part of a model, in its last layer."""

    part: Part
    visible: Annotated[Weights, Array("float32")]
    """(queries, keys), 1 where a query sees a key, else 0."""


@dataclass(frozen=True, eq=False)
class WhoSeesWhom:
    """The masks of a model, and its output."""

    masks: tuple[PartMask, ...]
    outcome: str = ""
    """The label or token that the model finds the likeliest, or the text that it has written; empty if its head makes
    something else."""
    probability: float | None = None
    """Of the label or the token."""


def who_sees_whom(head: Head, inputs: Reading, found: Shown, decoder: tuple[int, ...]) -> TaskRun[WhoSeesWhom]:
    """Look at the masks that the model itself uses; raises `ModelUnavailable` if they cannot be had.

    Args:
        decoder: token ids that the decoder has read, if there are two sides.
    """
    from bot.inference.heads.inspection.attention_steps import StepsReading
    from bot.inference.heads.inspection.layer_lens import LensReading

    masks = []
    for part in found.parts:
        [steps] = yield from head.attention_steps([StepsReading(inputs, part, found.layers - 1).row])
        if steps is None:
            raise ModelUnavailable(
                later(
                    "This checkpoint computes its attention in a way of its own, so I cannot see its masks. Choose "
                    "another one."
                )
            )
        masks.append(PartMask(part, steps.visible))
    if head.kind is HeadKind.SEQ2SEQ_LM:
        return WhoSeesWhom(tuple(masks), head.decode(decoder, skip_special_tokens=True))
    if head.kind not in (HeadKind.CAUSAL_LM, HeadKind.SEQUENCE_CLASSIFIER):
        return WhoSeesWhom(tuple(masks))
    [lens] = yield from head.lens([LensReading(inputs, -1).row])
    if lens is None:
        return WhoSeesWhom(tuple(masks))
    token = int(lens.likeliest[-1])
    labels = getattr(head, "labels", None)
    outcome = head.decode([token]) if head.kind is HeadKind.CAUSAL_LM or labels is None else labels[token]
    return WhoSeesWhom(tuple(masks), outcome, float(lens.likeliest_probs[-1]))

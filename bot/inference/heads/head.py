"""A checkpoint together with its operations."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import ClassVar, TypeAlias

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from bot.inference.compute.device import Device
from bot.inference.heads.checkpoint import Checkpoint
from bot.inference.heads.inspection.attention import attention_operation
from bot.inference.heads.inspection.attention_steps import StepsReading, steps_operation
from bot.inference.heads.inspection.attention_weights import Attentions
from bot.inference.heads.inspection.hidden_states import Observed, Reading, observation
from bot.inference.heads.inspection.layer_lens import Lens, LensReading, lens_operation
from bot.inference.heads.inspection.worked_attention import Steps
from bot.inference.operations import Operation, Row
from bot.inference.task import HeadKind

Loaded: TypeAlias = tuple[PreTrainedModel, PreTrainedTokenizerBase, Device]
"""The arguments of a `Checkpoint`."""


class Head(Checkpoint, ABC):
    """A checkpoint and its operations.

    Attributes:
        observe: outputs hidden states by layer, and logits.
        lens: outputs what the model would predict after each layer; of heads that have logits for tokens or labels.
        attention: outputs attention weights.
        attention_steps: outputs one layer's attention worked out, and how much of each token arrives by it.
    """

    kind: ClassVar[HeadKind]

    def __init__(self, *loaded: *Loaded) -> None:
        super().__init__(*loaded)
        self._plain = frozenset(vars(self))
        self.observe: Operation[Reading, Observed] = observation(self, self.kind)
        self.lens: Operation[LensReading, Lens | None] = lens_operation(self, self.kind)
        self.attention: Operation[Reading, Attentions] = attention_operation(self)
        self.attention_steps: Operation[StepsReading, Steps | None] = steps_operation(self)

    def let_go(self) -> None:
        """Drop the operations, and all else that refers back to this head: its last reference frees it then.

        Otherwise only garbage collection would, which looks at hundreds of thousands of objects and stops every thread.
        """
        for name in vars(self).keys() - self._plain:
            delattr(self, name)

    def reading(
        self,
        ids: Sequence[int],
        *,
        type_ids: Sequence[int] | None = None,
        decoder_ids: Sequence[int] = (),
        positions: Sequence[int] = (),
    ) -> Row[Reading]:
        """Return a row for `observe`."""
        types = None if type_ids is None else tuple(type_ids)
        return Reading(tuple(ids), types, tuple(decoder_ids), tuple(positions)).row

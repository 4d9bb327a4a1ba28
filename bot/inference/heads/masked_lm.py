"""An encoder that guesses masked tokens."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from itertools import accumulate, chain, pairwise

import torch
from transformers.utils import ModelOutput

from bot.inference.compute.packed_linear import PackedLinear
from bot.inference.heads.encoder_head import EncoderHead, EncoderInput, Floats
from bot.inference.heads.head import Loaded
from bot.inference.heads.invariance.batch_invariance import BatchInvariance
from bot.inference.heads.invariance.shared_prefix import LEAST_ROWS
from bot.inference.operations import Row
from bot.inference.task import HeadKind
from bot.inference.tokenization.literal import LiteralMode
from bot.inference.tokenization.markers import broken


class MaskedLM(EncoderHead):
    """`AutoModelForMaskedLM`.

    Attributes:
        fill: outputs the probabilities over the vocabulary at each mask, (masks, vocabulary), float32.
    """

    kind = HeadKind.MASKED_LM

    def __init__(self, *loaded: *Loaded) -> None:
        super().__init__(*loaded)
        self.fill = self.operation("fill")

    @property
    def mask_token(self) -> str:
        """The text that the tokenizer reads as a mask."""
        return str(self.tokenizer.mask_token)

    def encode_masked(self, parts: Sequence[str]) -> Row[EncoderInput]:
        """Tokenize a text with masks between its parts. No control token is read in these."""
        is_fast = self.tokenizer.is_fast
        texts = [broken(part, [self.mask_token] if is_fast else self.control_tokens) for part in parts]
        mode: AbstractContextManager[object] = self._with_masks if is_fast else self._tokenizer_lock
        with mode:
            return self._tokenize(self.mask_token.join(texts), None).row

    @cached_property
    def _with_masks(self) -> LiteralMode:
        return LiteralMode(self.tokenizer, self._tokenizer_lock, kept=[self.mask_token])

    def mask_positions(self, ids: Sequence[int]) -> list[int]:
        """Return the positions of the masks."""
        mask = self.tokenizer.mask_token_id
        return [position for position, token in enumerate(ids) if token == mask]

    def compute(self, rows: Sequence[Row[EncoderInput]]) -> list[Floats]:
        masked: torch.Tensor = self.forward(rows).logits
        probabilities: Floats = masked.float().softmax(dim=-1).cpu().numpy()
        numbers = [len(self.mask_positions(row.inputs.ids)) for row in rows]
        return [probabilities[start:end] for start, end in pairwise(accumulate(numbers, initial=0))]

    def run_model(self, mode: BatchInvariance, rows: Sequence[Row[EncoderInput]]) -> ModelOutput:
        """Return the model's output for a padded batch, with logits of the masks only, (masks, vocabulary)."""
        positions = [self.mask_positions(row.inputs.ids) for row in rows]
        owners = self.tensor([row for row, masks in enumerate(positions) for _ in masks])
        places = self.tensor(list(chain.from_iterable(positions)))
        projection = self.model.get_output_embeddings()
        # The vocabulary's logits at each token would take about as long as all layers. On a GPU a batch has its shape
        # from its width, not from its masks.
        if projection is None or not self.device.on_cpu or not len(owners):
            output = super().run_model(mode, rows)
            output.logits = output.logits[owners, places]
            return output
        missing = 0 if isinstance(projection, PackedLinear) else max(0, LEAST_ROWS - len(owners))

        def choose(_: torch.nn.Module, arguments: tuple[torch.Tensor]) -> torch.Tensor:
            states = arguments[0][owners, places]
            return torch.cat([states, states[-1:].expand(missing, -1)]) if missing else states

        with projection.register_forward_pre_hook(choose):
            output = super().run_model(mode, rows)
        output.logits = output.logits[: len(owners)]
        return output

    def sample(self, text: str) -> Row[EncoderInput]:
        """Encode a text with a mask for the probe."""
        return self.encode_masked([f"{text} ", ""])

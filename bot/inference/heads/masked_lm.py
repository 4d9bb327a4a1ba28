"""An encoder that guesses masked tokens."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from itertools import accumulate, chain, pairwise

import torch

from bot.inference.heads.encoder_head import EncoderHead, EncoderInput, Floats
from bot.inference.heads.head import Loaded
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
        logits: torch.Tensor = self.forward(rows).logits
        positions = [self.mask_positions(row.inputs.ids) for row in rows]
        owners = [row for row, masks in enumerate(positions) for _ in masks]
        masked = logits[self.tensor(owners), self.tensor(list(chain.from_iterable(positions)))]
        probabilities: Floats = masked.float().softmax(dim=-1).cpu().numpy()
        return [probabilities[start:end] for start, end in pairwise(accumulate(map(len, positions), initial=0))]

"""An encoder that guesses hidden tokens."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate, pairwise

import numpy as np
import numpy.typing as npt
import torch

from bot.inference.heads.encoder_input import EncoderHead, EncoderInput, encoder_budget
from bot.inference.operations import Operation, Row
from bot.inference.task import HeadKind
from bot.inference.tokenization.literal import Literally
from bot.inference.tokenization.markers import broken


class MaskedLM(EncoderHead):
    """`AutoModelForMaskedLM`.

    Attributes:
        fill: the operation; its outputs are the probabilities over the vocabulary at each mask, shape
            (masks, vocabulary), float32.
    """

    kind = HeadKind.MASKED_LM

    def set_up(self) -> None:
        self.fill: Operation[EncoderInput, npt.NDArray[np.float32]] = Operation(
            "fill", self.run, encoder_budget(self.device)
        )

    @property
    def mask_token(self) -> str:
        """The text that this model's tokenizer reads as a mask."""
        return str(self.tokenizer.mask_token)

    def encode_masked(self, parts: Sequence[str]) -> Row[EncoderInput]:
        """Tokenise what stands before, between and after masks. These are the only special tokens in it: what looks
        like one in the parts is read as text."""
        if not self.tokenizer.is_fast:
            written = [broken(part, self.control_tokens) for part in parts]
            with self._tokenizer_lock:
                inputs = self._read(self.mask_token.join(written), None)
        else:
            with self._with_masks:
                inputs = self._read(self.mask_token.join(broken(part, [self.mask_token]) for part in parts), None)
        return Row(inputs, len(inputs.ids))

    @cached_property
    def _with_masks(self) -> Literally:
        return Literally(self.tokenizer, self._tokenizer_lock, kept=[self.mask_token])

    def mask_positions(self, ids: Sequence[int]) -> list[int]:
        """Where the masks stand."""
        mask = self.tokenizer.mask_token_id
        return [position for position, token in enumerate(ids) if token == mask]

    def compute(self, rows: Sequence[Row[EncoderInput]]) -> list[npt.NDArray[np.float32]]:
        logits: torch.Tensor = self.read(rows).logits
        positions = [self.mask_positions(row.inputs.ids) for row in rows]
        owners = [row for row, found in enumerate(positions) for _ in found]
        masked = logits[self.tensor(owners), self.tensor([place for found in positions for place in found])]
        probabilities: npt.NDArray[np.float32] = masked.float().softmax(dim=-1).cpu().numpy()
        ends = list(accumulate(map(len, positions), initial=0))
        return [probabilities[start:end] for start, end in pairwise(ends)]

"""An encoder that makes one vector of a text, so that texts of similar meaning lie close together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import torch

from bot.inference.heads.encoder_head import EncoderHead, EncoderInput, Floats
from bot.inference.heads.head import Loaded
from bot.inference.heads.pooling import Pooling, PoolingMode
from bot.inference.operations import Budget, Operation, Row
from bot.inference.soundness import none_above
from bot.inference.task import HeadKind


class Embedder(EncoderHead):
    """`AutoModel` with pooling.

    Attributes:
        embed: outputs the pooled vectors, not normalised, (hidden,), float32.
        token_states: outputs the hidden states that are pooled, (tokens, hidden), float32; each row is read alone.

    Source: Reimers, Gurevych: Sentence-BERT, 2019, arXiv:1908.10084.
    """

    kind = HeadKind.EMBEDDER

    def __init__(self, *loaded: *Loaded, pooling: Pooling) -> None:
        super().__init__(*loaded)
        self.pooling = pooling
        if pooling.most_tokens is not None:
            self.context_length = min(self.context_length, pooling.most_tokens)
        self.embed = self.operation("embed")
        budget = Budget(padded_tokens=self.context_length, rows=1)
        self.token_states = Operation("token_states", self._states, budget, is_sound=none_above)

    @classmethod
    def of_folder(cls, folder: Path, *loaded: *Loaded) -> Self:
        """Make a head with the pooling of a checkpoint's folder; raises as `Pooling.read` does."""
        return cls(*loaded, pooling=Pooling.read(folder))

    @torch.inference_mode()
    def _states(self, rows: Sequence[Row[EncoderInput]]) -> list[Floats]:
        # The forward pass may be wider than the row.
        found = ((len(row.inputs.ids), self.forward([row]).last_hidden_state[0]) for row in rows)
        return [states[:number].float().cpu().numpy() for number, states in found]

    def compute(self, rows: Sequence[Row[EncoderInput]]) -> list[Floats]:
        states: torch.Tensor = self.forward(rows).last_hidden_state.float()
        if self.pooling.mode is PoolingMode.CLS:
            vectors = states[:, 0]
        else:  # of each row's own tokens: the rounding of a sum over padding would depend on the batch's width
            means = [tokens[: len(row.inputs.ids)].mean(dim=0) for row, tokens in zip(rows, states, strict=True)]
            vectors = torch.stack(means)
        return list(vectors.cpu().numpy())

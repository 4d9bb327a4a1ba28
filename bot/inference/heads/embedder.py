"""An encoder that makes one vector of a text, so that texts of similar meaning lie close together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from bot.inference.compute.device import Device
from bot.inference.heads.encoder_input import EncoderHead, EncoderInput, encoder_budget
from bot.inference.heads.pooling import Pooling, PoolingMode
from bot.inference.operations import Operation, Row
from bot.inference.task import HeadKind


class Embedder(EncoderHead):
    """`AutoModel`, and the pooling that sentence-transformers does after it.

    Attributes:
        pooling: how the tokens' hidden states become one vector.
        embed: the operation; its outputs are the pooled vectors, of any length, shape (hidden,), float32.

    Source: Reimers, Gurevych: Sentence-BERT, 2019, arXiv:1908.10084.
    """

    kind = HeadKind.EMBEDDER

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        device: Device,
        languages: Any = None,
        *,
        pooling: Pooling,
    ) -> None:
        self.pooling = pooling
        super().__init__(model, tokenizer, device, languages)

    @classmethod
    def of_folder(cls, folder: Path, *arguments: Any) -> Self:
        """A head with the pooling that a folder's files describe; raises like `Pooling.read`."""
        return cls(*arguments, pooling=Pooling.read(folder))

    def set_up(self) -> None:
        if self.pooling.most_tokens is not None:
            self.context_length = min(self.context_length, self.pooling.most_tokens)
        self.embed: Operation[EncoderInput, npt.NDArray[np.float32]] = Operation(
            "embed", self.run, encoder_budget(self.device)
        )

    def compute(self, rows: Sequence[Row[EncoderInput]]) -> list[npt.NDArray[np.float32]]:
        states: torch.Tensor = self.read(rows).last_hidden_state.float()
        if self.pooling.mode is PoolingMode.CLS:
            vectors = states[:, 0]
        else:  # of each row's own tokens: a sum over padding too would be rounded by the width of the batch
            means = [tokens[: len(row.inputs.ids)].mean(dim=0) for row, tokens in zip(rows, states, strict=True)]
            vectors = torch.stack(means)
        return list(vectors.cpu().numpy())

"""The base of the heads of bidirectional encoders, whose input is a text or a pair of texts."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Encoding
from transformers import PreTrainedTokenizerBase, TokenizersBackend
from transformers.tokenization_utils_base import TruncationStrategy
from transformers.utils import ModelOutput, PaddingStrategy

from bot.errors import ModelUnavailable
from bot.inference.compute.device import Device
from bot.inference.heads.checkpoint import on_device
from bot.inference.heads.head import Head
from bot.inference.heads.invariance.batch_invariance import PADDING, BatchInvariance, Numbers, batch_invariance
from bot.inference.heads.invariance.row_attention import RowAttention, RowSpan
from bot.inference.heads.invariance.unpadded import UnpaddedLayers
from bot.inference.heads.stacks import hooked, layers_of
from bot.inference.operations import Budget, Operation, Row
from bot.locales.message import later

SAMPLES = (
    "Good.",
    "The train was late, and the coffee was cold.",
    "She told nobody about it.",
    "The music was better than the film, but 3 of 10 people left before the end, because it was very long.",
)
"""Texts of different lengths for the probe of batch invariance."""


@dataclass(frozen=True)
class EncoderInput:
    """A tokenized text or pair of texts."""

    ids: tuple[int, ...]
    """Special tokens included."""
    type_ids: tuple[int, ...] | None
    """Which of the two texts each token belongs to; None if the model doesn't ask."""
    truncated: bool
    """Whether the end was cut off, because it exceeds the context length."""

    @classmethod
    def of(cls, encoding: Encoding, *, with_types: bool) -> Self:
        """Return a fast tokenizer's encoding as input."""
        types = tuple(encoding.type_ids) if with_types else None
        # A text's cut-off parts are kept as further encodings.
        return cls(tuple(encoding.ids), types, truncated=bool(encoding.overflowing))

    @property
    def row(self) -> Row[EncoderInput]:
        """A row for the head's operation."""
        return Row(self, len(self.ids))


Floats: TypeAlias = npt.NDArray[np.float32]


class EncoderHead(Head):
    """A bidirectional encoder that computes texts batch-invariantly."""

    @abstractmethod
    def compute(self, rows: Sequence[Row[EncoderInput]]) -> list[Floats]:
        """Return the outputs of the head's operation for rows, from one forward pass (see `forward`)."""

    def operation(self, name: str) -> Operation[EncoderInput, Floats]:
        """Make the head's operation, which `compute` computes."""
        return Operation(name, self.run, encoder_budget(self.device))

    @on_device
    def run(self, rows: Sequence[Row[EncoderInput]]) -> list[Floats]:
        """Return the outputs of rows, batch-invariantly."""
        return self.batch_invariance.run(rows, self._widths(rows), self.compute)

    def forward(self, rows: Sequence[Row[EncoderInput]]) -> ModelOutput:
        """Return the model's output for a batch, padded on the right."""
        return self.run_model(self.batch_invariance, rows)

    @property
    def batch_invariance(self) -> BatchInvariance:
        """The mode in which rows share forward passes. The first call finds out, on the device's thread."""
        modes = PADDING if self._unpadded is None else (BatchInvariance.UNPADDED, *PADDING)
        return batch_invariance(self, len(SAMPLES), self._probed, modes)

    @cached_property
    def _unpadded(self) -> UnpaddedLayers | None:
        """The layers that can be computed without padding; None if they are not known, or others follow."""
        layers = [] if self.model.config.is_encoder_decoder else layers_of(self.model)
        return UnpaddedLayers(layers, self.padded_length) if layers else None

    @cached_property
    def _samples(self) -> list[Row[EncoderInput]]:
        return [self.sample(text) for text in SAMPLES]

    def sample(self, text: str) -> Row[EncoderInput]:
        """Encode a text for the probe of batch invariance."""
        return self.encode(text)

    def _probed(self, mode: BatchInvariance, samples: Sequence[int]) -> list[Numbers]:
        rows = [self._samples[sample] for sample in samples]
        return mode.run(rows, self._widths(rows), lambda part: self._numbers(mode, part))

    def _widths(self, rows: Sequence[Row[EncoderInput]]) -> list[int]:
        return [self.padded_length(len(row.inputs.ids)) for row in rows]

    def _numbers(self, mode: BatchInvariance, rows: Sequence[Row[EncoderInput]]) -> list[Numbers]:
        """Return the model's output for each row, and the last hidden states of each of its stacks."""
        states: list[torch.Tensor] = []

        def keep(_: torch.nn.Module, __: object, output: ModelOutput) -> None:
            states.extend(value for name, value in output.items() if name.endswith("last_hidden_state"))

        with hooked([(self.model.base_model, keep)]):
            outputs = [self.run_model(mode, rows)[0], *states]
        width = outputs[-1].shape[1]
        # Logits of labels have no axis for tokens.
        return [
            [tensor[index, : len(row.inputs.ids)] if tensor.shape[1] == width else tensor[index] for tensor in outputs]
            for index, row in enumerate(rows)
        ]

    def run_model(self, mode: BatchInvariance, rows: Sequence[Row[EncoderInput]]) -> ModelOutput:
        """Return the model's output for a batch, padded on the right, whose rows share the pass in a mode."""
        inputs = self.batch(rows)
        lengths, width = [len(row.inputs.ids) for row in rows], inputs["input_ids"].shape[1]
        if mode is BatchInvariance.UNPADDED and self.padded_length(sum(lengths)) < width * len(rows):
            assert self._unpadded is not None
            with self._unpadded.reading(lengths, width) as attention:
                return self.attention_backend.run(attention, **inputs)
        if mode not in (BatchInvariance.UNPADDED, BatchInvariance.ROW_ATTENTION):
            return self.model(**inputs)
        spans = [RowSpan(index, slice(0, length)) for index, length in enumerate(lengths)]
        return self.attention_backend.run(RowAttention(spans), **inputs)

    def encode(self, text: str, pair: str | None = None) -> Row[EncoderInput]:
        """Tokenize a text, or a pair of which only the first is truncated, to the model's context length."""
        with self.literally:
            tokenize = self._tokenize_directly if _is_plain(self.tokenizer) else self._tokenize
            made = tokenize(text, pair)
        if made.ids:
            return made.row
        # Without words, and without special tokens around them; but no model can read nothing at all.
        return EncoderInput((self.pad_token_id,), None if made.type_ids is None else (0,), made.truncated).row

    def _tokenize(self, text: str, pair: str | None) -> EncoderInput:
        encoded = self.tokenizer(
            text,
            pair,
            truncation=_truncation(pair).value,
            max_length=self.context_length,
            return_token_type_ids=self.asks_for_types,
            return_overflowing_tokens=False,
        )
        truncated = bool(encoded.encodings and encoded.encodings[0].overflowing)
        types = tuple(encoded["token_type_ids"]) if "token_type_ids" in encoded else None
        return EncoderInput(tuple(encoded["input_ids"]), types, truncated)

    def _tokenize_directly(self, text: str, pair: str | None) -> EncoderInput:
        """Do the same without the library's bookkeeping, which takes longer than tokenizing a chat message."""
        self.tokenizer.set_truncation_and_padding(
            PaddingStrategy.DO_NOT_PAD, _truncation(pair), self.context_length, 0, None, None
        )
        # A batch, even of one text, lets other threads run meanwhile; the fast method computes no offsets.
        [encoded] = self.tokenizer.backend_tokenizer.encode_batch_fast([(text, pair) if pair else text])
        return EncoderInput.of(encoded, with_types=self.asks_for_types)

    @property
    def asks_for_types(self) -> bool:
        """Whether the model reads which of two texts each token belongs to."""
        return "token_type_ids" in self.tokenizer.model_input_names

    def check_offsets(self) -> None:
        """Raise `ModelUnavailable` if the tokenizer doesn't tell which characters a token stands for."""
        if not self.tokenizer.is_fast:
            raise ModelUnavailable(
                later(
                    "The checkpoint's tokenizer does not tell where a token stands in the text, so I cannot mark "
                    "anything. Whoever runs this bot can set another one."
                )
            )

    def batch(self, rows: Sequence[Row[EncoderInput]]) -> dict[str, torch.Tensor]:
        """Return the model's arguments for a padded batch, (batch, sequence) each."""
        ids, mask = self.pad([row.inputs.ids for row in rows])
        inputs = {"input_ids": ids, "attention_mask": mask}
        types = [row.inputs.type_ids for row in rows if row.inputs.type_ids is not None]
        if len(types) == len(rows):
            inputs["token_type_ids"] = self.pad(types)[0] * mask
        return inputs


def _truncation(pair: str | None) -> TruncationStrategy:
    return TruncationStrategy.LONGEST_FIRST if pair is None else TruncationStrategy.ONLY_FIRST


def _is_plain(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Return whether a tokenizer reads a text as its backend does. Some classes do more around it."""
    return isinstance(tokenizer, TokenizersBackend) and all(
        getattr(type(tokenizer), name) is getattr(TokenizersBackend, name) for name in ("__call__", "_encode_plus")
    )


def encoder_budget(device: Device) -> Budget:
    """Return the limit of an encoder's batches."""
    # On the CPU small batches of equal length are fastest: a DistilBERT answers 246 chat messages a second at 256
    # padded tokens, 235 at 512, and 41 in unsorted batches of 32. A file's rows have equal lengths also at 768, which
    # are up to 10 % faster (1,024 are not: docs/experiments/files.md); whoever asks meanwhile waits for a longer pass.
    if device.on_cpu:
        return Budget(padded_tokens=256, rows=32, background_tokens=768)
    return Budget(padded_tokens=16_384, rows=256)

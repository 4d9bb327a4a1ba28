"""Inputs of the encoder heads: one text, or a pair of texts."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedTokenizerBase, TokenizersBackend
from transformers.tokenization_utils_base import TruncationStrategy
from transformers.utils import PaddingStrategy

from bot.inference.compute.device import Device
from bot.inference.heads.head import Head, on_device
from bot.inference.heads.invariance.batch_invariance import Company, Numbers, company_of
from bot.inference.heads.invariance.row_attention import Place
from bot.inference.operations import Budget, Row

SAMPLES = (
    "Good.",
    "The train was late, and the coffee was cold.",
    "She told nobody about it.",
    "The music was better than the film, but 3 of 10 people left before the end, because it was very long.",
)
"""Texts of unlike lengths, to see whether rows have the same numbers in any company."""


@dataclass(frozen=True)
class EncoderInput:
    """What the tokenizer made of a text.

    Attributes:
        ids: token ids, special tokens included.
        type_ids: which of the two texts each token belongs to; None where the model does not ask.
        truncated: whether the text was longer than the model's context, and its end left out.
    """

    ids: tuple[int, ...]
    type_ids: tuple[int, ...] | None
    truncated: bool


class EncoderHead(Head):
    """Encodes and pads texts for a bidirectional encoder, and computes them in any company."""

    @abstractmethod
    def compute(self, rows: Sequence[Row[EncoderInput]]) -> list[npt.NDArray[np.float32]]:
        """What the head's operation makes of rows, in one forward pass (see `read`)."""

    @on_device
    def run(self, rows: Sequence[Row[EncoderInput]]) -> list[npt.NDArray[np.float32]]:
        """The head's operation: `compute`, so that no row's numbers depend on the others."""
        return self.company.run(rows, self._widths(rows), self.compute)

    def read(self, rows: Sequence[Row[EncoderInput]]) -> Any:
        """The model's output for a batch: padded on the right, and nobody looks at the padding."""
        return self._read_by(self.company, rows)

    @property
    def company(self) -> Company:
        """How rows share forward passes. Found out when it is first asked for, on the device's thread."""
        return company_of(self, len(SAMPLES), self._sampled)

    def _widths(self, rows: Sequence[Row[EncoderInput]]) -> list[int]:
        return [self.filled_up(len(row.inputs.ids)) for row in rows]

    def _sampled(self, company: Company) -> Callable[[Sequence[int]], list[Numbers]]:
        samples = [self.encode(text) for text in SAMPLES]

        def compute(places: Sequence[int]) -> list[Numbers]:
            rows = [samples[place] for place in places]
            return company.run(rows, self._widths(rows), lambda part: self._numbers(company, part))

        return compute

    def _numbers(self, company: Company, rows: Sequence[Row[EncoderInput]]) -> list[Numbers]:
        """The model's output for each row, and the last hidden states of each of its stacks."""
        output = self._read_by(company, rows, output_hidden_states=True)
        seen = [output[0], *(states[-1] for name, states in output.items() if name.endswith("hidden_states"))]
        width = seen[-1].shape[1]
        own = [slice(0, len(row.inputs.ids)) for row in rows]
        # Logits of labels have no axis for tokens.
        return [
            [one[index, tokens] if one.shape[1] == width else one[index] for one in seen]
            for index, tokens in enumerate(own)
        ]

    def _read_by(self, company: Company, rows: Sequence[Row[EncoderInput]], **options: Any) -> Any:
        inputs = self.batch(rows)
        if company is not Company.EACH_ROW:
            return self.model(**inputs, **options)
        places = [Place(index, slice(0, len(row.inputs.ids))) for index, row in enumerate(rows)]
        return self.row_attention(places, **inputs, **options)

    def encode(self, text: str, pair: str | None = None) -> Row[EncoderInput]:
        """Tokenise a text, or a pair of which only the first is truncated, to the model's context length.

        What looks like a special token is read as text.
        """
        with self.literally:
            read = self._read_directly if _is_plain(self.tokenizer) else self._read
            inputs = read(text, pair)
        return Row(inputs, len(inputs.ids))

    def _read(self, text: str, pair: str | None) -> EncoderInput:
        encoded = self.tokenizer(
            text,
            pair,
            truncation=_truncation(pair).value,
            max_length=self.context_length,
            return_token_type_ids=self._asks_for_types,
            return_overflowing_tokens=False,
        )
        # The fast tokenizers keep what was cut off as further encodings.
        truncated = bool(encoded.encodings and encoded.encodings[0].overflowing)
        types = tuple(encoded["token_type_ids"]) if "token_type_ids" in encoded else None
        return EncoderInput(tuple(encoded["input_ids"]), types, truncated)

    def _read_directly(self, text: str, pair: str | None) -> EncoderInput:
        """The same without what the library does around it, which takes longer than a chat message itself.

        The batch of one text lets other threads run meanwhile, and the fast one finds no places in the text.
        """
        backend = self.tokenizer.backend_tokenizer
        self.tokenizer.set_truncation_and_padding(
            PaddingStrategy.DO_NOT_PAD, _truncation(pair), self.context_length, 0, None, None
        )
        [encoded] = backend.encode_batch_fast([(text, pair) if pair else text])
        types = tuple(encoded.type_ids) if self._asks_for_types else None
        return EncoderInput(tuple(encoded.ids), types, bool(encoded.overflowing))

    @property
    def _asks_for_types(self) -> bool:
        return "token_type_ids" in self.tokenizer.model_input_names

    def batch(self, rows: Sequence[Row[EncoderInput]]) -> dict[str, torch.Tensor]:
        """The padded batch: tensors of shape (batch, sequence) under the names that the model expects."""
        ids, mask = self.pad([row.inputs.ids for row in rows])
        inputs = {"input_ids": ids, "attention_mask": mask}
        types = [row.inputs.type_ids for row in rows]
        if all(kinds is not None for kinds in types):
            inputs["token_type_ids"], _ = self.pad([kinds or () for kinds in types])
            inputs["token_type_ids"] *= mask
        return inputs


def _truncation(pair: str | None) -> TruncationStrategy:
    return TruncationStrategy.LONGEST_FIRST if pair is None else TruncationStrategy.ONLY_FIRST


def _is_plain(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether a tokenizer reads a text as its backend does: some classes do more around it."""
    return isinstance(tokenizer, TokenizersBackend) and all(
        getattr(type(tokenizer), name) is getattr(TokenizersBackend, name) for name in ("__call__", "_encode_plus")
    )


def encoder_budget(device: Device) -> Budget:
    """How large a batch of an encoder may be.

    On the CPU small batches of equal length are fastest: at 256 padded tokens a DistilBERT answers 246 chat messages
    a second, at 512 it answers 235, and unsorted batches of 32 answer 41. A GPU wants more to do at once.
    """
    return Budget(padded_tokens=256, rows=32) if device.on_cpu else Budget(padded_tokens=16_384, rows=256)

"""What all heads share: a model, its tokenizer, the device they are on."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, wraps
from itertools import chain
from typing import Any, ClassVar

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from bot.inference.compute.device import Device
from bot.inference.compute.int8 import int8_bytes
from bot.inference.compute.packed_linear import filled_up, packed_bytes
from bot.inference.compute.precision import reason_of
from bot.inference.compute.threads import ThreadChoice
from bot.inference.heads.inspection.attention import AttentionInput, attention_operation
from bot.inference.heads.inspection.attention_weights import Attentions
from bot.inference.heads.inspection.hidden_states import Observed, Reading, observation
from bot.inference.heads.invariance.row_attention import RowAttention
from bot.inference.languages.pairs import LanguagePairs
from bot.inference.operations import Operation, Row
from bot.inference.task import HeadKind
from bot.inference.tokenization.literal import Literally, control_tokens
from bot.inference.tokenization.tokens import BrokenEnd, Token, broken_end, read_tokens
from bot.text.characters import REPLACEMENT_CHARACTER

FALLBACK_CONTEXT = 512
"""Tokens, where a checkpoint does not say how long its context is."""


class Head(ABC):
    """A loaded checkpoint, seen as what it can do. Encoding runs on any thread, operations on the device's thread.

    Attributes:
        kind: which head this is.
        model: the model, in evaluation mode, on its device.
        tokenizer: its tokenizer.
        declared_languages: what the catalogue says that it translates, if anything.
        notes: what a task has computed once for this checkpoint and wants to keep (calibrations).
        context_length: the longest input in tokens, special tokens included.
        parameters: how many the model has; those that layers share count once.
        precision: what this checkpoint really computes in, one of `bot.inference.compute.device.PRECISIONS`.
        precision_reason: why, in one clause.
        is_packed: whether the linear layers are packed for the CPU (see `bot.inference.compute.packed_linear`).
        threads: over how many a small forward pass is spread.
        literally: holds the tokenizer, which reads everything as text meanwhile: `with head.literally: …`.
        observe: the operation that looks into the layers, with a forward pass for each row.
        attention: the operation that gives attention weights, with a forward pass for each row.
        row_attention: forward passes in which attention looks at each row by itself.
    """

    kind: ClassVar[HeadKind]

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        device: Device,
        languages: LanguagePairs | None = None,
    ) -> None:
        self.declared_languages = languages
        self.model = model
        self.tokenizer = tokenizer
        self.device = device
        self.notes: dict[str, Any] = {}
        self.context_length = _context_length(model, tokenizer)
        self.parameters = sum(parameter.numel() for parameter in model.parameters())
        self.precision = str(model.dtype).removeprefix("torch.")
        self.precision_reason = reason_of(device, self.precision)
        self.is_packed = False
        self.threads = ThreadChoice(active=device.on_cpu and model.dtype == torch.bfloat16)
        # Fast tokenizers keep truncation and padding as state that is shared between calls.
        self._tokenizer_lock = threading.Lock()
        self.literally = Literally(tokenizer, self._tokenizer_lock)
        self.observe: Operation[Reading, Observed] = observation(self)
        self.attention: Operation[AttentionInput, Attentions] = attention_operation(self)
        self.row_attention = RowAttention(model)
        self.set_up()

    @abstractmethod
    def set_up(self) -> None:
        """Make the head's operations, when everything else is in place."""

    def tokenize(self, *texts: str, **options: Any) -> list[int]:
        """Token ids of one text (or of a pair), from any thread. What looks like a control token is text, too."""
        with self.literally:
            ids: list[int] = self.tokenizer(*texts, **options)["input_ids"]
            return ids

    def tokenize_template(self, text: str, **options: Any) -> list[int]:
        """Token ids of what this program or a chat template has written, where control tokens are meant as such."""
        with self._tokenizer_lock:
            ids: list[int] = self.tokenizer(text, **options)["input_ids"]
            return ids

    @cached_property
    def control_tokens(self) -> dict[str, int]:
        """The tokens that tell the model something which is no text, with their ids."""
        return control_tokens(self.tokenizer)

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool = True) -> str:
        """Text of token ids, from any thread."""
        with self._tokenizer_lock:
            text = self.tokenizer.decode(
                list(ids), skip_special_tokens=skip_special_tokens, clean_up_tokenization_spaces=False
            )
            return str(text)

    def decode_whole(self, ids: Sequence[int]) -> str:
        """Text of token ids without the bytes at their end that are no whole character, from any thread."""
        text = self.decode(ids)
        end = self._broken_end(ids, text)
        return self.decode(ids[: len(ids) - end.read]) + end.whole if end.tokens else text

    def whole_tokens(self, ids: Sequence[int]) -> int:
        """How many of these tokens stand before the first that holds a part of a half character at their end."""
        return len(ids) - self._broken_end(ids, self.decode(ids)).tokens

    def _broken_end(self, ids: Sequence[int], text: str) -> BrokenEnd:
        if not text.endswith(REPLACEMENT_CHARACTER):  # nearly always, and quick to tell
            return BrokenEnd()
        with self._tokenizer_lock:
            return broken_end(self.tokenizer, ids)

    def tokens(self, ids: Sequence[int]) -> tuple[Token, ...]:
        """Token ids as people can read them, from any thread."""
        with self._tokenizer_lock:
            return read_tokens(self.tokenizer, ids)

    def reading(
        self,
        ids: Sequence[int],
        *,
        type_ids: Sequence[int] | None = None,
        decoder_ids: Sequence[int] = (),
        positions: Sequence[int] = (),
    ) -> Row[Reading]:
        """A row for `observe`."""
        types = None if type_ids is None else tuple(type_ids)
        inputs = Reading(tuple(ids), types, tuple(decoder_ids), tuple(positions))
        return Row(inputs, len(inputs.ids) + len(inputs.decoder_ids))

    def pad(self, sequences: Sequence[Sequence[int]], *, left: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
        """Pad to the longest sequence, and to a width that the model has kernels for.

        Returns:
            Token ids and attention mask, both of shape (batch, sequence), on the device.
        """
        width = self.filled_up(max(map(len, sequences)))
        fill = self.pad_token_id
        ids = [_padded(list(row), width, fill, left=left) for row in sequences]
        mask = [_padded([1] * len(row), width, 0, left=left) for row in sequences]
        return self.tensor(ids), self.tensor(mask)

    def filled_up(self, tokens: int) -> int:
        """So many tokens, and those that fill them up to a number that the model has kernels for."""
        return max(tokens, min(filled_up(tokens), self.context_length)) if self.is_packed else tokens

    def tensor(self, values: Any) -> torch.Tensor:
        """Integers as a tensor on the device. Nothing waits for them on their way to a GPU."""
        if not self.device.name.startswith("cuda"):
            return torch.tensor(values, dtype=torch.long, device=self.device.name)
        # Only from pinned memory does a copy go on beside the computing.
        return torch.tensor(values, dtype=torch.long, pin_memory=True).to(self.device.name, non_blocking=True)

    @property
    def weight_bytes(self) -> int:
        """Memory that the weights take, in bytes; those that layers share count once."""
        tensors = chain(self.model.parameters(), self.model.buffers())
        sizes = {part.data_ptr(): part.nbytes for tensor in tensors for part in _parts(tensor)}
        return sum(sizes.values()) + packed_bytes(self.model) + int8_bytes(self.model)

    @property
    def pad_token_id(self) -> int:
        """The padding token's id; where there is none any id serves, because the attention mask hides it."""
        for candidate in (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id):
            if isinstance(candidate, int):
                return candidate
        return 0


def _parts(tensor: torch.Tensor) -> Iterator[torch.Tensor]:
    """The tensors that hold its numbers. What torchao has rounded wraps several, and tells the size it had before."""
    flatten = getattr(tensor, "__tensor_flatten__", None)
    if flatten is None:
        yield tensor
        return
    for name in flatten()[0]:
        yield from _parts(getattr(tensor, name))


def _padded(row: list[int], width: int, fill: int, *, left: bool) -> list[int]:
    padding = [fill] * (width - len(row))
    return padding + row if left else row + padding


def _context_length(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    """The smallest of what the tokenizer and the position embeddings allow.

    Tokenizers write "no limit" as a huge number; RoBERTa's position embeddings start after the padding index.
    """
    config = model.config.get_text_config()
    limits = [int(tokenizer.model_max_length)]
    positions = getattr(config, "max_position_embeddings", None)
    if isinstance(positions, int):
        starts_after_padding = config.model_type in {"roberta", "xlm-roberta", "camembert", "longformer"}
        limits.append(positions - (config.pad_token_id or 0) - 1 if starts_after_padding else positions)
    smallest = min(limits)
    return smallest if smallest < 1_000_000 else FALLBACK_CONTEXT


def on_device(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Run a head's operation without recording gradients, with as many threads as are good for its rows."""

    @wraps(function)
    def run(head: Head, rows: Sequence[Row[Any]]) -> Any:
        padded = max((row.tokens for row in rows), default=0) * len(rows)
        with torch.inference_mode(), head.threads.chosen(function.__name__, padded):
            return function(head, rows)

    return run

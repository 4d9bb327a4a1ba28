"""A checkpoint on a device: its weights and its tokenizer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, wraps
from itertools import chain
from typing import TypeVar

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from bot.inference.compute.device import Device
from bot.inference.compute.int8 import int8_bytes
from bot.inference.compute.packed_linear import bucket, packed_bytes
from bot.inference.compute.threads import ThreadChoice
from bot.inference.heads.attention_backend import AttentionBackend
from bot.inference.heads.calibration import Calibrations
from bot.inference.languages.pairs import LanguagePairs
from bot.inference.operations import Row
from bot.inference.tokenization.literal import LiteralMode, control_tokens
from bot.inference.tokenization.tokens import BrokenEnd, Token, broken_end, read_tokens
from bot.text.characters import REPLACEMENT_CHARACTER

FALLBACK_CONTEXT = 512
"""Tokens, if a checkpoint doesn't say how long its context is."""


class Checkpoint:
    """Weights and a tokenizer on a device. Tokenizing is safe on any thread; the model runs on the device's thread.

    Attributes:
        declared_languages: the pairs that it translates, as the catalogue says.
        context_length: the longest input in tokens, special tokens included.
        parameters: their number; shared ones count once.
        precision: the data type of the weights, one of `bot.inference.compute.device.PRECISIONS`.
        precision_reason: why, in one clause.
        is_packed: whether the linear layers are packed for the CPU (see `bot.inference.compute.packed_linear`).
        literally: the tokenizer's literal mode: `with checkpoint.literally: …`.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, device: Device) -> None:
        self.declared_languages: LanguagePairs | None = None
        self.model = model
        self.tokenizer = tokenizer
        self.device = device
        self.calibrations = Calibrations()
        self.context_length = _context_length(model, tokenizer)
        self.parameters = sum(parameter.numel() for parameter in model.parameters())
        self.precision = str(model.dtype).removeprefix("torch.")
        self.precision_reason = device.reason_for(self.precision)
        self.is_packed = False
        # In float32 the number of threads changes the result's last bits, and a seed must reproduce its text. In
        # bfloat16 a probe checks that it changes none (see `batch_invariance`).
        self.threads = ThreadChoice(active=device.on_cpu and model.dtype == torch.bfloat16)
        # Fast tokenizers keep truncation and padding as state that is shared between calls.
        self._tokenizer_lock = threading.Lock()
        self.literally = LiteralMode(tokenizer, self._tokenizer_lock)
        self.attention_backend = AttentionBackend(model)

    def tokenize(self, *texts: str, **options: object) -> list[int]:
        """Return the token ids of a text or of a pair. No control token is read in them."""
        with self.literally:
            ids: list[int] = self.tokenizer(*texts, **options)["input_ids"]
            return ids

    def tokenize_template(self, text: str, *, source: str | None = None, **options: object) -> list[int]:
        """Return the token ids of a text by the bot or a chat template, whose control tokens are meant as such.

        Args:
            source: the tokenizer's own code of the text's language, for multilingual models.
        """
        with self._tokenizer_lock:
            if source is not None:
                self.tokenizer.src_lang = source
            ids: list[int] = self.tokenizer(text, **options)["input_ids"]
            return ids

    @cached_property
    def control_tokens(self) -> dict[str, int]:
        """The tokenizer's control tokens with their ids."""
        return control_tokens(self.tokenizer)

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool = True) -> str:
        """Return the text of token ids."""
        with self._tokenizer_lock:
            text = self.tokenizer.decode(
                list(ids), skip_special_tokens=skip_special_tokens, clean_up_tokenization_spaces=False
            )
            return str(text)

    def decode_whole(self, ids: Sequence[int]) -> str:
        """Return the text of token ids without an incomplete character at its end."""
        text = self.decode(ids)
        end = self._broken_end(ids, text)
        return self.decode(ids[: len(ids) - end.read]) + end.whole if end.tokens else text

    def whole_tokens(self, ids: Sequence[int]) -> int:
        """Count the tokens before the first one that holds a part of an incomplete character at the end."""
        return len(ids) - self._broken_end(ids, self.decode(ids)).tokens

    def _broken_end(self, ids: Sequence[int], text: str) -> BrokenEnd:
        if not text.endswith(REPLACEMENT_CHARACTER):  # nearly always, and quick to tell
            return BrokenEnd()
        with self._tokenizer_lock:
            return broken_end(self.tokenizer, ids)

    def tokens(self, ids: Sequence[int]) -> tuple[Token, ...]:
        """Return token ids as people can read them."""
        with self._tokenizer_lock:
            return read_tokens(self.tokenizer, ids)

    @property
    def pad_token_id(self) -> int:
        """The padding token's id, or another one: any serves, because the attention mask hides it."""
        candidates = (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id)
        return next((candidate for candidate in candidates if isinstance(candidate, int)), 0)

    @property
    def end_ids(self) -> frozenset[int]:
        """Tokens that end a text."""
        declared = self.model.generation_config.eos_token_id
        ends = declared if isinstance(declared, list) else [declared]
        return frozenset(end for end in [*ends, self.tokenizer.eos_token_id] if isinstance(end, int))

    @property
    def logits_width(self) -> int:
        """Logits of a language model at one position. The tokenizer may know fewer tokens."""
        return int(self.model.config.get_text_config().vocab_size)

    def tensor(self, values: Sequence[int] | Sequence[Sequence[int]]) -> torch.Tensor:
        """Return integers as a tensor on the device, copied asynchronously."""
        if not self.device.name.startswith("cuda"):
            return torch.tensor(values, dtype=torch.long, device=self.device.name)
        # Only copies from pinned memory run beside the computing.
        return torch.tensor(values, dtype=torch.long, pin_memory=True).to(self.device.name, non_blocking=True)

    def pad(self, sequences: Sequence[Sequence[int]], *, left: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
        """Pad to the padded length of the longest sequence.

        Returns:
            Token ids and attention mask, both of shape (batch, sequence), on the device.
        """
        width = self.padded_length(max(map(len, sequences)))
        ids = [_padded(list(row), width, self.pad_token_id, left=left) for row in sequences]
        mask = [_padded([1] * len(row), width, 0, left=left) for row in sequences]
        return self.tensor(ids), self.tensor(mask)

    def padded_length(self, tokens: int) -> int:
        """Return the next number of tokens for which packed layers have kernels; the same one if they aren't packed."""
        return max(tokens, min(bucket(tokens), self.context_length)) if self.is_packed else tokens

    def inputs(
        self,
        ids: Sequence[int],
        type_ids: Sequence[int] | None = None,
        decoder_ids: Sequence[int] = (),
        *,
        batch: int = 1,
    ) -> dict[str, torch.Tensor]:
        """Return the model's arguments for a text without padding, repeated `batch` times (see `Reading`)."""
        inputs = {"input_ids": self.tensor([ids] * batch)}
        inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
        if type_ids is not None:
            inputs["token_type_ids"] = self.tensor([type_ids] * batch)
        if decoder_ids:
            inputs["decoder_input_ids"] = self.tensor([decoder_ids] * batch)
        return inputs

    @property
    def weight_bytes(self) -> int:
        """The bytes of the weights; shared ones count once."""
        tensors = chain(self.model.parameters(), self.model.buffers())
        sizes = {part.data_ptr(): part.nbytes for tensor in tensors for part in _parts(tensor)}
        return sum(sizes.values()) + packed_bytes(self.model) + int8_bytes(self.model)


def _parts(tensor: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield the tensors that hold a tensor's numbers."""
    # torchao wraps several tensors in one that reports the size of the weight before quantisation.
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
    """Return the smallest of the limits of the tokenizer and of the position embeddings."""
    config = model.config.get_text_config()
    limits = [int(tokenizer.model_max_length)]
    positions = getattr(config, "max_position_embeddings", None)
    if isinstance(positions, int):
        # RoBERTa's position embeddings start after the padding index.
        starts_after_padding = config.model_type in {"roberta", "xlm-roberta", "camembert", "longformer"}
        limits.append(positions - (config.pad_token_id or 0) - 1 if starts_after_padding else positions)
    return min(limits) if min(limits) < 1_000_000 else FALLBACK_CONTEXT  # tokenizers write "no limit" as a huge number


CheckpointT = TypeVar("CheckpointT", bound=Checkpoint)
InputT = TypeVar("InputT")
OutputT = TypeVar("OutputT")


def on_device(
    function: Callable[[CheckpointT, Sequence[Row[InputT]]], list[OutputT]],
) -> Callable[[CheckpointT, Sequence[Row[InputT]]], list[OutputT]]:
    """Decorate a method over rows: no gradients are recorded, and the number of threads suits the number of tokens."""

    @wraps(function)
    def run(checkpoint: CheckpointT, rows: Sequence[Row[InputT]]) -> list[OutputT]:
        padded = max((row.tokens for row in rows), default=0) * len(rows)
        with torch.inference_mode(), checkpoint.threads.chosen(function.__name__, padded):
            return function(checkpoint, rows)

    return run

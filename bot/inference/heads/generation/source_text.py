"""The input of an encoder-decoder that rewrites a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.inference.heads.generation.sampling import Sampling
from bot.inference.operations import Row


@dataclass(frozen=True)
class SourceText:
    """A text to rewrite, as token ids: the likeliest token each time, and only its end ends a text.

    Attributes:
        ids: what the encoder reads, special tokens included.
        start: what the decoder starts from: its start token, then the target language's if the model has one.
        max_new_tokens: the most tokens to write.
        truncated: whether the end of the text was left out, because it exceeds the context length.
    """

    ids: tuple[int, ...]
    start: tuple[int, ...]
    max_new_tokens: int
    truncated: bool
    sampling: Sampling = field(default=Sampling.likeliest(), init=False)
    stop: None = field(default=None, init=False)

    @property
    def row(self) -> Row[SourceText]:
        """A row for `rewrite`."""
        return Row(self, len(self.ids) + self.max_new_tokens)

    @property
    def prompt(self) -> SourceText:
        """What is read before the first token is chosen (see `EncoderDecoderRunner.forward`)."""
        return self

    @property
    def forced_ids(self) -> tuple[int, ...]:
        """See `Generation.forced_ids`: what the decoder starts from beyond its first token."""
        return self.start[1:]

    def resumed(self, written: Sequence[int]) -> tuple[SourceText, tuple[int, ...]]:
        """See `Generation.resumed`: the decoder reads one token a step, also of what was written."""
        return self, (*self.forced_ids, *written)

    def __len__(self) -> int:
        return len(self.ids)

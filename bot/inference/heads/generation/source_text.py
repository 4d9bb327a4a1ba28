"""The input of an encoder-decoder that rewrites a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.inference.heads.generation.sampling import Sampling
from bot.inference.operations import Row


@dataclass(frozen=True)
class SourceText:
    """A text to rewrite by greedy sampling, as token ids."""

    ids: tuple[int, ...]
    """The encoder's input, special tokens included."""
    start: tuple[int, ...]
    """The decoder's start token, then the target language's if the model has one."""
    max_new_tokens: int
    truncated: bool
    """Whether the end of the text was cut off, because it exceeds the context length."""
    sampling: Sampling = field(default=Sampling.likeliest(), init=False)
    stop: None = field(default=None, init=False)

    @property
    def row(self) -> Row[SourceText]:
        """A row for `rewrite`."""
        return Row(self, len(self.ids) + self.max_new_tokens)

    @property
    def prompt(self) -> SourceText:
        """The input of `EncoderDecoderRunner.forward`."""
        return self

    @property
    def forced_ids(self) -> tuple[int, ...]:
        """See `Generation.forced_ids`: the start but its first token."""
        return self.start[1:]

    def resumed(self, written: Sequence[int]) -> tuple[SourceText, tuple[int, ...]]:
        """See `Generation.resumed`: the decoder reads written tokens too one a step."""
        return self, (*self.forced_ids, *written)

    def __len__(self) -> int:
        return len(self.ids)

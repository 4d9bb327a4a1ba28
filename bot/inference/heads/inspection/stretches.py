"""What an attribution explains, and along which line: plain values, so that a process without torch can read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from bot.inference.json_forms import Tagged
from bot.inference.operations import Row


@dataclass(frozen=True)
class LabelLogit:
    """Explains the logit of a sequence classifier's label, by its id."""

    label: int


@dataclass(frozen=True)
class Contrast:
    """Explains by how much a causal language model prefers some next words to others.

    The value is the mean, over pairs, of the difference of the words' summed log-probabilities.
    """

    wanted: tuple[tuple[int, ...], ...]
    """Token ids of the preferred words."""
    unwanted: tuple[tuple[int, ...], ...]
    """Those of as many other words; none if the words are not compared with others."""

    @property
    def signed(self) -> list[tuple[tuple[int, ...], float]]:
        """Each word with its factor."""
        share = 1 / len(self.wanted)
        return [*((word, share) for word in self.wanted), *((word, -share) for word in self.unwanted)]

    @property
    def passes(self) -> dict[tuple[int, ...], list[tuple[tuple[int, ...], float]]]:
        """The beginnings that are read after the text, each with the words that it predicts."""
        # A word's last token is only predicted. Words that begin alike share a pass.
        beginnings = sorted({word[:-1] for word, _ in self.signed}, key=len, reverse=True)
        passes: dict[tuple[int, ...], list[tuple[tuple[int, ...], float]]] = {}
        for word, factor in self.signed:
            longest = next(beginning for beginning in beginnings if beginning[: len(word) - 1] == word[:-1])
            passes.setdefault(longest, []).append((word, factor))
        return passes


Target: TypeAlias = LabelLogit | Contrast


@dataclass(frozen=True)
class Stretch:
    """A stretch of the straight line from a baseline's word embeddings to those of a text."""

    # Integrals over stretches add up, so each row is one: a bounded amount of computing, after which the device serves
    # others.
    ids: tuple[int, ...]
    """Token ids of the text, with everything that the model reads around it."""
    type_ids: tuple[int, ...] | None
    """Which of two texts each token belongs to; None if the model doesn't ask."""
    baseline: tuple[int, ...]
    """As many token ids. Tokens that equal the text's are attributed nothing."""
    target: Annotated[Target, Tagged()]
    start: float = 0.0
    """From 0, the baseline, to 1, the text."""
    end: float = 1.0
    points: int = 8
    """Points of the stretch at which gradients are taken."""

    @property
    def tokens(self) -> int:
        """Tokens that are read for one gradient."""
        if isinstance(self.target, LabelLogit):
            return len(self.ids)
        return sum(len(self.ids) + len(beginning) for beginning in self.target.passes)

    @property
    def row(self) -> Row[Stretch]:
        """A row for `attribute`."""
        return Row(self, self.tokens * self.points)

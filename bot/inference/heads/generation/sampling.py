"""Sampling the next tokens of a batch whose rows each have their own options and random state."""

# transformers' `generate` has one temperature, one top_p and one random state for a whole batch.

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from transformers import LogitsProcessor, StoppingCriteria

ATTEMPTS = 4
"""Draws from the whole vocabulary before it is sorted to find the nucleus: nearly always enough, and much cheaper."""


@dataclass(frozen=True)
class Sampling:
    """A row's sampling options."""

    temperature: float
    """Divisor of the logits; 0 takes the likeliest token."""
    top_p: float
    """Tokens are drawn from the smallest set whose probabilities sum to at least this (nucleus sampling, Holtzman et
    al. 2020, arXiv:1904.09751)."""
    seed: int

    @classmethod
    def likeliest(cls) -> Sampling:
        """Return greedy sampling: always the likeliest token."""
        return cls(temperature=0, top_p=1, seed=0)

    @property
    def greedy(self) -> bool:
        """Whether the likeliest token is always taken."""
        return self.temperature == 0


class Sampler:
    """A row's options, with its own random state."""

    def __init__(self, options: Sampling) -> None:
        self.options = options
        self._random = torch.Generator().manual_seed(options.seed)
        # A decode step may fail after it has drawn numbers: the next one draws the same ones again.
        self._drawn: list[torch.Tensor] = []
        self._again: list[torch.Tensor] = []

    def uniform(self) -> torch.Tensor:
        """Return the row's next random number from 0 to 1, (1,)."""
        number = self._again.pop(0) if self._again else torch.rand(1, generator=self._random)
        self._drawn.append(number)
        return number

    def commit(self) -> None:
        """Forget the numbers that were drawn, because they have become a token."""
        self._drawn.clear()

    def rewind(self) -> None:
        """Draw the numbers again that have not become a token."""
        self._again, self._drawn = [*self._drawn, *self._again], []


def choose(logits: torch.Tensor, samplers: Sequence[Sampler]) -> torch.Tensor:
    """Return each row's next token, (batch,), from logits, (batch, vocabulary), float32."""
    drawing = [row for row, sampler in enumerate(samplers) if not sampler.options.greedy]
    drawn = _draw(_rows(logits, drawing), [samplers[row] for row in drawing]) if drawing else logits.new_empty(0)
    if len(drawing) == len(samplers):
        return drawn
    chosen = logits.argmax(dim=-1)
    chosen[drawing] = drawn.long()
    return chosen


def choose_sound(logits: torch.Tensor, samplers: Sequence[Sampler]) -> tuple[torch.Tensor, list[int | None]]:
    """Return the same, and the tokens as numbers: None if a row's logits have NaN or infinity."""
    chosen = choose(logits, samplers)
    # One copy to the host holds both. The maximum is NaN if any logit is; minus infinity only rules a token out.
    copied = torch.where(logits.amax(dim=-1).isfinite(), chosen, -1).tolist()
    return chosen, [None if token < 0 else token for token in copied]


def _draw(logits: torch.Tensor, samplers: Sequence[Sampler]) -> torch.Tensor:
    temperature = torch.tensor([[sampler.options.temperature] for sampler in samplers], device=logits.device)
    top_p = torch.tensor([[sampler.options.top_p] for sampler in samplers], device=logits.device)

    def uniform(rows: Sequence[int]) -> torch.Tensor:
        return torch.stack([samplers[row].uniform() for row in rows]).to(logits.device)

    return draw(logits / temperature, top_p, uniform)


def draw(
    logits: torch.Tensor,
    top_p: torch.Tensor,
    uniform: Callable[[Sequence[int]], torch.Tensor],
    attempts: int = ATTEMPTS,
) -> torch.Tensor:
    """Draw a token per row from its nucleus, (batch,).

    Args:
        logits: (batch, vocabulary), temperature already applied.
        top_p: (batch, 1), above 0 and at most 1.
        uniform: gives the next random number from 0 to 1 of some rows, (rows, 1).
        attempts: draws before the vocabulary is sorted.
    """
    # A token of the whole vocabulary is drawn, and drawn again if it is outside of the nucleus. To find that out takes
    # the sum of the likelier tokens only; the nucleus itself takes a sorted vocabulary.
    probabilities = logits.softmax(dim=-1)
    cumulative = probabilities.cumsum(dim=-1)
    chosen = logits.new_empty(len(logits), dtype=torch.long)
    rows = list(range(len(logits)))
    for _ in range(attempts):
        tokens, inside = _attempt(_rows(probabilities, rows), _rows(cumulative, rows), top_p[rows], uniform(rows))
        chosen[rows] = tokens
        rows = [row for row, good in zip(rows, inside.tolist(), strict=True) if not good]
        if not rows:
            return chosen
    chosen[rows] = _from_sorted(probabilities[rows], top_p[rows], uniform(rows))
    return chosen


def _rows(values: torch.Tensor, rows: Sequence[int]) -> torch.Tensor:
    """Return some rows, without a copy if they are all."""
    return values if len(rows) == len(values) else values[rows]


def _attempt(
    probabilities: torch.Tensor, cumulative: torch.Tensor, top_p: torch.Tensor, uniform: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw a token of each row by inverting the cumulative distribution; return it and whether it is in the nucleus."""
    token = torch.searchsorted(cumulative, uniform * cumulative[:, -1:], right=True).clamp(max=cumulative.shape[-1] - 1)
    chance = probabilities.gather(1, token)
    # Compared into float32: selecting by a mask of booleans takes four times as long.
    likelier = torch.gt(probabilities, chance, out=torch.empty_like(probabilities))
    likelier = likelier.mul_(probabilities).sum(dim=-1, keepdim=True)
    return token.squeeze(1), ((likelier < top_p) & (chance > 0)).squeeze(1)


def _from_sorted(probabilities: torch.Tensor, top_p: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    values, tokens = probabilities.sort(dim=-1, descending=True)
    cumulative = values.cumsum(dim=-1)
    # The nucleus ends with the token that reaches top_p; rounding must not leave the last row without an end.
    size = (cumulative < top_p).sum(dim=-1, keepdim=True).clamp(max=cumulative.shape[-1] - 1)
    mass = cumulative.gather(1, size)
    index = torch.searchsorted(cumulative, uniform * mass).minimum(size)
    return tokens.gather(1, index).squeeze(1)


class RowStop(StoppingCriteria):  # type: ignore[misc]
    """Ends each row by its own rule. A beam search has several candidates of every row."""

    def __init__(self, ended: Callable[[int, torch.Tensor], bool], rows: int, prompt_width: int) -> None:
        self._ended, self._rows, self._prompt_width = ended, rows, prompt_width

    def __call__(self, input_ids: torch.Tensor, scores: object, **kwargs: object) -> torch.Tensor:
        candidates = len(input_ids) // self._rows
        done = [self._ended(index // candidates, ids[self._prompt_width :]) for index, ids in enumerate(input_ids)]
        return torch.tensor(done, device=input_ids.device)


class FiniteRows(LogitsProcessor):  # type: ignore[misc]
    """Records whether each row's scores are finite so far. A beam search has several candidates of every row."""

    def __init__(self, rows: int) -> None:
        self.rows = [True] * rows

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        # Minus infinity rules a token out, and is allowed.
        finite = scores.amax(dim=-1).isfinite().view(len(self.rows), -1).all(dim=-1).tolist()
        self.rows = [before and now for before, now in zip(self.rows, finite, strict=True)]
        return scores

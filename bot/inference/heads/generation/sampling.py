"""Choosing the next token, for rows of one batch that each have their own options."""

# transformers' `generate` has one temperature, one top_p and one random state for a whole batch. Rows of different
# people need their own.

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from transformers import LogitsProcessor, StoppingCriteria

ATTEMPTS = 4
"""Draws from the whole vocabulary before its nucleus is sorted out: nearly always enough, and much cheaper."""


@dataclass(frozen=True)
class Sampling:
    """How a row's tokens are drawn.

    Attributes:
        temperature: what logits are divided by; 0 takes the likeliest token.
        top_p: tokens are drawn from the smallest set whose probabilities sum to at least this (nucleus sampling,
            Holtzman et al. 2020, arXiv:1904.09751).
        seed: of the row's own random generator.
    """

    temperature: float
    top_p: float
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
    """A row's options, with its own random state.

    A decode step may fail after numbers were drawn, and before a token was made of them: `rewind` draws them again.
    """

    def __init__(self, options: Sampling) -> None:
        self.options = options
        self._random = torch.Generator().manual_seed(options.seed)
        self._drawn: list[torch.Tensor] = []
        self._again: list[torch.Tensor] = []

    def uniform(self) -> torch.Tensor:
        """Return the row's next random number from 0 to 1, (1,)."""
        number = self._again.pop(0) if self._again else torch.rand(1, generator=self._random)
        self._drawn.append(number)
        return number

    def keep(self) -> None:
        """Forget the numbers that were drawn: a token was made of them."""
        self._drawn.clear()

    def rewind(self) -> None:
        """Draw the numbers again of which no token was made."""
        self._again, self._drawn = [*self._drawn, *self._again], []


def choose(logits: torch.Tensor, samplers: Sequence[Sampler]) -> torch.Tensor:
    """Return each row's next token, by its own options and random state.

    Args:
        logits: (batch, vocabulary), float32.
        samplers: one per row.

    Returns:
        Token ids, (batch,).
    """
    drawing = [row for row, sampler in enumerate(samplers) if not sampler.options.greedy]
    drawn = _draw(_rows(logits, drawing), [samplers[row] for row in drawing]) if drawing else logits.new_empty(0)
    if len(drawing) == len(samplers):
        return drawn
    chosen = logits.argmax(dim=-1)
    chosen[drawing] = drawn.long()
    return chosen


def choose_sound(logits: torch.Tensor, samplers: Sequence[Sampler]) -> tuple[torch.Tensor, list[int | None]]:
    """Return the same, and the tokens once more for the host: None if a row's logits have NaN or infinity.

    Minus infinity is a logit too, that of a token that is ruled out; the largest one must be finite.
    """
    chosen = choose(logits, samplers)
    # Both take one way to the host. The maximum of several numbers is NaN if one of them is.
    found = torch.where(logits.amax(dim=-1).isfinite(), chosen, -1).tolist()
    return chosen, [None if token < 0 else token for token in found]


def _draw(logits: torch.Tensor, samplers: Sequence[Sampler]) -> torch.Tensor:
    temperature = torch.tensor([[one.options.temperature] for one in samplers], device=logits.device)
    top_p = torch.tensor([[one.options.top_p] for one in samplers], device=logits.device)

    def uniform(rows: Sequence[int]) -> torch.Tensor:
        return torch.stack([samplers[row].uniform() for row in rows]).to(logits.device)

    return draw(logits / temperature, top_p, uniform)


def draw(
    logits: torch.Tensor,
    top_p: torch.Tensor,
    uniform: Callable[[Sequence[int]], torch.Tensor],
    attempts: int = ATTEMPTS,
) -> torch.Tensor:
    """Draw a token per row from its nucleus.

    Args:
        logits: (batch, vocabulary), temperature already applied.
        top_p: (batch, 1), above 0 and at most 1.
        uniform: gives the next random number from 0 to 1 of some rows, (rows, 1).
        attempts: after so many the nucleus is sorted out after all.

    Returns:
        Token ids, (batch,).
    """
    # A token of the whole vocabulary is drawn, and drawn again if it is outside of the nucleus. Whether it is needs the
    # sum of the likelier tokens only; the nucleus itself would need a sorted vocabulary.
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
    """Return some rows; all of them are not copied."""
    return values if len(rows) == len(values) else values[rows]


def _attempt(
    probabilities: torch.Tensor, cumulative: torch.Tensor, top_p: torch.Tensor, uniform: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw a token of each row by inverting the cumulative distribution; return it and whether it is in the nucleus."""
    token = torch.searchsorted(cumulative, uniform * cumulative[:, -1:], right=True).clamp(max=cumulative.shape[-1] - 1)
    chance = probabilities.gather(1, token)
    # Compared into float32: a mask of booleans, and selecting by it, takes four times as long.
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
    """Ends each row by its own rule; a beam search asks for several candidates of every row."""

    def __init__(self, ended: Callable[[int, torch.Tensor], bool], rows: int, prompt_width: int) -> None:
        self._ended = ended
        self._rows = rows
        self._prompt_width = prompt_width

    def __call__(self, input_ids: torch.Tensor, scores: object, **kwargs: object) -> torch.Tensor:
        candidates = input_ids.shape[0] // self._rows
        new = input_ids[:, self._prompt_width :]
        done = [self._ended(index // candidates, new[index]) for index in range(input_ids.shape[0])]
        return torch.tensor(done, device=input_ids.device)


class FiniteRows(LogitsProcessor):  # type: ignore[misc]
    """Changes no score, and remembers the rows that had NaN or infinite ones; a beam search has several of every row.

    Attributes:
        rows: whether each row's scores have been finite so far. Minus infinity rules a token out, and is allowed.
    """

    def __init__(self, rows: int) -> None:
        self.rows = [True] * rows

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        finite = scores.amax(dim=-1).isfinite().view(len(self.rows), -1).all(dim=-1).tolist()
        self.rows = [before and now for before, now in zip(self.rows, finite, strict=True)]
        return scores

"""What becomes of an answer without the words that an explanation names, and with nothing but them.

Comprehensiveness: the drop of the explained number without the strongest words (10, 20 and 50 % of them, at least
one); higher is better. Sufficiency: the drop with nothing but these; lower is better. Both are means, by DeYoung et
al.: ERASER, 2020, arXiv:1911.03429, in log-odds (or log p) instead of probabilities, which saturate.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from bot.inference.operations import run_task
from bot.tasks.scores import Floats
from bot.tasks.work.coalitions import Coalition, Table, Value
from bot.tasks.work.units import Units
from tests.bench.owners import owned_ids

SHARES = (0.1, 0.2, 0.5)

Judge: TypeAlias = Callable[[Sequence[Coalition]], Sequence[float]]
"""Returns the number that is explained for each coalition of words."""


@dataclass(frozen=True)
class WrittenWord:
    """A word that was written, whose origins are known."""

    columns: tuple[int, ...]
    """Its tokens, among those that were written."""
    origins: frozenset[int]
    """The words of the text that it comes from."""


@dataclass(frozen=True)
class Case:
    """A text whose words are scored, and what a model answered to it."""

    head: Any
    units: Units
    value: Value
    """The last of its numbers is explained."""
    judges: tuple[Judge, ...]
    label: int = 0
    """Of a classification."""
    written: tuple[int, ...] = ()
    """Token ids, whose log-probabilities are `value`'s first numbers."""
    words: tuple[WrittenWord, ...] = ()
    """Those whose origins are known."""

    @property
    def text(self) -> str:
        """The text."""
        return "".join(self.units.parts)


def judge_of(table: Table) -> Judge:
    """Judge by the text of the words that are kept."""

    def judge(coalitions: Sequence[Coalition]) -> list[float]:
        run_task(table.fill(coalitions))
        return [float(table.known[one][-1]) for one in coalitions]

    return judge


def by_token(judge: Judge, tokens: int) -> Judge:
    """Divide a text's log p by its tokens."""
    return lambda kept: [one / tokens for one in judge(kept)]


def masked_judge(head: Any, units: Units, label: int) -> Judge:
    """Judge by the whole text of an encoder, with mask tokens in place of the words that are not kept."""
    ids, owners = owned_ids(head, units)

    def row(kept: Coalition) -> Any:
        from bot.inference.heads.encoder_head import EncoderInput

        blank = head.tokenizer.mask_token_id
        inside = (one is None or one in kept for one in owners)
        masked = tuple(token if keep else blank for token, keep in zip(ids, inside, strict=True))
        return EncoderInput(masked, None, truncated=False).row

    def judge(coalitions: Sequence[Coalition]) -> list[float]:
        found = np.array([head.classify.run([row(one)])[0] for one in coalitions], dtype=np.float64)
        log_probs = found - np.logaddexp.reduce(found, axis=1, keepdims=True)
        others = np.logaddexp.reduce(np.delete(log_probs, label, axis=1), axis=1)
        return list(log_probs[:, label] - others)

    return judge


def measure(judge: Judge, whole: Coalition, scores: Sequence[float] | Floats) -> tuple[float, float]:
    """Return comprehensiveness and sufficiency.

    Args:
        scores: of each word.
    """
    order = sorted(whole, key=lambda index: -scores[index])
    strongest = [set(order[: max(1, math.ceil(share * len(order)))]) for share in SHARES]
    rests = [tuple(one for one in whole if one not in chosen) for chosen in strongest]
    alone = [tuple(sorted(chosen)) for chosen in strongest]
    end, *values = judge([whole, *rests, *alone])
    drops = [end - one for one in values]
    return statistics.mean(drops[: len(SHARES)]), statistics.mean(drops[len(SHARES) :])


def found_origins(words: Sequence[WrittenWord], scores: Floats, origins: int) -> tuple[int, int]:
    """Return how often a written word's strongest word is one that it comes from, and among how many.

    Args:
        scores: (words of the text, numbers).
        origins: the number of words that a written word comes from; others are not counted.
    """
    asked = [word for word in words if len(word.origins) == origins]
    strongest = [int(scores[:, list(word.columns)].sum(axis=1).argmax()) for word in asked]
    return sum(one in word.origins for one, word in zip(strongest, asked, strict=True)), len(asked)

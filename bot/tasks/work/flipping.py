"""The search for the least change of a text that gives it another label.

One part is left out, or one word exchanged, before two are left out, and two before more. All changes of one part are
tried; what these do alone says in which order pairs are tried, and which parts are left out after pairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from bot.inference.operations import TaskRun
from bot.inference.requests import Request
from bot.tasks.scores import Floats
from bot.tasks.work.budget import FEWEST_PARTS, MOST_READ, within
from bot.tasks.work.changes import Asked, Change, exchanging, leaving_out, shares_of
from bot.tasks.work.coalitions import AT_ONCE
from bot.tasks.work.request import Exchange
from bot.tasks.work.units import Units, units, words_of

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.sequence_classifier import SequenceClassifier

FIRST_READ = 6_144
"""Tokens that are read for a first look, by a model of `budget.USUAL_SIZE`: each word of thirty is left out once."""
MOST_EXCHANGED, MOST_WORDS = 16, 8
"""Places where words are exchanged, and words that are put into each."""
SETS_AT_ONCE = 8
MOST_CHECKED = 8
"""Changes that are asked anew by themselves, until one has still another label: rounding decides only close calls."""


@dataclass(frozen=True)
class Flip:
    """A change after which the command answers with another label, asked anew by itself."""

    change: Change
    shares: Floats
    """Probabilities of the labels, (labels,)."""


@dataclass
class Search:
    """What was tried.

    Attributes:
        best: index of the text's own label.
        before: its probabilities, (labels,).
        possible_pairs: how many changes leave two parts out; those of `pairs` were tried.
    """

    whole: Units
    asked: Asked
    best: int
    before: Floats
    singles: list[Change] = field(default_factory=list)
    exchanges: list[Change] = field(default_factory=list)
    pairs: list[Change] = field(default_factory=list)
    further: list[Change] = field(default_factory=list)
    possible_pairs: int = 0
    flip: Flip | None = None

    @property
    def changes(self) -> tuple[Change, ...]:
        """All that were tried."""
        return (*self.singles, *self.exchanges, *self.pairs, *self.further)

    def share(self, change: Change) -> float:
        """Return the probability of the text's own label after a change."""
        return float(self.asked.known[change.text][self.best])

    def flips(self, change: Change) -> bool:
        """Return whether a change gives the text another label."""
        return int(np.argmax(self.asked.known[change.text])) != self.best

    @property
    def strongest(self) -> tuple[int, ...]:
        """The indices of the parts, first those without which the label is least likely."""
        return tuple(one.parts[0] for one in sorted(self.singles, key=self.share))


def search(
    head: CausalLM | SequenceClassifier, request: Request[Any], exchanges: Sequence[Exchange], *, finer: bool
) -> TaskRun[Search]:
    """Look for the least change that gives a text another label.

    Args:
        request: of `/sentiment` or `/zeroshot`.
        exchanges: words to put in the place of others. A text that is left out in longer parts has none.
        finer: try all, rather than only to leave one part out.
    """
    shares, text = shares_of(head, request), str(request.text)  # type: ignore[attr-defined]
    asked = Asked(shares)
    before = yield from shares(text, True)
    yield from asked.fill([text])
    affordable = (MOST_READ if finer else within(FIRST_READ, head.parameters)) // max(asked.tokens, 1)
    words = words_of(text)
    most = max(affordable // 2, FEWEST_PARTS)
    whole = Units("word", tuple(words)) if len(words) <= most else units(text, most)
    found = Search(whole, asked, int(np.argmax(before)), before)
    found.singles = list(leaving_out(whole, [(index,) for index in range(len(whole))]))
    if finer and whole.noun == "word":
        chosen = [Exchange(one.place, one.words[:MOST_WORDS]) for one in exchanges[:MOST_EXCHANGED]]
        found.exchanges = list(exchanging(whole, chosen))
    ones = [*found.singles, *found.exchanges]
    yield from asked.fill(one.text for one in ones)
    found.flip = yield from _checked(found, ones)
    if finer and found.flip is None:
        yield from _leave_more_out(found, affordable - len(asked.known))
    return found


def _leave_more_out(found: Search, affordable: int) -> TaskRun[None]:
    """Leave two parts out, those first that do most by themselves; then more and more of the strongest."""
    pairs = _pairs(found)
    found.possible_pairs = len(pairs)
    pairs = pairs[: max(affordable, AT_ONCE)]
    for first in range(0, len(pairs), AT_ONCE):
        part = pairs[first : first + AT_ONCE]
        yield from found.asked.fill(one.text for one in part)
        found.pairs += part
        if (flip := (yield from _checked(found, part))) is not None:
            found.flip = flip
            return
    strongest = found.strongest
    sets = [sorted(strongest[:number]) for number in range(3, len(strongest))]
    larger = list(leaving_out(found.whole, sets))
    for first in range(0, len(larger), SETS_AT_ONCE):
        part = larger[first : first + SETS_AT_ONCE]
        yield from found.asked.fill(one.text for one in part)
        found.further += part
        for change in part:  # the smallest first
            if (flip := (yield from _checked(found, [change]))) is not None:
                found.flip = flip
                return


def _pairs(found: Search) -> list[Change]:
    alone = {one.parts[0]: found.share(one) for one in found.singles}
    both = list(leaving_out(found.whole, combinations(range(len(found.whole)), 2)))
    return sorted(both, key=lambda one: sum(alone.get(part, 1.0) for part in one.parts))


def _checked(found: Search, changes: Sequence[Change]) -> TaskRun[Flip | None]:
    """Return the surest of the changes that give another label, asked anew by itself; None if there is none."""
    for change in _by_sureness(found, changes):
        shares = yield from found.asked.shares(change.text, True)
        if int(np.argmax(shares)) != found.best:
            return Flip(change, shares)
    return None


def _by_sureness(found: Search, changes: Sequence[Change]) -> Iterator[Change]:
    flipping = [one for one in changes if found.flips(one)]
    yield from sorted(flipping, key=found.share)[:MOST_CHECKED]

"""Changes of a text that leave words out or exchange one, and what a command answers after each.

Sources: Ebrahimi et al.: HotFlip, 2018, arXiv:1712.06751; Ross, Marasović, Peters: Explaining NLP Models via Minimal
Contrastive Editing (MiCE), 2021, arXiv:2012.13985.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import regex

from bot.inference.operations import OperationCall, TaskRun
from bot.inference.requests import Request
from bot.inference.side_by_side import behind, side_by_side
from bot.tasks import sentiment, zeroshot
from bot.tasks.scores import Floats
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.work.coalitions import AT_ONCE
from bot.tasks.work.request import Exchange
from bot.tasks.work.units import Units
from bot.tasks.work.word_evidence import about_text
from bot.text.accepted import has_words
from bot.text.characters import identity, visible

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.sequence_classifier import SequenceClassifier

Shares: TypeAlias = Callable[[str, bool], TaskRun[Floats]]
"""Runs a command on a text, alone or in batches with others; returns the probability of each of its labels."""

# What is exchanged: a word without the marks around it.
_CORE = regex.compile(r"[\p{L}\p{N}\p{M}\p{S}](?:.*[\p{L}\p{N}\p{M}\p{S}])?", regex.DOTALL)


@dataclass(frozen=True)
class Change:
    """A text after parts were left out, or one part was exchanged.

    Attributes:
        parts: their indices, in order.
        put: the word in place of the only one; "" if it was left out.
        text: as the command reads it.
    """

    parts: tuple[int, ...]
    put: str
    text: str


def leaving_out(whole: Units, choices: Iterable[Sequence[int]]) -> Iterator[Change]:
    """Yield the changes that leave parts out, except those after which a command has no words to read."""
    for parts in choices:
        text = visible(whole.without(parts))
        if has_words(text):
            yield Change(tuple(parts), "", text)


def exchanging(whole: Units, exchanges: Iterable[Exchange]) -> Iterator[Change]:
    """Yield the changes that put another word in the place of one; its marks stay."""
    for one in exchanges:
        if not 0 <= one.place < len(whole):
            continue
        seen = {identity(core_of(whole.parts[one.place])[1])}
        for word in one.words:
            if identity(word) in seen or not has_words(word):
                continue
            seen.add(identity(word))
            yield Change((one.place,), word, visible("".join(around(whole, one.place, word))))


def around(whole: Units, place: int, word: str) -> tuple[str, str, str]:
    """Return a text with a word in the place of another: what stands before it, the word, what stands behind it."""
    before, _, after = core_of(whole.parts[place])
    return "".join(whole.parts[:place]) + before, word, after + "".join(whole.parts[place + 1 :])


def core_of(part: str) -> tuple[str, str, str]:
    """Return a word with the marks and the white space before and behind it: `("“", "good", ".” ")`."""
    found = _CORE.search(part)
    if found is None:
        return "", part, ""
    return part[: found.start()], found[0], part[found.end() :]


def labels_of(head: CausalLM | SequenceClassifier, request: Request[Any]) -> tuple[str, ...]:
    """Return the labels of `/sentiment` or `/zeroshot`, in the order of their `Shares`."""
    if not isinstance(request, SentimentRequest):
        return tuple(request.labels)  # type: ignore[attr-defined]
    return tuple(getattr(head, "labels", ("POSITIVE", "NEGATIVE")))


def shares_of(head: CausalLM | SequenceClassifier, request: Request[Any]) -> Shares:
    """Return the probabilities of the labels of `/sentiment` or `/zeroshot` as a function of the text."""
    from bot.inference.heads.causal_lm import CausalLM

    def prompted(text: str, alone: bool) -> TaskRun[Floats]:
        assert isinstance(head, CausalLM)
        about = about_text(request, text)
        if isinstance(about, SentimentRequest):
            positive = (yield from sentiment.word_score(head, about, alone=alone)).positive
            return np.array([positive, 1 - positive])
        return (yield from zeroshot.label_weights(head, about, alone=alone)).probabilities

    def classified(text: str, alone: bool) -> TaskRun[Floats]:
        assert not isinstance(head, CausalLM)
        about = about_text(request, text)
        if isinstance(about, SentimentRequest):
            return (yield from sentiment.classification(head, about, alone=alone)).probabilities
        return (yield from zeroshot.entailments(head, about, alone=alone)).probabilities

    return prompted if isinstance(head, CausalLM) else classified


@dataclass(eq=False)
class Asked:
    """The answers to texts, each asked for once, behind everybody who waits."""

    shares: Shares
    known: dict[str, Floats] = field(default_factory=dict, init=False)
    tokens: int = field(default=0, init=False)
    """That were read so far."""

    def fill(self, texts: Iterable[str]) -> TaskRun[None]:
        """Ask about the texts that nobody has asked about yet."""
        missing = [one for one in dict.fromkeys(texts) if one not in self.known]
        for first in range(0, len(missing), AT_ONCE):
            part = missing[first : first + AT_ONCE]
            found = yield from behind(side_by_side([self.shares(one, False) for one in part]), self._count)
            self.known |= dict(zip(part, found, strict=True))

    def _count(self, call: OperationCall) -> None:
        self.tokens += sum(row.tokens for row in call.rows)

"""The page that says what would give a text another label: the least change that was found, its proof, all others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bot.inference.operations import TaskRun
from bot.tasks.work.blocks import Bars, Explanation, Page, PostponedFlip, Quote, column, table
from bot.tasks.work.changes import Change, core_of, labels_of
from bot.tasks.work.flipping import Search, search
from bot.tasks.work.pages import Shown, page
from bot.tasks.work.request import WorkRequest
from bot.tasks.work.texts import Form, Number, Sentence, Text, grouped, spaced
from bot.tasks.work.units import words_of
from bot.tasks.work.wording import counted, later, listed, listed_with_and, quoted, sentence

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.sequence_classifier import SequenceClassifier

MOST_SHOWN, MOST_ROWS = 12, 16
"""Bars of the picture, and rows of the table; the file has all."""
UNCHANGED = later("(unchanged)")
# Translators: a mark beside a change that gives the text another label; at most 12 characters.
FLIPS = later("flips")


def postponed_flip(label: str, text: str) -> tuple[Page, ...]:
    """Postpone the page; a text of one word has none."""
    return (page("flip", PostponedFlip(label)),) if len(words_of(text)) > 1 else ()


def flipped(head: SequenceClassifier | CausalLM, found: Explanation, request: WorkRequest) -> TaskRun[Explanation]:
    """Compute the page that `postponed_flip` has postponed, if an explanation has it."""
    pages: list[Page] = []
    for one in found.pages:
        if isinstance(one.postponed, PostponedFlip):
            tried = yield from search(head, request.about, request.exchanges, finer=request.finer)
            made = flip_page(tried, labels_of(head, request.about), finer=request.finer)
            pages.append(replace(made, name=one.name))
        else:
            pages.append(one)
    return Explanation(tuple(pages))


def flip_page(tried: Search, labels: Sequence[str], *, finer: bool) -> Page:
    """Show what gives a text another label, and what was tried."""
    own = labels[tried.best]
    changes = sorted(tried.changes, key=tried.share)
    shares = [tried.share(one) for one in changes]
    numbers = table(
        column("p", shares, Form.PERCENT),
        column("", (FLIPS if tried.flips(one) else "" for one in changes)),
        column(later("change"), (_named(tried, one) for one in changes)),
        most=MOST_ROWS,
        name=sentence("flip.table", own=own),
    )
    picture = _picture(tried, changes[: MOST_SHOWN - 1], own) if changes else None
    shown = (*_headline(tried, labels), (spaced(*_tried(tried, finer=finer)),), *((numbers,) if changes else ()))
    made = page("flip", *shown, picture=picture)
    strongest = tried.strongest if tried.whole.noun == "word" else ()
    return replace(made, is_estimate=not finer, strongest=strongest)


def _picture(tried: Search, changes: Sequence[Change], own: str) -> Bars:
    """Draw how likely the text's own label is, first of the text as it is."""
    return Bars(
        later("How likely {own} is after each change", own=own),
        (UNCHANGED, *(_named(tried, one) for one in changes)),
        (float(tried.before[tried.best]), *map(tried.share, changes)),
        marks=("", *(FLIPS if tried.flips(one) else "" for one in changes)),
    )


def _named(tried: Search, change: Change) -> Text:
    if change.put:
        return f"{_words(tried, change)[0]} → {change.put}"
    return ("− ", listed(_words(tried, change)))


def _words(tried: Search, change: Change) -> list[str]:
    if change.put:  # the marks around it stay
        return [core_of(tried.whole.parts[part])[1] for part in change.parts]
    return [tried.whole.names[part] for part in change.parts]


def _headline(tried: Search, labels: Sequence[str]) -> Iterator[Shown]:
    """Say what gives the text another label, with the new text."""
    own = labels[tried.best]
    if tried.flip is None:
        yield sentence("flip.none", own=own) if tried.changes else sentence("flip.no-change")
        return
    change, shares = tried.flip.change, tried.flip.shares
    best = int(np.argmax(shares))
    facts: dict[str, Text] = {
        "names": listed_with_and([quoted(one) for one in _words(tried, change)]),
        "label": labels[best],
        "probability": Number(float(shares[best]), Form.PERCENT),
        "own": own,
        "before": Number(float(tried.before[tried.best]), Form.PERCENT),
    }
    yield sentence("flip.exchanged", put=change.put, **facts) if change.put else sentence("flip.left-out", **facts)
    yield sentence("flip.proof")
    yield Quote(change.text)


def _tried(tried: Search, *, finer: bool) -> Iterator[Text]:
    """Say what was tried, step by step."""
    noun = tried.whole.noun
    yield _step(tried, "flip.singles", tried.singles)
    if tried.exchanges:
        yield _flipping(tried, _exchanged(tried), tried.exchanges)
    elif finer:
        yield sentence("flip.no-exchange") if noun == "word" else sentence("flip.no-exchange-of-parts", noun)
    else:
        yield sentence("flip.first-look")
    if tried.pairs:
        if len(tried.pairs) == tried.possible_pairs:
            yield _step(tried, "flip.pairs", tried.pairs)
        else:
            yield _step(tried, "flip.some-pairs", tried.pairs, possible=grouped(tried.possible_pairs))
    if tried.further:
        yield _step(tried, "flip.further", tried.further)


def _step(tried: Search, key: str, changes: Sequence[Change], **facts: Text) -> Text:
    said = sentence(key, tried.whole.noun, number=grouped(len(changes)), **facts)
    return _flipping(tried, said, changes)


def _exchanged(tried: Search) -> Sentence:
    places = len({one.parts for one in tried.exchanges})
    return counted("flip.exchanges", places, number=grouped(len(tried.exchanges)), places=places)


def _flipping(tried: Search, said: Sentence, changes: Sequence[Change]) -> Text:
    """Say behind a sentence about changes how many of them give another label."""
    if number := sum(map(tried.flips, changes)):
        return spaced(said, counted("flip.flips", number, flips=grouped(number)))
    return spaced(said, sentence("flip.flips-none"))

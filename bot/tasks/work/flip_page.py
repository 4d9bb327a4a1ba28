"""The page that says what would give a text another label: the least change that was found, its proof, all others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bot.errors import joined
from bot.inference.operations import TaskRun
from bot.tasks.work.blocks import (
    Bars,
    Explanation,
    Form,
    Number,
    Page,
    PostponedFlip,
    Quote,
    column,
    table,
)
from bot.tasks.work.changes import Change, core_of, labels_of
from bot.tasks.work.flipping import Search, search
from bot.tasks.work.pages import Shown, page
from bot.tasks.work.request import WorkRequest
from bot.tasks.work.units import words_of
from bot.tasks.work.wording import sentence
from bot.text.accepted import quantity

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.sequence_classifier import SequenceClassifier

MOST_SHOWN, MOST_ROWS = 12, 16
"""Bars of the picture, and rows of the table; the file has all."""
UNCHANGED = "(unchanged)"


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
        column("", ("flips" if tried.flips(one) else "" for one in changes)),
        column("change", (_named(tried, one) for one in changes)),
        most=MOST_ROWS,
        name=sentence("flip.table", own=own),
    )
    picture = _picture(tried, changes[: MOST_SHOWN - 1], own) if changes else None
    shown = (*_headline(tried, labels), *(" ".join(_tried(tried, finer=finer)),), *((numbers,) if changes else ()))
    made = page("flip", *shown, picture=picture)
    strongest = tried.strongest if tried.whole.noun == "word" else ()
    return replace(made, is_estimate=not finer, strongest=strongest)


def _picture(tried: Search, changes: Sequence[Change], own: str) -> Bars:
    """Draw how likely the text's own label is, first of the text as it is."""
    return Bars(
        f"How likely {own} is after each change",
        (UNCHANGED, *(_named(tried, one) for one in changes)),
        (float(tried.before[tried.best]), *map(tried.share, changes)),
        marks=("", *("flips" if tried.flips(one) else "" for one in changes)),
    )


def _named(tried: Search, change: Change) -> str:
    if change.put:
        return f"{_words(tried, change)[0]} → {change.put}"
    return "− " + ", ".join(_words(tried, change))


def _words(tried: Search, change: Change) -> list[str]:
    if change.put:  # the marks around it stay
        return [core_of(tried.whole.parts[part])[1] for part in change.parts]
    return [tried.whole.names[part] for part in change.parts]


def _headline(tried: Search, labels: Sequence[str]) -> Iterator[Shown]:
    """Say what gives the text another label, with the new text."""
    own = labels[tried.best]
    if tried.flip is None:
        yield sentence("flip.none" if tried.changes else "flip.no-change", own=own)
        return
    change, shares = tried.flip.change, tried.flip.shares
    best = int(np.argmax(shares))
    names = joined(f"“{one}”" for one in _words(tried, change))
    yield (
        sentence("flip.exchanged" if change.put else "flip.left-out", names=names, put=change.put),
        f", the answer is {labels[best]} with ", Number(float(shares[best]), Form.PERCENT),
        f", and no longer {own} with ", Number(float(tried.before[tried.best]), Form.PERCENT), ".",
    )  # fmt: skip
    yield sentence("flip.proof")
    yield Quote(change.text)


def _tried(tried: Search, *, finer: bool) -> Iterator[str]:
    """Say what was tried, step by step."""
    noun = tried.whole.noun
    yield _step(tried, "flip.singles", tried.singles)
    if tried.exchanges:
        places = len({one.parts for one in tried.exchanges})
        yield _step(tried, "flip.exchanges", tried.exchanges, places=quantity(places, "word"))
    elif finer:
        yield sentence("flip.no-exchange" if noun == "word" else "flip.no-exchange-of-parts", noun=noun)
    else:
        yield sentence("flip.first-look")
    if tried.pairs:
        is_all = len(tried.pairs) == tried.possible_pairs
        yield _step(tried, "flip.pairs" if is_all else "flip.some-pairs", tried.pairs, possible=tried.possible_pairs)
    if tried.further:
        yield _step(tried, "flip.further", tried.further)


def _step(tried: Search, key: str, changes: Sequence[Change], **facts: object) -> str:
    number = sum(map(tried.flips, changes))
    flips = "none flips it" if not number else "one flips it" if number == 1 else f"{number:,} flip it"
    return sentence(key, number=len(changes), noun=tried.whole.noun, flips=flips, **facts)

"""The pages of an answer's work, in the order of the request's path."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from bot.replies.work.deciding import (
    attribution_page,
    decision_page,
    inferences_page,
    logits_page,
    mask_page,
    rescored_page,
    weighed_page,
)
from bot.replies.work.page import Page
from bot.replies.work.reading import hidden_page, model_page, text_page, tokens_page
from bot.replies.work.writing import distribution_page, lengths_text, written_pages
from bot.tasks.work.pieces import (
    Architecture,
    Attribution,
    Decision,
    Distribution,
    HiddenStates,
    Inferences,
    Lengths,
    Logits,
    MaskCandidates,
    Prepared,
    RescoredCandidates,
    Tokens,
    WeighedLabels,
    Work,
    Written,
)


def pages_of(work: Work) -> tuple[Page, ...]:
    """One page for each step. How long the texts were is told with what was written, and all decisions together."""
    lengths = next((piece for piece in work.pieces if isinstance(piece, Lengths)), None)
    is_written = any(isinstance(piece, Written) for piece in work.pieces)
    decisions = [piece for piece in work.pieces if isinstance(piece, Decision)]
    pages: list[Page] = []
    for piece in work.pieces:
        if isinstance(piece, Lengths):
            if not is_written:
                pages.append(Page("Lengths", lengths_text(piece), ()))
        elif isinstance(piece, Written):
            pages += written_pages(piece, lengths)
        elif isinstance(piece, Decision):
            if piece is decisions[-1]:
                pages.append(decision_page(decisions))
        else:
            pages.append(MAKERS[type(piece)](piece))
    return tuple(_told_apart(pages))


MAKERS: Mapping[type[Any], Callable[[Any], Page]] = {
    Prepared: text_page,
    Tokens: tokens_page,
    Architecture: model_page,
    HiddenStates: hidden_page,
    Logits: logits_page,
    MaskCandidates: mask_page,
    RescoredCandidates: rescored_page,
    Inferences: inferences_page,
    WeighedLabels: weighed_page,
    Distribution: distribution_page,
    Attribution: attribution_page,
}
"""The page of each kind of piece that has one to itself."""


def _told_apart(pages: list[Page]) -> Iterator[Page]:
    """Pages of the same name get a number."""
    total = Counter(page.name for page in pages)
    seen: Counter[str] = Counter()
    for page in pages:
        seen[page.name] += 1
        yield replace(page, name=f"{page.name} ({seen[page.name]})") if total[page.name] > 1 else page

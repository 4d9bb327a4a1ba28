"""The pages of an answer's work, in the order of the request's path."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.replies.work.comparing import cosines_page, pooled_page, product_page
from bot.replies.work.condensing import rounds_page
from bot.replies.work.deciding import (
    attribution_page,
    decision_page,
    inferences_page,
    logits_page,
    mask_page,
    omitted_page,
    postponed_page,
    rescored_page,
    weighed_page,
)
from bot.replies.work.ending import ending_page
from bot.replies.work.extracting import candidates_page, edge_page, quotation_page, weighed_answer_page, windows_page
from bot.replies.work.labelling import (
    entities_page,
    labelled_page,
    names_page,
    questions_page,
    token_logits_page,
    words_page,
)
from bot.replies.work.page import Page
from bot.replies.work.reading import hidden_page, model_page, text_page, tokens_page
from bot.replies.work.writing import distribution_page, lengths_text, written_pages
from bot.tasks.work.pieces import (
    Architecture,
    Attribution,
    Cosines,
    Decision,
    Distribution,
    DotProduct,
    EdgeLogits,
    Ending,
    HiddenStates,
    Inferences,
    LabelledTokens,
    LabelledWords,
    Lengths,
    Logits,
    MaskCandidates,
    OmittedAttribution,
    Pooled,
    PostponedAttribution,
    Prepared,
    Questions,
    Quotation,
    RescoredCandidates,
    SpanCandidates,
    Spans,
    SummaryRounds,
    TokenLogits,
    Tokens,
    WeighedAnswer,
    WeighedLabels,
    WeighedNames,
    WindowAnswers,
    Work,
    Written,
)


def pages_of(work: Work) -> tuple[Page, ...]:
    """One page for each step. How long the texts were is told with what was written, and all decisions together."""
    lengths: Lengths | None = None  # of the next text
    is_written = any(isinstance(piece, Written) for piece in work.pieces)
    decisions = [piece for piece in work.pieces if isinstance(piece, Decision)]
    pages: list[Page] = []
    for piece in work.pieces:
        if isinstance(piece, Lengths):
            lengths = piece
            if not is_written:
                pages.append(Page("Lengths", lengths_text(piece), ()))
        elif isinstance(piece, Written):
            pages += written_pages(piece, lengths)
            lengths = None
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
    PostponedAttribution: postponed_page,
    OmittedAttribution: omitted_page,
    Attribution: attribution_page,
    TokenLogits: token_logits_page,
    LabelledTokens: labelled_page,
    LabelledWords: words_page,
    Spans: entities_page,
    Questions: questions_page,
    WeighedNames: names_page,
    Pooled: pooled_page,
    DotProduct: product_page,
    Cosines: cosines_page,
    Ending: ending_page,
    EdgeLogits: edge_page,
    SpanCandidates: candidates_page,
    WindowAnswers: windows_page,
    Quotation: quotation_page,
    WeighedAnswer: weighed_answer_page,
    SummaryRounds: rounds_page,
}
"""The page of each kind of piece that has one to itself."""


def page_at(pages: Sequence[Page], number: int) -> tuple[int, Page]:
    """A page with its number, from 0; for a number that does not exist the nearest one."""
    number = min(max(number, 0), len(pages) - 1)
    return number, pages[number]


def is_postponed(work: Work, number: int) -> bool:
    """Whether the numbers of a page have not been computed yet.

    Args:
        number: of the page, from 0.
    """
    if not any(isinstance(piece, PostponedAttribution) for piece in work.pieces):
        return False
    return page_at(pages_of(work), number)[1].postponed


def _told_apart(pages: list[Page]) -> Iterator[Page]:
    """Pages of the same name get a number."""
    total = Counter(page.name for page in pages)
    seen: Counter[str] = Counter()
    for page in pages:
        seen[page.name] += 1
        yield replace(page, name=f"{page.name} ({seen[page.name]})") if total[page.name] > 1 else page

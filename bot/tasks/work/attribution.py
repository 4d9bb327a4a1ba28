"""Pages about what mattered: an explanation only postpones them, and `attributed` computes them when one is opened."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bot.inference.operations import TaskRun
from bot.inference.requests import Request
from bot.tasks.work.blocks import Explanation, Page, Postponed, PostponedFlip, PostponedWriting
from bot.tasks.work.word_evidence import computed_pages
from bot.tasks.work.writing_evidence import writing_page

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.seq2seq_lm import Seq2SeqLM
    from bot.inference.heads.sequence_classifier import SequenceClassifier


def attributed(
    head: SequenceClassifier | CausalLM | Seq2SeqLM,
    found: Explanation,
    request: Request[Any],
    *,
    finer: bool,
    written: int | None = None,
) -> TaskRun[Explanation]:
    """Compute the pages that an explanation has postponed.

    Args:
        request: the one that is explained.
        finer: take as long as there is time for, rather than for a first picture.
        written: of the pages about written texts, the only one that is computed; None for all of them.
    """
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.seq2seq_lm import Seq2SeqLM
    from bot.inference.heads.sequence_classifier import SequenceClassifier

    pages = list(found.pages)
    computed: list[Page] = []
    for index, one in enumerate(pages):
        if isinstance(one.postponed, PostponedFlip):  # a request of its own
            continue
        match one.postponed:
            case PostponedWriting() as postponed if written in (None, index):
                assert isinstance(head, CausalLM | Seq2SeqLM)
                computed = [(yield from writing_page(head, request, postponed, finer=finer))]
            case Postponed() as postponed if not computed:  # two pages of one table
                assert isinstance(head, CausalLM | SequenceClassifier)
                computed = yield from computed_pages(head, request, postponed, finer=finer)
        if one.postponed is not None and computed:
            pages[index] = replace(computed.pop(0), name=one.name)  # it may be numbered
    return Explanation(tuple(pages))

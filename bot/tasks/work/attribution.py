"""Pages about what mattered: an explanation only postpones them, and `attributed` computes them when one is opened."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bot.inference.operations import TaskRun
from bot.inference.requests import Request
from bot.tasks.work.blocks import Explanation, Page, Postponed, PostponedWriting
from bot.tasks.work.word_evidence import computed_pages
from bot.tasks.work.writing_evidence import writing_page

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.sequence_classifier import SequenceClassifier


def attributed(
    head: SequenceClassifier | CausalLM, found: Explanation, request: Request[Any], *, finer: bool
) -> TaskRun[Explanation]:
    """Compute the pages that an explanation has postponed.

    Args:
        request: the one that is explained.
        finer: take as long as there is time for, rather than for a first picture.
    """
    from bot.inference.heads.causal_lm import CausalLM

    pages = list(found.pages)
    computed: list[Page] = []
    for index, one in enumerate(pages):
        match one.postponed:
            case PostponedWriting() as postponed:
                assert isinstance(head, CausalLM)
                computed = [(yield from writing_page(head, request, postponed, finer=finer))]
            case Postponed() as postponed if not computed:  # two pages of one table
                computed = yield from computed_pages(head, request, postponed, finer=finer)
        if one.postponed is not None:
            pages[index] = replace(computed.pop(0), name=one.name)  # it may be numbered
    return Explanation(tuple(pages))

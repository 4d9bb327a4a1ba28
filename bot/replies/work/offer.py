"""The button that opens an answer."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from bot.inference.requests import Request
from bot.replies.components.buttons import Action, Button
from bot.replies.reply import Reply
from bot.tasks import task_names
from bot.tasks.scores import LabelScore
from bot.tasks.work.request import WorkRequest, Written, explanations

SHOW_WORK = Action("work", "Show the work")


def with_work(reply: Reply, request: Request[Any], result: Any) -> Reply:
    """A reply with the button that opens it, where its command can be explained."""
    work = work_of(request, result)
    return reply if work is None else replace(reply, buttons=(*reply.buttons, Button(SHOW_WORK, work)))


def work_of(request: Request[Any], result: Any) -> WorkRequest | None:
    """Asks how a result came about; None where the command's answers cannot be opened.

    What the result said first goes along, where it has a `headline`.
    """
    if task_names().get(type(request)) not in explanations():
        return None
    return WorkRequest.of(request, written_in(result), _said_in(result))


def _said_in(result: Any) -> tuple[LabelScore, ...]:
    """What a result said first; empty where it has no `headline`, or not a number that could be kept."""
    headline: tuple[LabelScore, ...] = getattr(result, "headline", ())
    return headline if all(math.isfinite(one.probability) for one in headline) else ()


def written_in(result: Any) -> Written:
    """The token ids of each text that a result consists of; empty for results that nobody wrote.

    They are in its attribute `ids`, or for several texts in that of each of its `continuations`. Those of texts that
    were written on the way there stand before them, from its attribute `drafts`.
    """
    texts = getattr(result, "continuations", (result,))
    found = [getattr(text, "ids", None) for text in texts]
    return tuple(tuple(ids) for ids in [*getattr(result, "drafts", ()), *found] if ids is not None)

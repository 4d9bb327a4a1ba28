"""The button that opens an answer."""

from __future__ import annotations

import math
from dataclasses import replace

from bot.inference.requests import Answer, Request, Result
from bot.locales.message import later
from bot.replies.components.buttons import Action, Button
from bot.replies.reply import Reply
from bot.tasks import task_names
from bot.tasks.work.explanations import EXPLANATIONS
from bot.tasks.work.request import Journey, WorkRequest

# Translators: the label of a button that explains how an answer came about, at most 40 characters.
SHOW_WORK = Action("work", later("Show the work"))


def with_work(reply: Reply, request: Request[object], answer: Answer[Result]) -> Reply:
    """Add the button that opens a reply, if its command can be explained."""
    work = work_of(request, answer.result, Journey.of(answer))
    return reply if work is None else replace(reply, buttons=(*reply.buttons, Button(SHOW_WORK, work)))


def work_of(request: Request[object], result: Result, journey: Journey | None = None) -> WorkRequest | None:
    """Return the request for the explanation of a result; None if the command's answers cannot be opened."""
    if task_names().get(type(request)) not in EXPLANATIONS:
        return None
    # JSON, in which requests are stored, has no NaN.
    headline = result.headline if all(math.isfinite(one.probability) for one in result.headline) else ()
    return WorkRequest.of(request, result.generated, headline, journey)

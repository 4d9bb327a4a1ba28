"""The explanations of all commands, and the task that opens an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from bot.errors import ModelUnavailable
from bot.inference.operations import TaskRun
from bot.inference.task import HeadKind, Implementation, Task
from bot.locales.message import later
from bot.tasks.work import (
    answer,
    answer_written,
    chat,
    complete,
    entities,
    fill,
    generate,
    sentiment,
    similarity,
    summarize,
    translate,
    zeroshot,
)
from bot.tasks.work.attribution import attributed
from bot.tasks.work.blocks import Explanation
from bot.tasks.work.flip_page import flipped
from bot.tasks.work.request import WorkRequest, WrittenIds

Explain: TypeAlias = Callable[[Any, Any, WrittenIds], TaskRun[Explanation]]
"""Opens an answer: `(head, request, generated token ids) -> TaskRun[Explanation]`.

All raise `InvalidRequest` if the checkpoint cannot have generated these tokens.
"""

EXPLANATIONS: Mapping[str, Mapping[HeadKind, Explain]] = {
    "sentiment": {
        HeadKind.SEQUENCE_CLASSIFIER: sentiment.explain_classification,
        HeadKind.CAUSAL_LM: sentiment.explain_weighing,
    },
    "fill": {HeadKind.MASKED_LM: fill.explain_distributions, HeadKind.CAUSAL_LM: fill.explain_rescoring},
    "generate": {HeadKind.CAUSAL_LM: generate.explain_continuations},
    "translate": {HeadKind.SEQ2SEQ_LM: translate.explain_rewriting, HeadKind.CAUSAL_LM: translate.explain_drafts},
    "zeroshot": {
        HeadKind.SEQUENCE_CLASSIFIER: zeroshot.explain_inference,
        HeadKind.CAUSAL_LM: zeroshot.explain_weighing,
    },
    "entities": {HeadKind.TOKEN_CLASSIFIER: entities.explain_tagging, HeadKind.CAUSAL_LM: entities.explain_weighing},
    "similarity": {HeadKind.EMBEDDER: similarity.explain_comparison},
    "answer": {
        HeadKind.QUESTION_ANSWERING: answer.explain_location,
        HeadKind.CAUSAL_LM: answer_written.explain_writing,
    },
    "summarize": {HeadKind.SEQ2SEQ_LM: summarize.explain_rewriting, HeadKind.CAUSAL_LM: summarize.explain_drafts},
    "complete": {HeadKind.CAUSAL_LM: complete.explain_code},
    "chat": {HeadKind.CAUSAL_LM: chat.explain_reply},
}
"""By task and kind of head."""


def show_work(head: Any, request: WorkRequest) -> TaskRun[Explanation]:
    """Open an answer on the head that gave it.

    Raises:
        ModelUnavailable: answers of this command cannot be opened on this kind of checkpoint.
    """
    explain = EXPLANATIONS.get(request.task, {}).get(head.kind)
    if explain is None:
        raise ModelUnavailable(
            later(
                "I cannot show the work of /{task} on this kind of checkpoint yet. Try another checkpoint: /models "
                "lists them.",
                task=request.task,
            )
        )
    found = yield from explain(head, request.about, request.written)
    if request.evidence:
        found = yield from attributed(head, found, request.about, finer=request.finer, written=request.page)
    return (yield from flipped(head, found, request)) if request.flip else found


TASK = Task("work", WorkRequest, dict.fromkeys(HeadKind, Implementation(show_work)), weight=64)

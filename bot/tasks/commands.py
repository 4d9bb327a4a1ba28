"""The tasks behind the commands: all but the explanation of their answers, which is made of these."""

from __future__ import annotations

from typing import Any

from bot.inference.task import Task
from bot.tasks import (
    answer,
    attention,
    chat,
    complete,
    entities,
    fill,
    generate,
    sentiment,
    similarity,
    summarize,
    tokenize,
    translate,
    zeroshot,
)

COMMANDS: tuple[Task[Any], ...] = (
    sentiment.TASK,
    fill.TASK,
    generate.TASK,
    translate.TASK,
    zeroshot.TASK,
    entities.TASK,
    similarity.TASK,
    answer.TASK,
    summarize.TASK,
    complete.TASK,
    chat.TASK,
    tokenize.TASK,
    attention.TASK,
)

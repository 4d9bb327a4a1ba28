"""The tasks of all commands, without the one that explains their answers."""

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

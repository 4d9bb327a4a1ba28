"""The commands' tasks: one module per command, with its request, its result, and its implementations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.inference.requests import Request
from bot.inference.task import Task


def task_names() -> Mapping[type[Request[Any]], str]:
    """Return the task of each class of requests."""
    return {task.request: task.name for task in all_tasks()}


def all_tasks() -> tuple[Task[Any], ...]:
    """Return every task, for the worker."""
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
    from bot.tasks.work import request as work

    return (
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
        work.TASK,
    )

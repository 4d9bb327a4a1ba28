"""The commands' tasks: one module per command, with its request, its result, and its implementations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.inference.requests import Request
from bot.inference.task import Task


def task_names() -> Mapping[type[Request[object]], str]:
    """Return the task of each class of requests."""
    return {task.request: task.name for task in all_tasks()}


def kept_requests() -> Mapping[type[Request[object]], str]:
    """Return the name under which requests of each class are kept: its task's, or `compare`."""
    from bot.tasks.compare import CompareRequest

    return {**task_names(), CompareRequest: "compare"}


def all_tasks() -> tuple[Task[Any], ...]:
    """Return every task, for the worker."""
    from bot.tasks.commands import COMMANDS
    from bot.tasks.guess import TASK as GUESS
    from bot.tasks.work.explanations import TASK as WORK

    return (*COMMANDS, WORK, GUESS)

"""The choice of a checkpoint by its name or by a command that it answers."""

from __future__ import annotations

from collections.abc import Sequence

from discord import app_commands

from bot.errors import InvalidRequest
from bot.inference.status import CheckpointStatus, Phase
from bot.replies.checkpoints.state import commands
from bot.replies.components.autocompletion import LONGEST_NAME, MOST_CHOICES
from bot.replies.formatting.text import code_span, fit, listed, visible
from bot.text.characters import identity

NAME = 80
"""Units of UTF-16 of a name in a list."""
LISTED = 1_500
"""Units of the whole list: a message has 2,000."""


def checkpoint_choices(typed: str, checkpoints: Sequence[CheckpointStatus]) -> list[app_commands.Choice[str]]:
    """Return the checkpoints that match a typed text, loaded ones first."""
    matching = [one for one in checkpoints if _wanted(typed) in identity(_described(one))]
    matching.sort(key=lambda one: one.phase is not Phase.READY)
    return [
        app_commands.Choice(name=fit(_described(one), LONGEST_NAME, visible)[0], value=one.tasks[0])
        for one in matching[:MOST_CHOICES]
    ]


def task_of(chosen: str | None, checkpoints: Sequence[CheckpointStatus], usual: str = "") -> str:
    """Return a task of the chosen checkpoint.

    Args:
        chosen: a task, the name of a checkpoint, or a part of only one name; None for the usual task.
        usual: without a checkpoint for it, the first one's task stands in.

    Raises:
        InvalidRequest: there is no such checkpoint; the sentence lists all.
    """
    if not checkpoints:
        raise InvalidRequest("No checkpoint is set, so there is none to look into.")
    tasks = [task for one in checkpoints for task in one.tasks]
    if not chosen:
        return usual if usual in tasks else tasks[0]
    wanted = _wanted(chosen)
    if wanted in tasks:
        return wanted
    named = [one for one in checkpoints if wanted in (identity(one.name), identity(_described(one)))]
    partly = [one for one in checkpoints if wanted and wanted in identity(_described(one))]
    if named or len(partly) == 1:
        return (named or partly)[0].tasks[0]
    names = listed([code_span(one.name, NAME) for one in checkpoints], LISTED)
    raise InvalidRequest(f"I have no checkpoint of this name. Please choose one of these: {names}.")


def _wanted(typed: str) -> str:
    return identity(typed).removeprefix("/")


def _described(one: CheckpointStatus) -> str:
    return f"{one.name} ({commands(one)})"

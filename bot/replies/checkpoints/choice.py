"""Chooses a checkpoint by its name or by a command that it answers."""

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
    """Return the checkpoints that match the typed text, loaded ones first."""
    wanted = identity(typed).removeprefix("/")
    matching = [one for one in checkpoints if wanted in identity(_described(one))]
    matching.sort(key=lambda one: one.phase is not Phase.READY)
    return [
        app_commands.Choice(name=fit(_described(one), LONGEST_NAME, visible)[0], value=one.tasks[0])
        for one in matching[:MOST_CHOICES]
    ]


def task_of(chosen: str | None, checkpoints: Sequence[CheckpointStatus]) -> str:
    """Return a task of the chosen checkpoint.

    Args:
        chosen: a task, or the name of a checkpoint; None for the first one.

    Raises:
        InvalidRequest: there is no such checkpoint; the sentence lists all.
    """
    if chosen is None:
        return checkpoints[0].tasks[0]
    wanted = identity(chosen).removeprefix("/")
    for one in checkpoints:
        if wanted in (*one.tasks, identity(one.name), identity(_described(one))):
            return one.tasks[0] if wanted not in one.tasks else wanted
    names = listed([code_span(one.name, NAME) for one in checkpoints], LISTED)
    raise InvalidRequest(f"I have no checkpoint of this name. Please choose one of these: {names}.")


def _described(one: CheckpointStatus) -> str:
    """Return a checkpoint's name with its commands."""
    return f"{one.name} ({commands(one)})"

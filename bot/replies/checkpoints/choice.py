"""Choosing a checkpoint, by its name or by the command that it answers."""

from __future__ import annotations

from collections.abc import Sequence

from discord import app_commands

from bot.errors import InvalidRequest
from bot.inference.status import CheckpointStatus, Phase
from bot.replies.components.autocompletion import LONGEST_NAME, MOST_CHOICES
from bot.replies.formatting.text import code_span, fit, listed, visible
from bot.text.characters import identity

NAME = 80
"""Units of a name where several are listed."""
LISTED = 1_500
"""Units of all of them: a message has 2,000."""


def checkpoint_choices(typed: str, checkpoints: Sequence[CheckpointStatus]) -> list[app_commands.Choice[str]]:
    """The checkpoints that somebody who has typed this may mean; those that are loaded come first."""
    wanted = identity(typed).removeprefix("/")
    matching = [one for one in checkpoints if wanted in identity(_described(one))]
    matching.sort(key=lambda one: one.phase is not Phase.READY)
    return [
        app_commands.Choice(name=fit(_described(one), LONGEST_NAME, visible)[0], value=one.tasks[0])
        for one in matching[:MOST_CHOICES]
    ]


def task_of(chosen: str | None, checkpoints: Sequence[CheckpointStatus]) -> str:
    """A task whose checkpoint was chosen; the first one's where nobody chose.

    Args:
        chosen: a task, or the name of a checkpoint.

    Raises:
        InvalidRequest: there is no such checkpoint; says which there are.
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
    """A checkpoint's name, and the commands that it answers."""
    return f"{one.name} ({', '.join(f'/{task}' for task in one.tasks)})"

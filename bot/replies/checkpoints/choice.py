"""The choice of a checkpoint by its name or by a command that it answers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from discord import app_commands

from bot.errors import InvalidRequest
from bot.inference.status import CheckpointStatus, Phase
from bot.locales.lists import enumerated
from bot.locales.message import _, later
from bot.replies.checkpoints.state import commands
from bot.replies.components.autocompletion import LONGEST_NAME, MOST_CHOICES
from bot.replies.formatting.text import code_span, fit, listed, visible
from bot.text.characters import identity

NAME = 80
"""Units of UTF-16 of a name in a list."""
LISTED = 1_500
"""Units of the whole list: a message has 2,000."""
NONE_THERE = later("No checkpoint is set, so there is none to look into. Whoever runs this bot can set one.")


@dataclass(frozen=True)
class Offered:
    """A checkpoint that people can choose.

    Attributes:
        name: its name, by which it is chosen; 80 characters at most.
        commands: those that it can answer, in words.
    """

    name: str
    commands: str


def offered_everywhere(checkpoints: Sequence[CheckpointStatus]) -> list[Offered]:
    """Return all checkpoints that people can choose for a command."""
    able = ((one.name, tuple(dict.fromkeys((*one.tasks, *one.offered)))) for one in checkpoints)
    return [Offered(name, enumerated(f"/{task}" for task in tasks)) for name, tasks in able if tasks]


def handle_of(checkpoint: CheckpointStatus) -> str:
    """Return by what backends of every version know a checkpoint: a task that it is set for, or else its name."""
    return checkpoint.tasks[0] if checkpoint.tasks else checkpoint.name


def for_task(
    task: str, checkpoints: Sequence[CheckpointStatus], allowed: Collection[str] | None, usual: str
) -> list[CheckpointStatus]:
    """Return the checkpoints that may be chosen for a task, the usual one first.

    Args:
        allowed: the names that a server allows; None for all.
        usual: the task whose checkpoint is used if none is chosen.
    """
    is_for_some = any(task in (*one.tasks, *one.offered) for one in checkpoints)
    able = [one for one in checkpoints if not is_for_some or task in (*one.tasks, *one.offered)]
    found = [one for one in able if allowed is None or one.name in allowed or usual in one.tasks]
    return sorted(found, key=lambda one: usual not in one.tasks)


def checkpoint_choices(typed: str, checkpoints: Sequence[CheckpointStatus]) -> list[app_commands.Choice[str]]:
    """Return the checkpoints that match a typed text, loaded ones first."""
    matching = [one for one in checkpoints if _wanted(typed) in identity(_described(one))]
    matching.sort(key=lambda one: one.phase is not Phase.READY)
    return [
        app_commands.Choice(name=fit(_described(one), LONGEST_NAME, visible)[0], value=one.name[:LONGEST_NAME])
        for one in matching[:MOST_CHOICES]
    ]


def chosen_among(checkpoints: Sequence[CheckpointStatus], chosen: str) -> CheckpointStatus:
    """Return the checkpoint that somebody means.

    Args:
        chosen: its name, a command that it answers, or a part of only one name.

    Raises:
        InvalidRequest: there is no such checkpoint; the sentence lists all.
    """
    if not checkpoints:
        raise InvalidRequest(str(NONE_THERE))
    wanted = _wanted(chosen.rstrip("…"))
    exact = [one for one in checkpoints if chosen in (one.name, one.name[:LONGEST_NAME])]
    named = [one for one in checkpoints if wanted in (identity(one.name), identity(_described(one)))]
    asked = [one for one in checkpoints if wanted in one.tasks]
    partly = [one for one in checkpoints if wanted and wanted in identity(_described(one))]
    for found in (exact, named, asked):
        if found:
            return found[0]
    if len(partly) == 1:
        return partly[0]
    raise unknown(checkpoints)


def unknown(checkpoints: Sequence[CheckpointStatus]) -> InvalidRequest:
    """Return the error for a name that means none of these, which it lists."""
    names = listed([code_span(one.name, NAME) for one in checkpoints], LISTED)
    # Translators: {names} is a list such as "`one`, `two` and 3 more".
    return InvalidRequest(_("I have no checkpoint of this name. Please choose one of these: {names}.", names=names))


def _wanted(typed: str) -> str:
    return identity(typed).removeprefix("/")


def _described(one: CheckpointStatus) -> str:
    return f"{one.name} ({commands(one)})" if one.tasks else one.name

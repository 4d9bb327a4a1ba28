"""What somebody may choose where they are: what the operator offers, and the server allows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeAlias, TypeVar

from discord import app_commands

from bot.inference.backend import Backend
from bot.inference.requests import Request
from bot.inference.status import CheckpointStatus
from bot.replies.checkpoints.choice import checkpoint_choices, chosen_among, for_task, unknown
from bot.tasks import task_names
from bot.tasks.attention import DEFAULT_TASK
from bot.tasks.guess import GuessRequest
from bot.tasks.work.request import WorkRequest

RequestT = TypeVar("RequestT", bound=Request[Any])

Allowed: TypeAlias = Callable[[int | None], Awaitable[Collection[str] | None]]
"""Returns the names of the checkpoints that a server allows, by its id; None if it allows all."""

OF_ANY = frozenset({"attention", "tokenize"})
"""Commands that look into any checkpoint, usually that of `DEFAULT_TASK`."""
ABOUT = "Which model answers, by its name (the usual one if left out)"
"""Of the option `checkpoint`."""


class Somewhere(Protocol):
    """What somebody asks, or has asked: an interaction, or a file that was given with one."""

    @property
    def guild_id(self) -> int | None:
        """The server; None outside servers."""


class Choosing:
    """Looks up the checkpoints that people name.

    Args:
        allowed: what servers allow; None if they allow everything.
    """

    def __init__(self, backend: Backend, allowed: Allowed | None) -> None:
        self._backend = backend
        self._allowed = allowed

    async def among(self, asked: Somewhere, task: str) -> Sequence[CheckpointStatus]:
        """Return the checkpoints that may be chosen for a task here, the usual one first.

        Raises:
            SettingsUnknown: what the server has set cannot be read.
        """
        checkpoints = self._backend.status().checkpoints
        allowed = None if self._allowed is None else await self._allowed(asked.guild_id)
        usual = task if any(task in one.tasks for one in checkpoints) else DEFAULT_TASK
        return for_task(task, checkpoints, allowed, usual)

    async def find(self, asked: Somewhere, task: str, chosen: str | None) -> CheckpointStatus | None:
        """Return the checkpoint that somebody means; None if they have not chosen, or nothing is known of any.

        Raises:
            InvalidRequest: it may not be chosen here; the sentence lists those that may.
        """
        if not chosen:
            return self._stand_in(task)
        among = await self.among(asked, task)
        if not among:
            return None
        # By their names: what else a status says has changed since, as soon as a checkpoint has been used.
        known, allowed = ({one.name for one in some} for some in (self._backend.status().checkpoints, among))
        if chosen in known - allowed:
            raise unknown(among)  # rather than take it for a part of another name
        return chosen_among(among, chosen)

    def _stand_in(self, task: str) -> CheckpointStatus | None:
        """Return the first checkpoint for a command of any checkpoint, if its usual one is not set; otherwise None."""
        checkpoints = self._backend.status().checkpoints
        is_set = any(DEFAULT_TASK in one.tasks for one in checkpoints)
        return checkpoints[0] if task in OF_ANY and checkpoints and not is_set else None

    async def name(self, asked: Somewhere, task: str, chosen: str | None) -> str | None:
        """Return the name of the checkpoint that somebody means; None if they have not chosen. Raises like `find`."""
        found = await self.find(asked, task, chosen)
        # A server elsewhere that has not been heard of yet decides by itself.
        return (chosen or None) if found is None else found.name

    async def settled(self, asked: Somewhere, request: RequestT) -> RequestT:
        """Return a request with the name of the checkpoint that was chosen for it, if one was; raises like `name`."""
        if request.checkpoint is None:
            return request
        task = request.task if isinstance(request, WorkRequest | GuessRequest) else task_names().get(type(request), "")
        name = await self.name(asked, task, request.checkpoint)
        return request if name == request.checkpoint else replace(request, checkpoint=name)

    async def completions(self, asked: Somewhere, task: str, typed: str) -> list[app_commands.Choice[str]]:
        """Return the completions of the option `checkpoint`."""
        return checkpoint_choices(typed, await self.among(asked, task))

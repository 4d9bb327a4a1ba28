"""Maintenance: the operator has paused the bot, in all its processes."""

from __future__ import annotations

import asyncio
import logging
import math
import re
import time
from collections.abc import Callable
from typing import Any

import discord

from bot.endings import ending_of
from bot.errors import Refused, describe
from bot.replies.delivery import tell
from bot.replies.formatting.text import fit
from bot.replies.interaction_record import record_of
from bot.storage.database import FAILURES
from bot.storage.maintenance import MaintenanceTable, Notice

log = logging.getLogger(__name__)

REMEMBERED_SECONDS = 5.0
"""How long a process may go on after another one has begun a maintenance."""
READ_SECONDS = 0.5
"""How long an interaction waits to learn of it: Discord wants an acknowledgement within three seconds."""
LONGEST_REASON = 300
"""UTF-16 units of a reason in a sentence."""
OPERATORS_COMMANDS = frozenset({"status"})
"""They work during a maintenance."""
_ALWAYS = re.compile(r"glassbox-status|glassbox:stop:")
"""Custom ids that work as well: those of the operator, and Stop, which only ends what goes on."""
HEARD = frozenset({"message", "raw_reaction_add", "reaction_add", "thread_create"})
"""Events that features answer which nobody has called as a command."""
UNHEARD = "in_maintenance"
"""What is dispatched instead: `message` as `message_in_maintenance`."""


class UnderMaintenance(Refused):
    """The operator has paused the bot."""

    def __init__(self, notice: Notice) -> None:
        super().__init__(sentence_of(notice, time.time()))


def sentence_of(notice: Notice, now: float) -> str:
    """Return what people read who ask something meanwhile."""
    reason = fit(" ".join(notice.reason.split()), LONGEST_REASON)[0]
    if notice.ends is None:
        when = "Please try again later."
    elif notice.ends > now:
        when = f"It should be over <t:{math.ceil(notice.ends)}:R>; please ask again then."
    else:
        when = "It takes longer than expected; please try again a little later."
    because = f": {reason}" if reason else ""
    stop = "" if because.endswith((".", "!", "?")) else "."
    return f"I am under maintenance, and answer nothing for now{because}{stop} {when}"


class Maintenance:
    """Whether there is a maintenance, as the database says. If it fails, what was known last holds."""

    def __init__(self, table: MaintenanceTable) -> None:
        self._table = table
        self._notice: Notice | None = None
        self._read_at = -math.inf
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_fresh(self) -> bool:
        """Whether what is known was read a moment ago."""
        return asyncio.get_running_loop().time() - self._read_at < REMEMBERED_SECONDS

    @property
    def known(self) -> Notice | None:
        """The notice that was read last."""
        return self._notice

    async def notice(self) -> Notice | None:
        """Return the notice; None if there is no maintenance."""
        if not self.is_fresh:
            await self._read()
        return self._notice

    async def begin(self, notice: Notice) -> None:
        """Begin a maintenance, or replace its notice; raise `FAILURES`, and nothing has changed."""
        await self._table.begin(notice)
        self._know(notice)
        log.warning("a maintenance has begun: everything but /status is refused")

    async def end(self) -> None:
        """End the maintenance; raise `FAILURES`, and nothing has changed."""
        await self._table.end()
        self._know(None)
        log.warning("the maintenance is over")

    async def admits(self, interaction: discord.Interaction[Any]) -> bool:
        """Return whether an interaction is answered; if not, the person has been told why."""
        if _is_exempt(interaction) or (notice := await self.notice()) is None:
            return True
        error = UnderMaintenance(notice)
        record_of(interaction).end(ending_of(error), error)
        await tell(interaction, error.sentence)
        return False

    def keep(self, task: asyncio.Task[None]) -> None:
        """Refer to a task until it ends, because asyncio does not."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(READ_SECONDS):
                self._know(await self._table.find())
        except FAILURES as error:
            log.warning("whether there is a maintenance cannot be read: %s", describe(error))
            self._know(self._notice)

    def _know(self, notice: Notice | None) -> None:
        self._notice, self._read_at = notice, asyncio.get_running_loop().time()


def _is_exempt(interaction: discord.Interaction[Any]) -> bool:
    data: Any = interaction.data or {}
    match interaction.type:
        case discord.InteractionType.application_command:
            return data.get("name") in OPERATORS_COMMANDS
        case discord.InteractionType.component | discord.InteractionType.modal_submit:
            return _ALWAYS.match(str(data.get("custom_id", ""))) is not None
        case _:  # completions are choices, not answers
            return True


class Gated:
    """Base of a client: during a maintenance, its listeners do not hear what people write.

    They hear of `message_in_maintenance` instead of `message`.
    """

    maintenance: Maintenance

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Tell the listeners of an event. discord.py calls this."""
        forward: Callable[..., None] = super().dispatch  # type: ignore[misc]
        if event not in HEARD:
            forward(event, *args, **kwargs)
        elif self.maintenance.is_fresh:
            forward(self._heard_as(event), *args, **kwargs)
        else:
            self.maintenance.keep(asyncio.create_task(self._dispatch_later(event, forward, args, kwargs)))

    async def _dispatch_later(
        self, event: str, forward: Callable[..., None], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        await self.maintenance.notice()
        forward(self._heard_as(event), *args, **kwargs)

    def _heard_as(self, event: str) -> str:
        return event if self.maintenance.known is None else f"{event}_{UNHEARD}"

"""Maintenance: the operator has paused the bot, in all its processes."""

from __future__ import annotations

import asyncio
import logging
import math
import re
import time
from collections.abc import Callable
from typing import Any

from bot.errors import Refused, describe
from bot.locales.message import Message, later
from bot.replies.formatting.text import fit
from bot.storage.database import FAILURES
from bot.storage.maintenance import MaintenanceTable, Notice

log = logging.getLogger(__name__)

REMEMBERED_SECONDS = 5.0
"""How long a process may go on after another one has begun a maintenance."""
READ_SECONDS = 0.5
"""How long an interaction waits to learn of it: Discord wants an acknowledgement within three seconds."""
LONGEST_REASON = 300
"""UTF-16 units of a reason in a sentence."""
_ALWAYS = re.compile(r"status|(?:[a-z]+-)?stop\b")
"""Commands and actions that work meanwhile: the operator's, and Stop, which only ends what goes on."""
HEARD = frozenset({"message", "raw_reaction_add", "reaction_add", "thread_create"})
"""Events that features answer which nobody has called as a command."""
UNHEARD = "in_maintenance"
"""What is dispatched instead: `message` as `message_in_maintenance`."""


class UnderMaintenance(Refused):
    """The operator has paused the bot."""

    def __init__(self, notice: Notice) -> None:
        super().__init__(message_of(notice, time.time()))


def sentence_of(notice: Notice, now: float) -> str:
    """Return what people read who ask something meanwhile, in the current locale."""
    return str(message_of(notice, now))


def message_of(notice: Notice, now: float) -> Message:
    """Return the same, in the locale of whoever reads it."""
    reason = fit(" ".join(notice.reason.split()), LONGEST_REASON)[0]
    if notice.ends is None:
        when = later("Please try again later.")
    elif notice.ends > now:
        # Translators: {when} is such as "in 10 minutes".
        when = later("It should be over {when}; please ask again then.", when=f"<t:{math.ceil(notice.ends)}:R>")
    else:
        when = later("It takes longer than expected; please try again a little later.")
    # Translators: two whole sentences, one after the other.
    return later("{first} {second}", first=_said(reason), second=when)


def _said(reason: str) -> Message:
    if not reason:
        return later("I am under maintenance, and answer nothing for now.")
    if reason.endswith((".", "!", "?")):
        # Translators: {reason} ends with a full stop.
        return later("I am under maintenance, and answer nothing for now: {reason}", reason=reason)
    # Translators: {reason} ends without a full stop.
    return later("I am under maintenance, and answer nothing for now: {reason}.", reason=reason)


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

    async def check(self, name: str) -> None:
        """Raise `UnderMaintenance` if an interaction must not be answered now.

        Args:
            name: of its command or action.
        """
        if _ALWAYS.match(name) is None and (notice := await self.notice()) is not None:
            raise UnderMaintenance(notice)

    def keep(self, task: asyncio.Task[None]) -> None:
        """Refer to a task until it ends, because asyncio does not."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _read(self) -> None:
        try:
            self._know(await self._table.patience.wait(self._table.find(), READ_SECONDS))
        except FAILURES as error:
            log.warning("whether there is a maintenance cannot be read: %s", describe(error))
            self._know(self._notice)

    def _know(self, notice: Notice | None) -> None:
        self._notice, self._read_at = notice, asyncio.get_running_loop().time()


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

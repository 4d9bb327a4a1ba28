"""The interactions that are being answered."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, MutableMapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import discord
from cachetools import LRUCache

from bot.operating.interaction_log import InteractionObserver, follow, follow_message
from bot.replies.acknowledgement import Kind, expect
from bot.replies.interaction_age import age
from bot.replies.interaction_record import InteractionRecord
from bot.request_ids import is_answered_again
from bot.storage.unanswered import UnansweredInteractions

log = logging.getLogger(__name__)

EVENT = "INTERACTION_CREATE"
ANSWERED_TYPES = frozenset(
    kind.value
    for kind in (
        discord.InteractionType.application_command,
        discord.InteractionType.component,
        discord.InteractionType.modal_submit,
    )
)
"""Those that are acknowledged and then answered. The rest, such as autocompletion, is answered at once or never."""
MOST_REMEMBERED = 10_000
"""Interactions that are known again if Discord sends them twice."""


@dataclass(eq=False)
class Arrival:
    """An interaction as it has arrived.

    Attributes:
        payload: as Discord sent it, in JSON.
        acknowledged: how, by a process that has died; None if it comes from Discord.
        has_begun: whether somebody answers it.
    """

    payload: str
    acknowledged: Kind | None = None
    has_begun: bool = False


_ARRIVAL: ContextVar[Arrival | None] = ContextVar("arrival", default=None)


class PendingInteractions:
    """The interactions from their arrival until they have been answered or refused.

    Commands begin in `Tree.interaction_check`, components in `Component.interaction_check`, and modals in
    `Glassbox.on_interaction`.

    Attributes:
        observer: hears of each.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()
        self._arrived: LRUCache[str, None] = LRUCache(MOST_REMEMBERED)
        self.observer: InteractionObserver | None = None

    def watch(self, parsers: MutableMapping[str, Callable[[Any], None]], unanswered: UnansweredInteractions) -> None:
        """Learn of every interaction before discord.py parses it.

        Args:
            parsers: discord.py's, by event.
            unanswered: keeps those that are acknowledged, until they are answered.
        """
        self._parse, self._unanswered = parsers[EVENT], unanswered
        parsers[EVENT] = self._arrive

    def begin(self, interaction: discord.Interaction) -> None:
        """Count an interaction until the current task ends."""
        age(interaction)  # notes when it began
        task = self.count()
        follow(interaction, task, self.observer)
        if (arrival := _ARRIVAL.get()) is not None:
            self._keep(interaction, arrival, task)

    def count(self) -> asyncio.Task[object]:
        """Count whatever the current task does as an interaction until it ends, so that a stop waits for it."""
        # discord.py runs each interaction, and each listener of an event, in a task of its own.
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def begin_message(self, message: discord.Message, record: InteractionRecord, age: Callable[[], float]) -> None:
        """Count a message that is answered as an interaction would be, until the current task ends.

        Args:
            age: returns the seconds since it was heard.
        """
        follow_message(message, record, age, self.count(), self.observer)

    def answer_again(self, payload: Mapping[str, Any], acknowledged: Kind) -> Arrival:
        """Answer an interaction that another process has acknowledged. It may turn out that nobody here answers it."""
        arrival = Arrival(json.dumps(payload), acknowledged)
        self._hand_over(payload, arrival)
        return arrival

    async def answered(self, seconds: float) -> bool:
        """Wait until all are answered, for some seconds at most; return whether they are."""
        await asyncio.sleep(0)  # for tasks that have just been created
        try:
            async with asyncio.timeout(seconds):
                while self._tasks:
                    await asyncio.wait(self._tasks)
        except TimeoutError:
            return False
        return True

    def _arrive(self, payload: Mapping[str, Any]) -> None:
        if payload["id"] in self._arrived:
            log.info("Discord has sent an interaction twice")
            return
        self._arrived[payload["id"]] = None
        is_answered = payload["type"] in ANSWERED_TYPES
        # Before discord.py, which may change it.
        self._hand_over(payload, Arrival(json.dumps(payload)) if is_answered else None)

    def _hand_over(self, payload: Mapping[str, Any], arrival: Arrival | None) -> None:
        """Have discord.py parse a payload. The tasks that it starts know the arrival from their context."""
        token = _ARRIVAL.set(arrival)
        try:
            self._parse(payload)
        finally:
            _ARRIVAL.reset(token)

    def _keep(self, interaction: discord.Interaction, arrival: Arrival, task: asyncio.Task[object]) -> None:
        """Have an interaction kept when it is acknowledged, and forgotten when it is answered."""
        arrival.has_begun = True

        def forget(task: asyncio.Task[object]) -> None:
            # A task that was cancelled has not answered: that is for another process to do.
            if not task.cancelled():
                self._unanswered.answered(interaction.id)

        async def keep(kind: Kind) -> None:
            if await self._unanswered.keep(interaction.id, kind.value, arrival.payload, interaction.user.id):
                task.add_done_callback(forget)

        expect(interaction, keep, arrival.acknowledged)
        if arrival.acknowledged is not None:
            is_answered_again.set(True)
            task.add_done_callback(forget)

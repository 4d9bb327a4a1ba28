"""The course of each interaction in the log: one line at its end, and its id in all lines that it causes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Protocol

import discord

from bot.endings import ANSWERED, GONE, UNEXPECTED, Ending
from bot.replies.interaction_age import age
from bot.replies.interaction_record import InteractionRecord, begin_record, record_of
from bot.request_ids import command, person, request_id

log = logging.getLogger(__name__)

STOPPED = Ending("failed", "stopped")
"""The process ends without waiting any longer."""


class InteractionObserver(Protocol):
    """Hears of interactions. Its methods must be quick, and must not raise."""

    def pseudonym(self, person: int) -> str:
        """Return what the log calls a person."""

    def began(self) -> None:
        """Hear of an interaction that has arrived."""

    def ended(self, record: InteractionRecord) -> None:
        """Hear of the end of an interaction."""


def follow(interaction: discord.Interaction, task: asyncio.Task[object], observer: InteractionObserver | None) -> None:
    """Let the log, the worker and an observer know an interaction until its task, the current one, ends."""
    _begin(interaction.id, begin_record(interaction))
    if observer is not None:
        _tell_begin(observer, interaction.user.id)
    task.add_done_callback(partial(_end, interaction, observer))


def follow_message(
    message: discord.Message,
    record: InteractionRecord,
    age: Callable[[], float],
    task: asyncio.Task[object],
    observer: InteractionObserver | None,
) -> None:
    """Let them know a message that is answered as an interaction would be.

    Args:
        age: returns the seconds since it was heard.
    """

    def end(task: asyncio.Task[object]) -> None:
        record.ended = age()
        _tell_end(record, task, observer)

    _begin(message.id, record)
    if observer is not None:
        _tell_begin(observer, message.author.id)
    task.add_done_callback(end)


def _begin(identity: int, record: InteractionRecord) -> None:
    request_id.set(str(identity))
    command.set(record.command)


def _tell_begin(observer: InteractionObserver, asking: int) -> None:
    observer.began()
    person.set(observer.pseudonym(asking))


def name_action(interaction: discord.Interaction, action: str) -> None:
    """Record which action a component or a modal is for. Until then it counts as unknown."""
    record_of(interaction).command = action
    command.set(action)


def _end(interaction: discord.Interaction, observer: InteractionObserver | None, task: asyncio.Task[object]) -> None:
    record = record_of(interaction)
    record.ended = age(interaction)
    if record.kind == "autocomplete" and not interaction.response.is_done():
        record.ending = UNEXPECTED
    _tell_end(record, task, observer)


def _tell_end(record: InteractionRecord, task: asyncio.Task[object], observer: InteractionObserver | None) -> None:
    if task.cancelled():
        record.ending = STOPPED
    elif task.exception() is not None:
        record.ending = UNEXPECTED  # discord.py has logged it
    command.set(record.command)
    _tell(record)
    if observer is not None:
        observer.ended(record)


def _tell(record: InteractionRecord) -> None:
    """Log the end of an interaction."""
    fields: dict[str, object] = {
        "outcome": record.ending.outcome,
        "reason": record.ending.reason,
        "milliseconds": round(1000 * record.ended),
    }
    if record.checkpoint:
        fields |= {"checkpoint": record.checkpoint, "queue_milliseconds": round(1000 * record.waited)}
    level = logging.DEBUG if record.kind == "autocomplete" else logging.INFO
    log.log(level, "%s", _sentence(record), extra={"fields": fields})


def _sentence(record: InteractionRecord) -> str:
    name = f"/{record.command}" if record.kind == "command" else f"the {record.kind} {record.command}"
    after = f"{1000 * record.ended:.0f} ms"
    if record.ending == GONE:
        return f"{name} is gone after {after}"
    if record.ending != ANSWERED:
        return f"{name} was not answered: {record.error or record.ending.reason}"
    if not record.checkpoint:
        return f"{name} was answered in {after}"
    return f"{name} was answered in {after} by {record.checkpoint}, {1000 * record.waited:.0f} ms of it in the queue"

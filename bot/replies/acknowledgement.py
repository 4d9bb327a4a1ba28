"""The first response to an interaction, which Discord accepts once, and within three seconds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import discord

from bot.errors import describe
from bot.private_answers import is_answered_privately as is_answered_privately
from bot.replies.attempts import noticing_attempts
from bot.replies.discord_errors import Outcome, outcome_of
from bot.replies.interaction_record import note_acknowledgement

log = logging.getLogger(__name__)

Kind = discord.InteractionResponseType

SECONDS = 3.0
"""How long all tries may take together. Discord waits no longer."""
PAUSES = (0.1, 0.3, 0.6)
"""Seconds between tries; together they leave time for the tries themselves."""
TRY_SECONDS = 1.0
"""How long a try may take before the next one. discord.py itself waits as long as a rate limit asks."""
SHORTEST_TRY = 0.2
"""How long the last one may take in any case, if the event loop was late."""
NO_MENTIONS = discord.AllowedMentions.none()

Keep = Callable[[Kind], Awaitable[None]]
"""Keeps an interaction, so that another process answers it if this one dies."""

_KIND = "glassbox-acknowledged"
_KEEP = "glassbox-keep"


def expect(interaction: discord.Interaction, keep: Keep, known: Kind | None) -> None:
    """Prepare an interaction that has arrived.

    Args:
        keep: called before it is acknowledged without an answer.
        known: how it was acknowledged by a process that has died.
    """
    interaction.extras[_KEEP] = keep
    if known is not None:
        interaction.extras[_KIND] = known


def acknowledgement(interaction: discord.Interaction) -> Kind | None:
    """Return how an interaction was acknowledged, as far as we know; None if it was not."""
    known: Kind | None = interaction.extras.get(_KIND)
    return known or interaction.response.type


async def defer(interaction: discord.Interaction, *, thinking: bool = False, ephemeral: bool = False) -> None:
    """Acknowledge an interaction whose answer follows. Does nothing if it was acknowledged before.

    Args:
        thinking: whether a new message follows, and not an edit of the component's message; always so for commands.
        ephemeral: whether only one person sees the new message, even if the server does not want that of all answers.

    Raises:
        discord.HTTPException: Discord has refused it, or the interaction is gone, or another process has it.
    """
    ephemeral = ephemeral or is_answered_privately(interaction)
    if acknowledgement(interaction) is None:
        new = thinking or interaction.type is discord.InteractionType.application_command
        kind = Kind.deferred_channel_message if new else Kind.deferred_message_update
        if (keep := interaction.extras.get(_KEEP)) is not None:
            await keep(kind)
        await _acknowledge(
            interaction, kind, lambda: interaction.response.defer(thinking=thinking, ephemeral=ephemeral)
        )


async def respond(interaction: discord.Interaction, sentence: str, *, ephemeral: bool) -> None:
    """Answer an interaction with a sentence; raise `discord.HTTPException` if that fails for good."""
    ephemeral = ephemeral or is_answered_privately(interaction)
    await _acknowledge(
        interaction,
        Kind.channel_message,
        lambda: interaction.response.send_message(sentence, ephemeral=ephemeral, allowed_mentions=NO_MENTIONS),
    )


async def respond_with(interaction: discord.Interaction, view: discord.ui.LayoutView) -> None:
    """Answer an interaction with a layout that only one person sees.

    Raises:
        discord.HTTPException: that fails for good.
    """
    await _acknowledge(
        interaction,
        Kind.channel_message,
        lambda: interaction.response.send_message(view=view, ephemeral=True, allowed_mentions=NO_MENTIONS),
    )


async def send_modal(interaction: discord.Interaction, modal: discord.ui.Modal) -> None:
    """Answer an interaction with a modal; raise `discord.HTTPException` if that fails for good."""
    await _acknowledge(interaction, Kind.modal, lambda: interaction.response.send_modal(modal))


async def suggest_nothing(interaction: discord.Interaction) -> None:
    """Answer an autocompletion with no suggestions. Errors are only logged."""
    try:
        await _acknowledge(interaction, Kind.autocomplete_result, lambda: interaction.response.autocomplete([]))
    except Exception as error:
        log.info("an autocompletion could not be answered: %s", describe(error))


async def _acknowledge(interaction: discord.Interaction, kind: Kind, send: Callable[[], Awaitable[object]]) -> None:
    """Try a first response several times, for as long as Discord waits for it."""
    # Discord may have accepted a try whose receipt was lost. It then refuses the next one as a duplicate, which is a
    # receipt as well. If the very first request is, then somebody else has responded: another process with the same
    # token. If no receipt comes at all, the interaction counts as acknowledged, and the next call will tell.
    loop = asyncio.get_running_loop()
    end = loop.time() + SECONDS
    is_first = True
    for pause in (*PAUSES, None):
        with noticing_attempts() as attempts:
            try:
                async with asyncio.timeout(max(SHORTEST_TRY, min(TRY_SECONDS, end - loop.time()))):
                    await send()
            except discord.InteractionResponded:
                break  # discord.py could not read the receipt of the last try
            except Exception as error:
                outcome = Outcome.BUSY if attempts.are_limited else outcome_of(error)
                is_last = pause is None or loop.time() + pause >= end
                if outcome is Outcome.ACKNOWLEDGED and is_first and len(attempts.statuses) <= 1:
                    raise  # another process has it
                if outcome is Outcome.ACKNOWLEDGED or (outcome is Outcome.UNKNOWN and is_last):
                    log.info("a receipt of Discord's was lost: %s", describe(error))
                    break
                if not outcome.is_retryable or pause is None or is_last:
                    raise
            else:
                note_acknowledgement(interaction)
                return
        await asyncio.sleep(pause)
        is_first = False
    interaction.extras[_KIND] = kind
    note_acknowledgement(interaction)

"""The first response to an interaction, which Discord takes once and waits for no longer than three seconds.

Its receipt may be lost although Discord has taken it: a bad gateway, a dropped connection, a body that cannot be read.
A second try is then refused as one too many (40060), which is a receipt as well. Where none comes at all, the
interaction counts as acknowledged: the next call tells whether it is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import discord

from bot.errors import describe
from bot.replies.faults import Fault, fault_of

log = logging.getLogger(__name__)

Interaction = discord.Interaction[Any]
Kind = discord.InteractionResponseType

PAUSES = (0.1, 0.3, 0.6)
"""Seconds between tries: all of them together leave time for the tries themselves."""
TRY_SECONDS = 3.0
"""How long a try may take. discord.py waits for as long as a rate limit asks, and Discord for three seconds."""
NO_MENTIONS = discord.AllowedMentions.none()

_KIND = "glassbox-acknowledged"


def acknowledgement(interaction: Interaction) -> Kind | None:
    """How an interaction was acknowledged, or has to be taken for; None where it was not."""
    known: Kind | None = interaction.extras.get(_KIND)
    return known or interaction.response.type


async def defer(interaction: Interaction, *, thinking: bool = False, ephemeral: bool = False) -> None:
    """Acknowledge an interaction whose answer follows; one that was acknowledged before is left as it is.

    Args:
        thinking: whether a new message follows; otherwise the one with the button or menu is changed. A command's
            answer is always a new message.
        ephemeral: whether only the person who asked sees it.

    Raises:
        discord.HTTPException: Discord has refused it, or the interaction is gone.
    """
    if acknowledgement(interaction) is None:
        new = thinking or interaction.type is discord.InteractionType.application_command
        kind = Kind.deferred_channel_message if new else Kind.deferred_message_update
        await _acknowledge(
            interaction, kind, lambda: interaction.response.defer(thinking=thinking, ephemeral=ephemeral)
        )


async def respond(interaction: Interaction, sentence: str, *, ephemeral: bool) -> None:
    """Answer an interaction with a sentence.

    Raises:
        discord.HTTPException: as above.
    """
    await _acknowledge(
        interaction,
        Kind.channel_message,
        lambda: interaction.response.send_message(sentence, ephemeral=ephemeral, allowed_mentions=NO_MENTIONS),
    )


async def send_modal(interaction: Interaction, modal: discord.ui.Modal) -> None:
    """Answer an interaction with a modal.

    Raises:
        discord.HTTPException: as above.
    """
    await _acknowledge(interaction, Kind.modal, lambda: interaction.response.send_modal(modal))


async def _acknowledge(interaction: Interaction, kind: Kind, send: Callable[[], Awaitable[object]]) -> None:
    for pause in (*PAUSES, None):
        try:
            async with asyncio.timeout(TRY_SECONDS):
                await send()
        except discord.InteractionResponded:
            break  # the receipt of the try before could not be read
        except Exception as error:
            fault = fault_of(error)
            if fault is Fault.ACKNOWLEDGED or (fault is Fault.UNKNOWN and pause is None):
                log.info("a receipt of Discord's was lost: %s", describe(error))
                break
            if not fault.may_pass or pause is None:
                raise
            await asyncio.sleep(pause)
        else:
            return
    interaction.extras[_KIND] = kind

"""Sharing a private answer with everybody in the channel."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import replace
from enum import Enum
from typing import Any

import discord

from bot.errors import InvalidRequest, Unanswered, describe
from bot.inference.requests import Answer
from bot.locales.message import Message, _, later
from bot.replies.acknowledgement import NO_MENTIONS, defer
from bot.replies.components.buttons import Action, Button
from bot.replies.delivery import Render, RequestT
from bot.replies.discord_errors import outcome_of
from bot.replies.one_try import sent_once
from bot.replies.pending import until_accepted
from bot.replies.reply import Reply
from bot.request_ids import is_answered_again

log = logging.getLogger(__name__)

# Translators: a button that posts a private answer for everybody in the channel.
SHARE = Action("share", later("Share"), discord.ButtonStyle.primary)
SHARE_SECONDS = 60.0
"""How long Discord may take to accept a shared answer."""
ALONE = later("Nobody else is here to see it.")
NOT_MINE = later("Only the person who asked may share this answer.")
KEPT_PRIVATE = later("This server has set that answers stay private.")
MAY_NOT_SPEAK = later("You may not write in this channel, so I do not post your answer here.")
I_MAY_NOT_SPEAK = later(
    "I may not write in this channel. Somebody who manages it can allow me View Channel, Send Messages and Embed Links."
)
ONLY_FOR_YOU = later("This server shows answers of apps that it has not added only to the person who asks.")
NOT_CONFIRMED = later(
    "Discord has not confirmed that it posted your answer. Please look into the channel before you try again."
)


class Offer(Enum):
    """What becomes of the button under a private answer."""

    OPEN = "it can be pressed"
    SHARING = "it is grey, because the answer is perhaps posted already"
    SHARED = "it is gone"


def refusal(interaction: discord.Interaction, *, private: bool) -> Message | None:
    """Return why an answer may not be shared where an interaction comes from; None if it may be.

    Args:
        private: whether the server has set that answers stay private.
    """
    if interaction.guild_id is None:
        return ALONE if interaction.context.dm_channel else None
    if private:
        return KEPT_PRIVATE
    if not _may_speak(interaction, interaction.permissions):
        return MAY_NOT_SPEAK
    if interaction.is_user_integration() and not interaction.is_guild_integration():
        # Source: https://docs.discord.com/developers/topics/permissions (`USE_EXTERNAL_APPS`)
        return None if interaction.permissions.use_external_apps else ONLY_FOR_YOU
    return None if _may_speak(interaction, interaction.app_permissions, embeds=True) else I_MAY_NOT_SPEAK


def shareable(render: Render[RequestT]) -> Render[RequestT]:
    """Return a renderer whose replies have the button that shares them."""

    def rendered(request: RequestT, answer: Answer[Any]) -> Reply:
        reply = render(request, answer)
        kept = request if reply.pages is None else reply.pages.request
        return replace(reply, buttons=(*reply.buttons, Button(SHARE, kept)))

    return rendered


def still_shareable(interaction: discord.Interaction, render: Render[RequestT]) -> Render[RequestT]:
    """Return a renderer for another view of an answer, which may be shared if the view before it could be."""
    return shareable(render) if any(map(_is_share, _buttons(interaction.message))) else render


async def share(interaction: discord.Interaction) -> None:
    """Post the private answer under a button for everybody, and take the button away.

    Raises:
        InvalidRequest: the person who presses has not asked for it.
        discord.HTTPException: Discord refuses it.
        Unanswered: it is not known whether Discord has posted it.
    """
    message = interaction.message
    if message is None or not _is_own(message, interaction):
        raise InvalidRequest(NOT_MINE)
    await defer(interaction)
    if is_answered_again.get():
        button = _share_button(await interaction.original_response())
        if button is None:
            return
        if button.disabled:  # the process before has died in the middle
            await _offer_again(interaction, message)
            raise Unanswered(NOT_CONFIRMED)
    embeds, files = await _copied(message)
    # Nothing tells whether a follow-up was posted, and Discord takes no nonce for one. So the button is grey meanwhile:
    # whoever goes on after this process knows that they do not know.
    await until_accepted(lambda: _show(interaction, _view(message, Offer.SHARING)))
    try:
        async with asyncio.timeout(SHARE_SECONDS):
            await sent_once(interaction).send(
                _heading(interaction, message),
                embeds=embeds,
                files=files,
                view=_view(message, Offer.SHARED),
                allowed_mentions=NO_MENTIONS,
                wait=True,
            )
    except Exception as error:
        await _offer_again(interaction, message)
        if outcome_of(error).is_retryable:  # a second try might post it twice
            raise Unanswered(NOT_CONFIRMED) from error
        raise
    await until_accepted(lambda: _show(interaction, _view(message, Offer.SHARED)))


async def _offer_again(interaction: discord.Interaction, message: discord.Message) -> None:
    """Let the button be pressed again. Errors are only logged: people are told about the one that came first."""
    try:
        await until_accepted(lambda: _show(interaction, _view(message, Offer.OPEN)))
    except Exception as error:
        log.info("an answer cannot be offered again: %s", describe(error))


async def _show(interaction: discord.Interaction, view: discord.ui.View) -> None:
    await interaction.edit_original_response(view=view, allowed_mentions=NO_MENTIONS)


def _may_speak(interaction: discord.Interaction, allowed: discord.Permissions, *, embeds: bool = False) -> bool:
    channel = interaction.channel
    if isinstance(channel, discord.Thread):
        speaks = allowed.send_messages_in_threads and (not channel.locked or allowed.manage_threads)
    else:
        speaks = allowed.send_messages
    return allowed.view_channel and speaks and (allowed.embed_links or not embeds)


def _is_own(message: discord.Message, interaction: discord.Interaction) -> bool:
    """Return whether a message is a private answer to the person behind an interaction."""
    asked = message.interaction_metadata
    return message.flags.ephemeral and asked is not None and asked.user.id == interaction.user.id


async def _copied(message: discord.Message) -> tuple[list[discord.Embed], list[discord.File]]:
    """Return the embeds of a message with their pictures, and its files, which can be sent once."""
    files = list(await asyncio.gather(*(attachment.to_file() for attachment in message.attachments)))
    names = {attachment.url: attachment.filename for attachment in message.attachments}
    embeds = [embed.copy() for embed in message.embeds]
    for embed in embeds:
        if (name := names.get(embed.image.url or "")) is not None:
            embed.set_image(url=f"attachment://{name}")
    return embeds, files


def _heading(interaction: discord.Interaction, message: discord.Message) -> str:
    """Return who shares an answer, and about which message it is."""
    asked = message.interaction_metadata
    about = None if asked is None else asked.target_message_id
    person = interaction.user.mention
    if about is None:
        # Translators: above an answer that {person} has shared with everybody.
        said = _("Shared by {person}", person=person)
    else:
        link = f"https://discord.com/channels/{interaction.guild_id or '@me'}/{interaction.channel_id}/{about}"
        # Translators: above an answer that {person} has shared with everybody. {link} leads to the message it is about.
        said = _("Shared by {person} · about {link}", person=person, link=link)
    return f"-# {said}"


def _view(message: discord.Message, offer: Offer) -> discord.ui.View:
    """Return the components of a message, with what becomes of the button that shares it."""
    view = discord.ui.View.from_message(message, timeout=None)
    for item in list(view.children):
        if isinstance(item, discord.ui.Button) and _is_share(item):
            item.disabled = offer is Offer.SHARING
            if offer is Offer.SHARED:
                view.remove_item(item)
    view.stop()  # discord.py would take presses for itself; `Component`s answer them by their custom ids
    return view


def _buttons(message: discord.Message | None) -> Iterator[discord.Button]:
    for row in getattr(message, "components", ()):
        yield from (one for one in getattr(row, "children", ()) if isinstance(one, discord.Button))


def _share_button(message: discord.Message) -> discord.Button | None:
    return next(filter(_is_share, _buttons(message)), None)


def _is_share(button: discord.Button | discord.ui.Button[Any]) -> bool:
    return (button.custom_id or "").startswith(f"glassbox:{SHARE.name}:")

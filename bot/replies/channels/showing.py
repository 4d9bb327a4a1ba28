"""The finished picture in the deferred message."""

from __future__ import annotations

import logging
from typing import Any

import discord

from bot.errors import describe
from bot.pictures.picture import Picture
from bot.pictures.studio import Studio
from bot.replies.pending import Edit, edit_for_good
from bot.replies.reply import Reply

log = logging.getLogger(__name__)


async def show(
    interaction: discord.Interaction[Any], reply: Reply, studio: Studio, view: discord.ui.View | None = None
) -> None:
    """Draw a reply's picture, and edit the response; raise what `edit_for_good` raises."""
    picture = await _drawn(reply, studio)

    async def content() -> Edit:
        embed, files = reply.with_picture(picture)
        return {"content": None, "embed": embed, "attachments": files, "view": view}

    await edit_for_good(interaction, content)


async def _drawn(reply: Reply, studio: Studio) -> Picture | None:
    if reply.drawing is None:
        return None
    try:
        return await studio.draw(reply.drawing.draw)
    except Exception as error:  # the numbers matter more than their picture
        log.error("a picture cannot be drawn: %s", describe(error))
        return None

"""The settings of one tag as a modal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import discord
import regex

from bot.errors import InvalidRequest
from bot.forums.components import SAVE_TAG
from bot.forums.pages.names import tag_name
from bot.forums.pages.setup import tag_settings_text
from bot.locales.message import _, later
from bot.replies.components.modals import PREFIX
from bot.replies.formatting.text import fit, visible
from bot.servers.topics.forums import LONGEST_DESCRIPTION, TagSettings
from bot.tasks.zeroshot import LONGEST_LABEL
from bot.text.accepted import clean_text

LONGEST_TITLE = 45
DESCRIPTION, THRESHOLD, USED = "description", "threshold", "used"
LEAST, MOST = 1, 99
YES, NO = "yes", "no"

Layout = discord.ui.LayoutView


def tag_modal(forum: discord.ForumChannel, tag: int, own: TagSettings) -> discord.ui.Modal:
    """Make the modal. The ids of the forum and the tag are in its custom id, so a restart of the bot loses nothing."""
    title = fit(_("Tag: {tag}", tag=tag_name(forum, tag)), LONGEST_TITLE, visible)[0]
    modal = discord.ui.Modal(title=title, custom_id=f"{PREFIX}{SAVE_TAG.name}:{forum.id}:{tag}")
    description: discord.ui.TextInput[Any] = discord.ui.TextInput(
        custom_id=DESCRIPTION,
        default=own.description or None,
        # Translators: at most 100 characters.
        placeholder=_("for example: a question about installing the program"),
        max_length=LONGEST_DESCRIPTION,
        required=False,
    )
    threshold: discord.ui.TextInput[Any] = discord.ui.TextInput(
        custom_id=THRESHOLD, default=tag_settings_text(own) or None, placeholder="80", max_length=8, required=False
    )
    used: discord.ui.Select[Any] = discord.ui.Select(
        custom_id=USED,
        options=[
            discord.SelectOption(label=_("Yes"), value=YES, default=own.used),
            discord.SelectOption(label=_("No, leave this tag to people"), value=NO, default=not own.used),
        ],
    )
    # Translators: the labels of the fields have at most 45 characters, what explains them at most 100.
    about = _("In a few words. Empty: the tag's name.")
    modal.add_item(discord.ui.Label(text=_("What the model reads"), description=about, component=description))
    about = _("A per cent from {least} to {most}. Empty: the forum's threshold.", least=LEAST, most=MOST)
    modal.add_item(discord.ui.Label(text=_("Threshold of this tag"), description=about, component=threshold))
    modal.add_item(discord.ui.Label(text=_("Use this tag"), component=used))
    modal.stop()  # otherwise discord.py keeps it until it is submitted
    return modal


def submitted(interaction: discord.Interaction) -> TagSettings:
    """Return the settings in a submitted modal.

    Raises:
        InvalidRequest: a field cannot be read.
    """
    data: Mapping[str, Any] = interaction.data or {}
    fields = {field.get("custom_id"): field for label in data["components"] if (field := label.get("component"))}
    typed = str(fields.get(DESCRIPTION, {}).get("value") or "")
    description = clean_text(typed, "description", LONGEST_LABEL) if typed.strip() else ""
    used = fields.get(USED, {}).get("values") != [NO]
    return TagSettings(
        description=description, threshold=_threshold(str(fields.get(THRESHOLD, {}).get("value") or "")), used=used
    )


def _threshold(typed: str) -> float | None:
    """Return the share in "80", "80 %" or "72,5"; None for an empty text."""
    if not (text := typed.strip()):
        return None
    found = regex.fullmatch(r"(\d{1,2}(?:[.,]\d)?)\s?%?", text, flags=regex.ASCII)
    number = float(found[1].replace(",", ".")) if found else 0.0
    if not LEAST <= number <= MOST:
        raise InvalidRequest(
            later(
                "The threshold must be {least} to {most} per cent, such as `80`. Nothing has changed.",
                least=LEAST,
                most=MOST,
            )
        )
    return round(number / 100, 3)

"""The page on which people choose the language that the bot writes to them in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import discord

from bot.locales.choice import locale_for
from bot.locales.current import current_locale
from bot.locales.message import _, later
from bot.locales.offered import offered, own_name
from bot.replies.components.buttons import Action
from bot.replies.components.press import Component

CHOOSE = Action("language", later("Language"))
"""Its detail is the locale that somebody has chosen; None for what Discord says."""
DISCORDS = "discord"
ACCENT = discord.Colour(0x5865F2)

ABOUT = later(
    "I write to you in this language, wherever you use me. What a model says stays in the language that it says it in. "
    "/translate translates into your language unless you name another one."
)


class LanguageMenu(Component[discord.ui.Select[Any]], template=r"glassbox-language"):
    """The menu of languages."""

    action = CHOOSE.name

    @property
    def detail(self) -> str | None:
        [*values] = self.item.values
        chosen = values[0] if values else DISCORDS
        return None if chosen == DISCORDS else chosen


@dataclass(frozen=True)
class LanguagePage:
    """What the page shows: the locale that somebody has chosen, if any, and that of their Discord."""

    chosen: str | None
    discords: str

    def layout(self) -> discord.ui.LayoutView:
        """Make the message. Languages are named in themselves."""
        options = [
            discord.SelectOption(
                # Translators: an option of a menu, at most 60 characters. {language} is named in itself.
                label=_("As Discord says: {language}", language=own_name(locale_for(self.discords))),
                value=DISCORDS,
                default=self.chosen is None,
            )
        ]
        options += [
            discord.SelectOption(label=own_name(one), value=one, default=one == self.chosen) for one in offered()
        ]
        menu: discord.ui.Select[discord.ui.LayoutView] = discord.ui.Select(
            custom_id="glassbox-language", options=options
        )
        container: discord.ui.Container[discord.ui.LayoutView] = discord.ui.Container(
            discord.ui.TextDisplay(f"## {_('Language: {language}', language=own_name(current_locale()))}\n{ABOUT}"),
            discord.ui.ActionRow(menu),
            accent_colour=ACCENT,
        )
        view = discord.ui.LayoutView(timeout=None)
        view.add_item(container)
        view.stop()  # components are found by their custom ids
        return view

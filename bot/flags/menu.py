"""The menu of languages under a flag of a country that has several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import discord

from bot.inference.languages.lookup import language
from bot.locales.languages import language_name
from bot.locales.message import _, later
from bot.replies.components.buttons import Action
from bot.replies.components.press import Component

CHOOSE = Action("flag-language", later("Into which language?"))
"""Its detail is a `Choice`."""
LONGEST_LABEL = 100

View = discord.ui.View


@dataclass(frozen=True)
class Choice:
    """What is chosen, by whom.

    Attributes:
        message_id: of the message to translate.
        person: who may choose, by Discord's id.
        territory: of the flag.
        code: the language; empty as long as none is chosen.
        menu_id: of the message with the menu.
    """

    message_id: int
    person: int
    territory: str
    code: str = ""
    menu_id: int = 0


class LanguageMenu(
    Component[discord.ui.Select[View]],
    template=r"glassbox-flag:(?P<message>\d{1,20}):(?P<person>\d{1,20}):(?P<territory>[A-Z]{2,7})",
):
    """A menu of languages."""

    action = CHOOSE.name

    @classmethod
    def of(cls, choice: Choice, languages: Sequence[str]) -> LanguageMenu:
        """Make the menu."""
        custom_id = f"glassbox-flag:{choice.message_id}:{choice.person}:{choice.territory}"
        menu: discord.ui.Select[View] = discord.ui.Select(custom_id=custom_id, placeholder=CHOOSE.label)
        for code in languages:
            one = language(code)
            menu.add_option(
                label=one.own_name[:LONGEST_LABEL], value=code, description=language_name(one.code)[:LONGEST_LABEL]
            )
        return cls(menu)

    @property
    def detail(self) -> Choice:
        code = self.item.values[0] if self.item.values else ""
        return Choice(int(self.fields["message"]), int(self.fields["person"]), self.fields["territory"], code)


def question(emoji: str, choice: Choice, languages: Sequence[str]) -> tuple[str, discord.ui.View]:
    """Return the sentence and the menu that ask for a language."""
    view = discord.ui.View(timeout=None)
    view.add_item(LanguageMenu.of(choice, languages))
    sentence = _(
        # Translators: {flag} is the flag of a country, such as 🇨🇭.
        "{flag} has several languages. {person}, into which one?",
        flag=emoji,
        person=f"<@{choice.person}>",
    )
    return sentence, view


def chosen(choice: Choice, interaction: discord.Interaction) -> Choice:
    """Return a choice with the message that it was made under."""
    return replace(choice, menu_id=0 if interaction.message is None else interaction.message.id)

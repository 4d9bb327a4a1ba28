"""A page of `/settings`: a menu of topics, and the settings of one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import discord

from bot.errors import InvalidRequest, Unanswered
from bot.locales.message import Message, _, later
from bot.replies.components.press import Item
from bot.replies.settings.controls import Choice, Field, Menu, Option, text
from bot.servers.access import Asked
from bot.servers.settings import ServerSettings
from bot.servers.topics.topic import Topic

TOPIC = "topic"
"""The name of the field that chooses a page."""
ACCENT = discord.Colour(0x5865F2)
# Translators: where the value of a setting comes from.
HERE = later("Set for this server")
# Translators: where the value of a setting comes from.
DEFAULT = later("The bot's default")

Change = Callable[[ServerSettings], ServerSettings]
TopicT = TypeVar("TopicT", bound=Topic)


class OutdatedPage(InvalidRequest):
    """A component is of a page that this version does not have, or forged."""

    SENTENCE = later("This page is of another version of me. Please open /settings again.")


class NotSaved(Unanswered):
    """The database fails, and the setting is as it was."""

    SENTENCE = later(
        "I could not save that, because my database does not answer, and the failure has been logged. The setting is "
        "as it was. Please try again in a minute."
    )


@dataclass(frozen=True)
class Operator:
    """What holds for all servers, because the operator has set it.

    Attributes:
        message_content: whether the application has Discord's intent of that name.
        mentions: whether the bot hears of messages at all.
        commands: the names of those that rules may be about.
        checkpoints: the names of those that people can choose, each with its commands in words.
    """

    message_content: bool
    mentions: bool
    commands: Sequence[str]
    checkpoints: Mapping[str, str]


@dataclass(frozen=True)
class Shown:
    """What a page shows.

    Attributes:
        asked: where the page is open, and by whom.
        focus: see `Field`.
    """

    settings: ServerSettings
    guild: discord.Guild
    asked: Asked
    operator: Operator
    focus: str = ""


class TopicPage(ABC):
    """The page of a topic.

    Attributes:
        name: in custom ids, so it never changes.
        looks: the fields that change no setting, but what the page is about.
    """

    name: ClassVar[str]
    title: ClassVar[Message]
    about: ClassVar[Message]
    looks: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def items(self, shown: Shown) -> Iterator[Item]:
        """Yield what is below the menu of topics."""

    @abstractmethod
    def change(self, choice: Choice, shown: Shown) -> Change:
        """Return the change that somebody has chosen.

        Raises:
            InvalidRequest: it can't be made.
        """

    def modal(self, choice: Choice, shown: Shown) -> discord.ui.Modal | None:
        """Return the modal that a button opens; None if it opens none."""
        return None

    def field(self, name: str, focus: str = "") -> Field:
        """Return a field of this page."""
        return Field(self.name, name, focus)


def layout(page: TopicPage, pages: Sequence[TopicPage], shown: Shown) -> discord.ui.LayoutView:
    """Make the message of a page."""
    menu = Menu(Field(TOPIC, TOPIC), [Option(one.name, one.title, one.about) for one in pages], [page.name])
    # Translators: the heading of a page, such as "Settings: Quotas".
    heading = _("Settings: {topic}", topic=page.title)
    container: discord.ui.Container[discord.ui.LayoutView] = discord.ui.Container(
        text(f"## {heading}\n{page.about}"), menu.row(), discord.ui.Separator(), accent_colour=ACCENT
    )
    for item in page.items(shown):
        container.add_item(item)
    view = discord.ui.LayoutView(timeout=None)
    view.add_item(container)
    view.stop()  # components are found by their custom ids
    return view


def replaced(settings: ServerSettings, name: str, topic: TopicT, **fields: object) -> ServerSettings:
    """Return the settings with some fields of a topic changed, and validated.

    Raises:
        InvalidRequest: a value is not one of the field's.
    """
    try:
        changed = type(topic).model_validate(topic.model_dump() | fields)
    except ValueError:
        raise OutdatedPage from None
    return settings.model_copy(update={name: changed})


def from_here(is_set: bool, otherwise: Message = DEFAULT) -> str:
    """Return where a value comes from, in small print."""
    return f"-# {HERE if is_set else otherwise}"

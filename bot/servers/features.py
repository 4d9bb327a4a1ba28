"""What access rules are about: commands by their names, and what the bot does without a command."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from discord import app_commands

from bot.errors import RequestForgotten
from bot.inference.requests import Request
from bot.tasks import kept_requests
from bot.tasks.guess import GuessRequest
from bot.tasks.work.request import WorkRequest


class MessageFeature(StrEnum):
    """What the bot does where nobody uses a command. The values are kept in the database."""

    MENTIONS = "mentions"  # answers messages that mention it, and replies to its own
    REACTIONS = "flag reactions"  # translates a message under a flag
    FORUM_TAGS = "forum tags"  # tags new posts


ALWAYS_ALLOWED = frozenset({"settings", "privacy", "help", "language", "status"})
"""Commands without which nobody could undo a rule, learn what is kept, delete it, or
understand any of this. No rule is about them."""
ONES_OWN = "one's own"
"""The feature of what people do to what is theirs already, such as to stop it. No rule is about it."""

FEATURES_OF_MENUS: Mapping[str, str] = {
    "translate": "translate",
    "sentiment": "sentiment",
    "summarise": "summarize",
    "entities": "entities",
    "show the work": "inspect",
}
"""The features of message menus, by their names in lower case: a rule about a command holds for its menu as well."""


def feature_of(command: app_commands.Command[Any, ..., Any] | app_commands.Group | app_commands.ContextMenu) -> str:
    """Return the name of a command's feature: a subcommand has that of the whole command."""
    if isinstance(command, app_commands.ContextMenu):
        name = command.name.casefold()
        return FEATURES_OF_MENUS.get(name, name)
    return (command.root_parent or command).name


def feature_behind(request: Request[Any] | None) -> str:
    """Return the name of the command that a kept request belongs to.

    Raises:
        RequestForgotten: it belongs to none, so nothing says who may have it.
    """
    if isinstance(request, WorkRequest | GuessRequest):
        return request.task
    if request is None or (name := kept_requests().get(type(request))) is None:
        raise RequestForgotten
    return name

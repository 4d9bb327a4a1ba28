"""What people ask for: every command, every menu of a message and every autocompletion, some far more often."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bot.servers.needs import MENUS
from tests.cogs.test_commands import COMMANDS
from tests.discord_server import TYPES
from tests.faults.crowd.server import FORUM, CrowdedDiscord
from tests.support import COURSE
from tests.tiny import TEXTS

T = TypeVar("T")

COMMAND, AUTOCOMPLETION = 2, 4
"""Discord's types of interactions."""
SLASH, MENU = 1, 3
"""And of commands."""
SUBCOMMAND, CHANNEL, ATTACHMENT = 1, 7, 11
"""And of options. Source: https://discord.com/developers/docs/interactions/application-commands"""
MOST_TOKENS = 24
"""Of texts, in most of the requests."""

OTHERS: Mapping[str, Mapping[str, Any]] = {
    "compare": {"text": "I love apples.", "command": "sentiment"},
    "guess": {"text": "I love apples."},
    "help": {},
    "models": {},
    "mood": {"messages": 50},
    "topics": {"labels": "school, food, music", "messages": 50},
    "batch": {"command": "sentiment"},
    "privacy": {},
    "settings": {},
    "status": {},
    "forum-tags setup": {},
    "forum-tags report": {},
}
"""The commands that `tests.cogs.test_commands` has no options for."""
POPULAR = (
    "sentiment", "generate", "translate", "chat", "zeroshot", "fill", "summarize", "answer", "entities", "similarity",
    "complete", "tokenize", "attention", "inspect",
)  # fmt: skip
"""From the most popular one on. Those of `OTHERS` follow."""
TYPED = {
    "translate": ("to", "ger"),
    "complete": ("language", "py"),
    "help": ("command", "s"),
    "models": ("checkpoint", "t"),
    "sentiment": ("checkpoint", ""),
}
"""By command, an option that Discord asks the bot to complete, and what was typed of it."""
OPENS = 0.5
"""The share of those who open the form of `/tokenize` rather than type into its option."""
FREE = ("text", "prompt", "message", "context", "first", "texts", "question")
"""Options that hold people's own words."""


def zipf(number: int) -> list[float]:
    """Return weights of ranks: the n-th is asked for 1/n times as often as the first. They add up to 1."""
    weights = [1 / rank for rank in range(1, number + 1)]
    return [weight / sum(weights) for weight in weights]


@dataclass(frozen=True)
class Wish:
    """Something that can be asked for.

    Attributes:
        kind: Discord's type of the interaction.
        name: of a command, a menu, or a command whose option is completed.
        needs_server: whether Discord offers it only in servers.
    """

    kind: int
    name: str
    is_menu: bool = False

    @property
    def needs_server(self) -> bool:
        return self.name.split()[0] in {"mood", "topics", "settings", "forum-tags", "status"}


def all_wishes() -> list[Wish]:
    """Return everything that can be asked for, from the most popular on."""
    slash = [Wish(COMMAND, name) for name in (*POPULAR, *OTHERS)]
    menus = [Wish(COMMAND, name, is_menu=True) for name in sorted(MENUS)]
    typed = [Wish(AUTOCOMPLETION, name) for name in TYPED]
    mixed = itertools.zip_longest(slash, menus, typed)
    return [one for together in mixed for one in together if one is not None]


@dataclass
class Wishes:
    """Draws what somebody asks for, and makes Discord's words of it.

    Args:
        state: whatever is drawn.
        texts: how many different texts people have.
    """

    discord: CrowdedDiscord
    state: random.Random
    texts: int = 300
    _all: list[Wish] = field(default_factory=all_wishes)

    def draw(self) -> Wish:
        """Choose by Zipf's law."""
        return self.chosen(self._all)

    def each(self) -> list[Wish]:
        """Return everything once."""
        return list(self._all)

    def chosen(self, values: Sequence[T]) -> T:
        """Choose one of some values by Zipf's law."""
        return self.state.choices(values, zipf(len(values)))[0]

    def text(self) -> str:
        """Return somebody's words; some of them are popular."""
        number = self.chosen(range(self.texts))
        return f"{TEXTS[number % len(TEXTS)]} {number}"

    def data(self, wish: Wish) -> dict[str, Any]:
        """Return an interaction's data for a wish."""
        if wish.is_menu:
            return self._menu(wish.name)
        if wish.kind == AUTOCOMPLETION:
            option, typed = TYPED[wish.name]
            options = [{"name": option, "type": TYPES[str], "value": typed, "focused": True}]
            return {**self._command(SLASH, wish.name), "options": options}
        return self._slash(wish.name)

    def _menu(self, name: str) -> dict[str, Any]:
        message = self.state.choice(self.discord.history())
        return {
            **self._command(MENU, name),
            "target_id": message["id"],
            "resolved": {"messages": {message["id"]: message}},
        }

    def _slash(self, name: str) -> dict[str, Any]:
        root, _, sub = name.partition(" ")
        given = [{"name": key, "type": TYPES[type(value)], "value": value} for key, value in self._options(name)]
        data = self._command(SLASH, root)
        if name == "batch":
            file = self.discord.attachment()
            given.append({"name": "file", "type": ATTACHMENT, "value": file["id"]})
            data["resolved"] = {"attachments": {file["id"]: file}}
        if root == "forum-tags":
            given.append({"name": "forum", "type": CHANNEL, "value": FORUM})
            forum = {"id": FORUM, "type": 15, "name": "help", "permissions": "0", "parent_id": None}
            data["resolved"] = {"channels": {FORUM: forum}}
        return {**data, "options": [{"name": sub, "type": SUBCOMMAND, "options": given}] if sub else given}

    def _options(self, name: str) -> list[tuple[str, Any]]:
        options = dict(COMMANDS[name] if name in COMMANDS else OTHERS[name])
        for free in FREE:
            if free in options and name != "fill":
                options[free] = self.text()
        if name == "fill":
            options["text"] = f"{self.text()} <mask>."
        if "max_new_tokens" in options:
            options["max_new_tokens"] = self.state.randint(2, MOST_TOKENS)
        if "checkpoint" in options:
            options["checkpoint"] = COURSE[options["checkpoint"]]
        if name == "tokenize" and self.state.random() < OPENS:
            del options["texts"]
        if name == "generate":
            options.pop("seed")
        return list(options.items())

    def _command(self, kind: int, name: str) -> dict[str, Any]:
        return {"id": self.discord.commands[kind, name]["id"], "name": name, "type": kind}

"""`python -m tests.command_table` writes docs/COMMANDS-TABLE.md: all commands, from the command tree.

What the tree does not know is declared in `bot/servers/needs.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import discord
from discord import app_commands

from bot.client import Glassbox
from bot.inference.remote.backend import RemoteBackend
from bot.servers.features import ALWAYS_ALLOWED, MessageFeature, feature_of
from bot.servers.needs import COMMANDS, MENUS, MESSAGE_FEATURES, Needs
from bot.storage import RequestStore
from bot.tasks import all_tasks

PATH = Path(__file__).parent.parent / "docs" / "COMMANDS-TABLE.md"
HEAD = """# Who may use what, where, and what it needs

`python -m tests.command_table` writes this page from the command tree and `bot/servers/needs.py`; a test fails if a
command, a menu or a message feature has no row, or if the page is old. `/settings` can allow and prohibit everything
with an access rule (`docs/SETTINGS.md`); Discord's own page, Server Settings → Integrations, can hide commands and
menus.

*Where*: servers, direct messages with the bot, and other private messages (groups, and between two people). *Installed
to*: a server, or somebody's account, who then has it everywhere. *Intents* are privileged ones. *The bot's permissions*
are needed in the channel; answers to commands need none.
"""
CONTEXTS = ("servers", "direct messages", "other private messages")
"""By Discord's numbers. Source: https://docs.discord.com/developers/interactions/application-commands"""
INSTALLS = ("a server", "an account")
COLUMNS = (
    "name",
    "what it does",
    "who",
    "where",
    "installed to",
    "intents",
    "the bot's permissions",
    "access rule",
    "note",
)

AnyCommand = app_commands.Command[Any, ..., Any] | app_commands.Group | app_commands.ContextMenu


async def commands() -> tuple[app_commands.CommandTree[Glassbox], Sequence[AnyCommand]]:
    """Return the command tree of a bot that is connected to nothing, and its commands."""
    async with RequestStore.open(None) as store:
        bot = Glassbox(RemoteBackend(all_tasks(), []), store, shard_count=1)
        await bot.add_cogs()
        bot.studio.close()
        return bot.tree, bot.tree.get_commands()


async def page() -> str:
    """Return the page."""
    tree, known = await commands()
    slash = sorted((one for one in known if not isinstance(one, app_commands.ContextMenu)), key=lambda one: one.name)
    menus = sorted((one for one in known if isinstance(one, app_commands.ContextMenu)), key=lambda one: one.name)
    parts = [HEAD, "## Slash commands\n", _table(_slash_row(tree, one, leaf) for one in slash for leaf in leaves(one))]
    if menus:
        parts += ["\n## Message menus\n", _table(_menu_row(tree, menu) for menu in menus)]
    parts += ["\n## Without a command\n", _table(map(_feature_row, MessageFeature))]
    return "\n".join(parts) + "\n"


def leaves(command: AnyCommand) -> list[app_commands.Command[Any, ..., Any]]:
    """Return a command, or the subcommands of a group."""
    if isinstance(command, app_commands.Group):
        return [one for one in command.walk_commands() if not isinstance(one, app_commands.Group)]
    assert isinstance(command, app_commands.Command)
    return [command]


def _slash_row(tree: Any, root: AnyCommand, leaf: app_commands.Command[Any, ..., Any]) -> list[str]:
    feature = feature_of(leaf)
    rule = "none: always allowed" if feature in ALWAYS_ALLOWED else feature
    needs = COMMANDS[leaf.qualified_name]
    return _row(f"`/{leaf.qualified_name}`", leaf.description, root.to_dict(tree), needs, rule)


def _menu_row(tree: Any, menu: app_commands.ContextMenu) -> list[str]:
    about = (menu.callback.__doc__ or "").strip().splitlines()[0].rstrip(".")
    return _row(f"**{menu.name}**", about, menu.to_dict(tree), MENUS[menu.name], feature_of(menu))


def _row(name: str, about: str, registered: Mapping[str, Any], needs: Needs, rule: str) -> list[str]:
    where = [CONTEXTS[number] for number in registered["contexts"]]
    installs = [INSTALLS[number] for number in registered["integration_types"]]
    return [name, about, who_may(registered, needs), ", ".join(where), ", ".join(installs), *_needs(needs, rule)]


def who_may(registered: Mapping[str, Any], needs: Needs) -> str:
    """Return who may use a command, in words."""
    if needs.who:
        return needs.who
    if (permissions := registered.get("default_member_permissions")) is None:
        return "everybody"
    names = [name for name, is_set in discord.Permissions(int(permissions)) if is_set]
    return ", ".join(name.replace("_", " ").replace("guild", "server").title() for name in names)


def _feature_row(feature: MessageFeature) -> list[str]:
    needs = MESSAGE_FEATURES[feature.value]
    return [
        feature.value,
        needs.about,
        needs.who or "everybody",
        CONTEXTS[0],
        INSTALLS[0],
        *_needs(needs, feature.value),
    ]


def _needs(needs: Needs, rule: str) -> list[str]:
    return [", ".join(needs.intents) or "–", ", ".join(needs.permissions) or "–", rule, needs.note]


def _table(rows: Iterator[list[str]]) -> str:
    lines = [COLUMNS, ["---"] * len(COLUMNS), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


if __name__ == "__main__":
    PATH.write_text(asyncio.run(page()), encoding="utf-8")

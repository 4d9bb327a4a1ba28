"""Every command, menu and message feature says what it needs, and the page about it is up to date."""

from __future__ import annotations

from discord import app_commands

from bot.servers.features import MessageFeature
from bot.servers.needs import COMMANDS, MENUS, MESSAGE_FEATURES
from tests.command_table import PATH, commands, leaves, page

HOW = "Add it to bot/servers/needs.py, then run `python -m tests.command_table`."


async def test_every_command_says_what_it_needs() -> None:
    _, known = await commands()
    menus = {one.name for one in known if isinstance(one, app_commands.ContextMenu)}
    slash = {
        leaf.qualified_name for one in known if not isinstance(one, app_commands.ContextMenu) for leaf in leaves(one)
    }
    assert slash == set(COMMANDS), HOW
    assert menus == set(MENUS), HOW
    assert {feature.value for feature in MessageFeature} == set(MESSAGE_FEATURES), HOW


async def test_the_page_is_up_to_date() -> None:
    assert PATH.read_text(encoding="utf-8") == await page(), HOW

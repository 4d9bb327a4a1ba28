"""Everybody who may meet the bot, and everything that they can use, in every place; also what Discord hides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import discord
import simcord
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from tests.cogs.conftest import GROUP_CHANNEL, Scene

ABROAD = "server that has not added the bot"
PLACES: Mapping[str, int] = {"server": 0, "direct message": 1, "group": 2, ABROAD: 0}
"""With Discord's numbers."""
MODERATOR = discord.Permissions(manage_guild=True, manage_channels=True, manage_messages=True, manage_threads=True)
READ_HISTORY = discord.Permissions(read_message_history=True).value
TEXT = "I love apples in Brooklyn."


def everybody(scene: Scene) -> dict[str, Any]:
    """Add people of all kinds to the server. What makes some of them what they are is for the test to do."""
    role = scene.guild.create_role("Moderators", permissions=MODERATOR)
    people = {name: add(scene, name) for name in ("without", "prohibited", "operator")}
    return people | {"member": scene.alice, "owner": scene.guild.owner, "moderator": add(scene, "moderator", role)}


def add(scene: Scene, name: str, *roles: Any) -> Any:
    """Add a member to the server."""
    return scene.guild.add_member(scene.env.create_user(name), roles=list(roles))


def forbid_history(scene: Scene, who: Any) -> None:
    """Somebody may not read the earlier messages of the channel any more."""
    scene.env.backend.set_overwrite(
        scene.channel.id, Overwrite(who.id, OverwriteType.MEMBER, allow=0, deny=READ_HISTORY)
    )


def place_for(scene: Scene, who: Any, place: str) -> Any:
    """Return the channel of a place, as the simulated Discord has it."""
    backend = scene.env.backend
    if place == "server":
        return backend.get_channel(scene.channel.id)
    if place == "direct message":
        return backend.get_channel(getattr(who, "user", who).dm_channel.id)
    if place == ABROAD:
        return _abroad(scene, who)
    group = backend.create_channel(None, "friends", type=GROUP_CHANNEL)
    group.recipient_ids = [who.id, scene.bob.id]
    return group


def _abroad(scene: Scene, who: Any) -> Any:
    """Return a channel of a server that the bot does not know, and in which somebody is a member."""
    guild = scene.env.create_guild("Abroad")
    guild.add_member(getattr(who, "user", who))
    channel = guild.create_text_channel("general")
    state = scene.bot._connection
    known = state._get_guild(guild.id)
    assert known is not None
    state._remove_guild(known)
    return scene.env.backend.get_channel(channel.id)


async def use(
    scene: Scene, who: Any, channel: Any, name: str, *, is_menu: bool = False, **options: Any
) -> simcord.InteractionResult:
    """Somebody uses a command, or the menu of a message, whether or not Discord offers it to them."""
    result = send(scene, who, channel, name, is_menu=is_menu, **options)
    await scene.env.settle()
    return result


def send(
    scene: Scene, who: Any, channel: Any, name: str, *, is_menu: bool = False, **options: Any
) -> simcord.InteractionResult:
    """Do as `use`, without waiting for the bot."""
    data = _menu(scene, who, channel, name) if is_menu else scene.slash_data(who, channel.id, name, options)
    # A language into which the tiny models translate, and which the bot does not speak.
    changed: dict[str, Any] = {"locale": "ro"}
    if channel.type == GROUP_CHANNEL or scene.bot.get_guild(channel.guild_id or 0) is None:
        changed["authorizing_integration_owners"] = {"1": str(who.id)}
    return scene.send(who, channel, data, **changed)


def _menu(scene: Scene, who: Any, channel: Any, name: str) -> dict[str, Any]:
    backend = scene.env.backend
    message = backend.prepare_message(channel.id, who.id, TEXT)
    backend.commit_message(message, broadcast=False)  # otherwise a direct message would be answered
    return scene.menu_data(name, message)

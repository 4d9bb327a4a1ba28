"""Registration of the commands at Discord, which is told only what has changed."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from typing import Any

from discord import app_commands

from bot.errors import describe
from bot.storage.database import FAILURES
from bot.storage.processes import Processes

log = logging.getLogger(__name__)

Identity = tuple[int, str]
"""The type and name of a command, which are unique together."""


async def register_if_changed(tree: app_commands.CommandTree[Any], processes: Processes) -> bool:
    """Register the commands of a tree unless Discord has them already; return whether they were registered.

    Raises:
        discord.HTTPException: Discord does not accept them.
    """
    # Not at every start, because Discord allows 200 creations a day.
    payloads = [await _payload(tree, command) for command in tree.get_commands()]
    content = json.dumps([_application_id(tree), sorted(payloads, key=_identity)], sort_keys=True)
    digest = hashlib.sha256(content.encode()).hexdigest()
    identities = set(map(_identity, payloads))
    if await _are_registered(tree, processes, digest, identities):
        return False
    # Of several processes that start at once, one registers them. If it dies, another does.
    async with processes.leases.held("commands"):
        if await _are_registered(tree, processes, digest, identities):
            return False
        await tree.sync()
        await _keep_digest(tree, processes, digest)
    return True


async def _payload(tree: app_commands.CommandTree[Any], command: Any) -> Mapping[str, Any]:
    """Return what `tree.sync` tells Discord of a command, its translations included."""
    translator = tree.translator
    payload: Mapping[str, Any] = (
        command.to_dict(tree) if translator is None else await command.get_translated_payload(tree, translator)
    )
    return payload


async def _are_registered(
    tree: app_commands.CommandTree[Any], processes: Processes, digest: str, identities: set[Identity]
) -> bool:
    """Return whether Discord was told these commands last, and has commands of these types and names."""
    try:
        if await processes.commands.digest(_application_id(tree)) != digest:
            return False
    except FAILURES as error:
        log.warning("the digest of the commands cannot be read: %s", describe(error))
        return False
    registered = await tree.fetch_commands()
    return {(command.type.value, command.name) for command in registered} == identities


async def _keep_digest(tree: app_commands.CommandTree[Any], processes: Processes, digest: str) -> None:
    try:
        await processes.commands.keep(_application_id(tree), digest)
    except FAILURES as error:  # without the digest, the commands are only registered once more
        log.warning("the digest of the commands cannot be kept: %s", describe(error))


def _application_id(tree: app_commands.CommandTree[Any]) -> int:
    identity: int | None = tree.client.application_id
    assert identity is not None  # it is known after login
    return identity


def _identity(payload: Mapping[str, Any]) -> Identity:
    return payload["type"], payload["name"]

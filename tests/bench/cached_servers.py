"""Made-up servers that a bot process is told of, and what people write there, to measure what they cost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

CHANNELS, ROLES = 40, 25
"""Of each server."""
FIRST_ID = 10**17
EMPTY = (
    "members", "threads", "emojis", "stickers", "voice_states", "presences", "stage_instances",
    "guild_scheduled_events", "soundboard_sounds",
)  # fmt: skip
_NAME = "a-channel-of-server-{}"


def server(number: int) -> dict[str, Any]:
    """Return what Discord says of a server when it becomes available to the bot (GUILD_CREATE)."""
    ids = _ids(number)
    guild_id = next(ids)
    everyone = _role(guild_id, "@everyone", 0)
    roles = [everyone, *(_role(next(ids), f"role {position}", position) for position in range(1, ROLES))]
    channels = [_channel(next(ids), number, position, roles[position % ROLES]["id"]) for position in range(CHANNELS)]
    return {
        "id": guild_id,
        "name": f"Server {number}",
        "owner_id": "2000",
        "member_count": 200,
        "large": False,
        "roles": roles,
        "channels": channels,
        "features": [],
        "icon": None,
        "verification_level": 1,
        "premium_tier": 0,
        "preferred_locale": "en-US",
        **{what: [] for what in EMPTY},
    }


def message(number: int, message_id: int) -> dict[str, Any]:
    """Return what Discord says of a message in a server that is not addressed to the bot (MESSAGE_CREATE).

    Its content is missing, because the application does not have the privileged intent.
    """
    guild_id = FIRST_ID + number * 1_000
    author = {"id": "2001", "username": "bob", "discriminator": "0", "global_name": None, "avatar": None}
    when = "2026-01-01T00:00:00+00:00"
    return {
        "id": str(2 * FIRST_ID + message_id),
        "type": 0,
        "channel_id": str(guild_id + ROLES),
        "guild_id": str(guild_id),
        "author": author,
        "member": {"roles": [], "joined_at": when, "deaf": False, "mute": False, "flags": 0},
        "content": "",
        "timestamp": when,
        "edited_timestamp": None,
        "tts": False,
        "mention_everyone": False,
        "pinned": False,
        **{what: [] for what in ("mentions", "mention_roles", "attachments", "embeds", "components")},
    }


def _ids(number: int) -> Iterator[str]:
    return map(str, range(FIRST_ID + number * 1_000, FIRST_ID + (number + 1) * 1_000))


def _role(role_id: str, name: str, position: int) -> dict[str, Any]:
    shown = {"id": role_id, "name": name, "position": position, "permissions": "104324673", "color": 0}
    return {**shown, "hoist": False, "managed": False, "mentionable": False, "flags": 0}


def _channel(channel_id: str, number: int, position: int, role_id: str) -> dict[str, Any]:
    """A text channel that one role may not write in."""
    closed = {"id": role_id, "type": 0, "allow": "0", "deny": "2048"}
    shown = {"id": channel_id, "type": 0, "name": _NAME.format(number), "position": position, "topic": None}
    return {**shown, "nsfw": False, "parent_id": None, "permission_overwrites": [closed], "rate_limit_per_user": 0}

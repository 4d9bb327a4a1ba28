"""What Discord's own client makes of names in what a person types, and simcord's page does not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


def with_mentions(text: str, people: Mapping[str, int]) -> str:
    """Return a text in which `@name` is a mention.

    Args:
        people: their ids by their names.
    """
    ids = {name.casefold(): identity for name, identity in people.items()}
    names = "|".join(map(re.escape, people))
    return re.sub(rf"(?<!\w)@({names})\b", lambda found: f"<@{ids[found[1].casefold()]}>", text, flags=re.IGNORECASE)


def let_mention(member: Any, people: Mapping[str, int]) -> None:
    """Let a member of a simulated server mention people by their names."""
    send = member.send

    async def typed(channel: Any, content: str = "", **options: Any) -> Any:
        return await send(channel, with_mentions(content, people), **options)

    member.send = typed

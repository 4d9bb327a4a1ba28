"""What tests of messages to the bot share."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from simcord.backend import serializers

from tests.cogs.conftest import Scene


def at(scene: Scene, text: str) -> str:
    """A text that mentions the bot."""
    return f"<@{scene.bot.user.id}> {text}".strip()  # type: ignore[union-attr]


def posted(scene: Scene, channel: Any = None) -> list[dict[str, Any]]:
    """The bodies of the messages that the bot has sent, in a channel or anywhere, in order."""
    where = "" if channel is None else f"/channels/{channel.id}/"
    return [
        one.json
        for one in scene.env.http_requests
        if one.method == "POST" and one.path.endswith("/messages") and where in one.path
    ]


def calls(scene: Scene, method: str, end: str) -> int:
    """How often the bot has called something."""
    return sum(one.method == method and one.path.endswith(end) for one in scene.env.http_requests)


def answers(channel: Any) -> list[Any]:
    """The bot's answers in a channel, in order."""
    return [one for one in channel.history() if one.author.bot and one.embeds]


def shown(scene: Scene, message: Any) -> dict[str, Any]:
    """A message as it is now."""
    stored = scene.env.backend.get_message(message.channel.id, message.id)
    return dict(serializers.message_payload(scene.env.backend, stored))


def labels(scene: Scene, message: Any) -> list[str]:
    """The labels of a message's buttons."""
    return [one["label"] for row in shown(scene, message)["components"] for one in row["components"]]


def say(scene: Scene, who: Any, text: str, channel: Any = None, *, reply_to: Any = None) -> Any:
    """Somebody writes a message; unlike simcord's own verb this does not wait for the bot."""
    backend = scene.env.backend
    place = channel or scene.channel
    reference = None
    if reply_to is not None:
        reference = backend.normalize_message_reference(
            place.id, {"channel_id": str(reply_to.channel.id), "message_id": str(reply_to.id)}
        )
    return backend.create_message(place.id, who.id, text, reference=reference)


def pressable(message: Any) -> Any:
    """A message as `Scene.press` takes one."""
    return SimpleNamespace(id=message.id, channel_id=message.channel.id)

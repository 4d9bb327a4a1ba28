"""Messages and modals of Components V2, as tests read, press and forge them."""

from __future__ import annotations

from typing import Any

import simcord
from simcord import interactions
from simcord.backend import serializers
from simcord.components import walk_components

from tests.cogs.conftest import BUTTON, MESSAGE_COMPONENT, Scene

MODAL_SUBMIT = 5


def texts(message: Any) -> str:
    """Return everything that a message or a modal says."""
    components = message["components"] if isinstance(message, dict) else message.components
    return "\n".join(one["content"] for one in walk_components(components) if "content" in one)


def custom_ids(message: Any) -> list[str]:
    """Return the custom ids of a message's components."""
    return [one["custom_id"] for one in walk_components(message.components) if "custom_id" in one]


async def forge_press(scene: Scene, who: Any, message: Any, custom_id: str) -> simcord.InteractionResult:
    """Somebody presses a button that a message never had."""
    backend = scene.env.backend
    stored = dict(serializers.message_payload(backend, backend.get_message(message.channel_id, message.id)))
    forged = {"type": BUTTON, "custom_id": custom_id, "id": 90, "style": 1, "label": "x"}
    stored["components"] = [*stored["components"], {"type": 1, "id": 91, "components": [forged]}]
    data = {"custom_id": custom_id, "component_type": BUTTON}
    return await _send(scene, who, MESSAGE_COMPONENT, data, stored)


async def forge_modal(scene: Scene, who: Any, custom_id: str, *fields: dict[str, Any]) -> simcord.InteractionResult:
    """Somebody submits a modal that was never shown."""
    labels = [{"type": 18, "id": one, "component": field | {"id": 50 + one}} for one, field in enumerate(fields)]
    return await _send(scene, who, MODAL_SUBMIT, {"custom_id": custom_id, "components": labels})


async def _send(
    scene: Scene, who: Any, kind: int, data: dict[str, Any], message: dict[str, Any] | None = None
) -> simcord.InteractionResult:
    record, payload = interactions.base_payload(
        scene.env.backend,
        type=kind,
        channel_id=scene.channel.id,
        guild_id=scene.guild.id,
        user_id=who.id,
        data=data,
    )
    if message is not None:
        payload["message"] = message
        record.source_message_id = int(message["id"])
    scene.env.backend.emit("INTERACTION_CREATE", payload)
    await scene.env.settle()
    return simcord.InteractionResult(scene.env, record)

"""Whether a press is one that somebody was offered. Custom ids and values come from outside, so nothing in them is
trusted: neither that the component stands under the message, nor that the option is in the menu."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import discord

from bot.errors import InvalidRequest
from bot.locales.message import later

PRIVATE = later(
    "This is somebody else's private answer, so only they may use what is under it. Ask with a command of your own."
)
NOT_OFFERED = later("That was not offered under this message. Ask again, and use what is under the new answer.")


def check_press(interaction: discord.Interaction[Any]) -> None:
    """Check the press of a component by the message that Discord sends with it; other interactions pass.

    Raises:
        InvalidRequest: the message is another person's private one, or does not offer what was pressed or chosen.
    """
    message = interaction.message
    if interaction.type is not discord.InteractionType.component or message is None:
        return
    asked = message.interaction_metadata
    if message.flags.ephemeral and asked is not None and asked.user.id != interaction.user.id:
        raise InvalidRequest(str(PRIVATE))
    data: Mapping[str, Any] = interaction.data or {}
    pressed = _pressed(message, data)
    if pressed is None or not _offers(pressed, data.get("values") or ()):
        raise InvalidRequest(str(NOT_OFFERED))


def stands_under_message(interaction: discord.Interaction[Any]) -> bool:
    """Return whether the component that was pressed is one of its message. discord.py drops a press of any other."""
    data: Mapping[str, Any] = interaction.data or {}
    return interaction.message is not None and _pressed(interaction.message, data) is not None


def _pressed(message: discord.Message, data: Mapping[str, Any]) -> Any:
    """Return the component of a message that was pressed; None if it has none of this id and type."""
    wanted = (data["custom_id"], data["component_type"])
    return next((one for one in _walk(message.components) if (_id(one), one.type.value) == wanted), None)


def _offers(component: Any, values: Any) -> bool:
    """Return whether so many may be chosen of a menu, and it has these options.

    What Discord fills by itself, such as with channels, has no options; a button has no numbers either.
    """
    options = getattr(component, "options", None)
    least, most = (getattr(component, name, len(values)) for name in ("min_values", "max_values"))
    return least <= len(values) <= most and (not options or {one.value for one in options}.issuperset(values))


def _walk(components: Any) -> Iterator[Any]:
    """Yield components, and those inside of them."""
    for one in components:
        yield one
        yield from _walk(getattr(one, "children", ()))
        if (accessory := getattr(one, "accessory", None)) is not None:
            yield accessory


def _id(component: Any) -> str | None:
    return getattr(component, "custom_id", None)

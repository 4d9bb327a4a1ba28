"""Components, and the presses that reach their handlers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar

import discord

RequestT = TypeVar("RequestT")
DetailT = TypeVar("DetailT")
Item = discord.ui.Item[Any]
ItemT = TypeVar("ItemT", bound=Item)


@dataclass(frozen=True)
class Press(Generic[RequestT, DetailT]):
    """A button that was pressed, a menu option that was chosen, or a modal that was submitted.

    Attributes:
        request: the kept request behind it; None if it has none, such as a modal.
        request_id: the id of this request in the store.
        detail: the choice or the text, such as the number of a page; None for a plain button.
    """

    request: RequestT
    request_id: str
    detail: DetailT


class Component(discord.ui.DynamicItem[ItemT], Generic[ItemT], template=r"(?!)"):
    """A button or menu whose custom id, with its fields, says everything, so it works after a restart of the bot."""

    action: str
    names_any_action: ClassVar[bool] = False
    """Whether its custom id may name any action, as that of a plain button does."""

    def __init__(self, item: ItemT) -> None:
        super().__init__(item)
        match = self.template.match(self.custom_id)
        self.fields: dict[str, str] = {} if match is None else match.groupdict()

    @classmethod
    async def from_custom_id(cls, interaction: discord.Interaction[Any], item: Any, match: re.Match[str], /) -> Self:
        return cls(item)

    @property
    def detail(self) -> object:
        """See `Press`."""
        return None

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Count the interaction as pending, and allow it. discord.py calls this first."""
        interaction.client.speech.answer(interaction)
        interaction.client.pending_interactions.begin(interaction)
        return True

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        client = interaction.client
        # A plain button that names what another kind of component does is forged: an action that nobody knows.
        is_known = not self.names_any_action or client.has_plain_button(self.action)
        action = self.action if is_known else self.custom_id
        await client.perform(interaction, action, self.fields.get("request_id"), lambda: self.detail)


def custom_id_of(interaction: discord.Interaction[Any]) -> str | None:
    """Return the custom id of the component that was pressed; None if none was, or it is not one of Glassbox's."""
    data: Mapping[str, Any] = interaction.data or {}
    is_press = interaction.type is discord.InteractionType.component
    return data["custom_id"] if is_press and data["custom_id"].startswith("glassbox") else None

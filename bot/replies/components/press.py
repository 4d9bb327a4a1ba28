"""Buttons that were pressed, menu options that were chosen, and modals that were submitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import discord

RequestT = TypeVar("RequestT")
DetailT = TypeVar("DetailT")


@dataclass(frozen=True)
class Press(Generic[RequestT, DetailT]):
    """What somebody has asked for with a component or a modal.

    Attributes:
        request: the kept request behind it; None for those that have none, such as modals.
        request_id: its id in the store.
        detail: what was chosen or written, such as the number of a page; None for a plain button.
    """

    request: RequestT
    request_id: str
    detail: DetailT


class Component:
    """A button or menu. A stop of the bot waits for the interactions with it (see `PendingInteractions`)."""

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Count the interaction, and allow it: discord.py calls this first."""
        interaction.client.pending_interactions.begin(interaction)
        return True

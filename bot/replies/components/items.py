"""What the buttons and menus of all messages have in common."""

from __future__ import annotations

from typing import Any

import discord


class Counted:
    """A button or menu that a stop of the bot waits for, once it was used (see `UnderWay`)."""

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Whether it may be used. It may, by everybody: this is where discord.py hands over what was used."""
        interaction.client.under_way.begin(interaction)
        return True

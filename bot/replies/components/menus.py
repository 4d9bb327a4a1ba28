"""What stands under a reply beside its buttons."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import discord

from bot.inference.requests import Request


class Menus(Protocol):
    """Menus and buttons that turn a reply into another one about the same request."""

    @property
    def request(self) -> Request[Any]:
        """What the reply is about; kept, so that its id can stand in the custom ids."""
        ...

    def items(self, identity: str) -> Iterable[discord.ui.Item[Any]]:
        """Dynamic items, in order.

        Args:
            identity: of the kept request.
        """
        ...

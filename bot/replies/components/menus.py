"""What a reply has below it beside its buttons."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import discord

from bot.inference.requests import Request


class Menus(Protocol):
    """Menus and buttons that replace a reply by another one about the same request."""

    @property
    def request(self) -> Request[Any]:
        """The request that is kept for the custom ids."""
        ...

    def items(self, request_id: str) -> Iterable[discord.ui.Item[Any]]:
        """Make the dynamic items, in order."""
        ...

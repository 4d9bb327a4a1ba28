"""What a reply has below it beside its buttons."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from bot.inference.requests import Request
from bot.replies.components.press import Item


class Menus(Protocol):
    """Menus and buttons that replace a reply by another one about the same request."""

    @property
    def request(self) -> Request[Any]:
        """The request that is kept for the custom ids."""
        ...

    def items(self, request_id: str) -> Iterable[Item]:
        """Make the dynamic items, in order."""
        ...

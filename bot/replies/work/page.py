"""One page of the work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.pictures.picture import Picture
from bot.replies.work.blocks import Block


@dataclass(frozen=True)
class Page:
    """One step on the way from the text to the answer.

    Attributes:
        name: in the menu and the title.
        about: what this step is, in plain words; Markdown of our own, without anybody's text.
        blocks: the numbers, in the order in which they are read.
        draw: draws the picture, if there is one.
        postponed: whether this stands for a page whose numbers are computed when it is opened.
    """

    name: str
    about: str
    blocks: tuple[Block, ...]
    draw: Callable[[], Picture] | None = None
    postponed: bool = False

    @property
    def plain(self) -> str:
        """Everything on it, for a file."""
        about = self.about.replace("*", "").replace("`", "")
        return "\n\n".join([self.name, about, *(block.plain() for block in self.blocks)])

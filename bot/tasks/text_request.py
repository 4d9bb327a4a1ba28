"""Requests about one text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.inference.requests import Request, ResultT_co
from bot.text.accepted import MAX_CHARACTERS, clean_text


@dataclass(frozen=True)
class TextRequest(Request[ResultT_co]):
    """A text for a model. Raises `InvalidRequest` if it is empty, longer than `LONGEST`, or without words."""

    LONGEST: ClassVar[int] = MAX_CHARACTERS

    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", clean_text(self.text, limit=self.LONGEST))

    @property
    def subject(self) -> str:
        """The text."""
        return self.text

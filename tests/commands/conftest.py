from __future__ import annotations

import io
import mimetypes

import pytest
from rich.console import Console

mimetypes.init()  # simcord asks it for the type of attachments, and it reads files the first time


class Paper(Console):
    """A console whose output can be read."""

    def __init__(self) -> None:
        self.paper = io.StringIO()
        super().__init__(file=self.paper, width=120, highlight=False)

    @property
    def text(self) -> str:
        """What has been printed."""
        return self.paper.getvalue()


@pytest.fixture
def console() -> Paper:
    return Paper()

"""Text files that people attach."""

from __future__ import annotations

from typing import Any

import pytest

from bot.errors import InvalidRequest
from bot.replies.attachments import read_text
from bot.tasks.summarize import SummarizeRequest

TEXT = "Äpfel, リンゴ and lemons."


class Attached:
    """Stands for an attachment that Discord has."""

    url = "attachment://text.txt"

    def __init__(self, content: bytes) -> None:
        self.size = len(content)
        self._content = content

    async def read(self) -> bytes:
        return self._content


def attached(content: bytes) -> Any:
    return Attached(content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
async def test_utf_8_with_and_without_a_mark(encoding: str) -> None:
    """Row K11."""
    assert await read_text(attached(TEXT.encode(encoding))) == TEXT


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "cp932", "cp1252"])
async def test_other_encodings(encoding: str) -> None:
    """Row K11."""
    with pytest.raises(InvalidRequest, match=r"isn't plain UTF-8 text\. Please save it"):
        await read_text(attached(TEXT.encode(encoding, errors="ignore")))


async def test_what_is_read_of_a_file_is_normalised() -> None:
    """Row H1, for files."""
    text = await read_text(attached("Cafe\u0301s\r\nin Paris".encode()))
    assert SummarizeRequest(text, file="a.txt").text == "Cafés\nin Paris"

"""Text files that people attach."""

from __future__ import annotations

from typing import Any

import pytest

from bot.errors import InvalidRequest
from bot.replies.attachments import MOST_BYTES, read_text
from bot.tasks.summarize import SummarizeRequest

TEXT = "Äpfel, リンゴ and lemons."


class Attached:
    """Stands for an attachment that Discord has."""

    url = "http://simulation.invalid/a.txt"

    def __init__(self, content: bytes, size: int | None = None) -> None:
        self.size = len(content) if size is None else size
        self._content = content

    async def read(self) -> bytes:
        return self._content


def attached(content: bytes, size: int | None = None) -> Any:
    return Attached(content, size)


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


async def test_a_file_that_lies_about_its_size() -> None:
    """What counts is what is read, which is the limit and one byte at most."""
    with pytest.raises(InvalidRequest, match=r"^The file has 100,001 bytes, and I can read 100,000 at most\."):
        await read_text(attached(b"a" * 5_000_000, size=3))
    assert await read_text(attached(b"a" * MOST_BYTES, size=3)) == "a" * MOST_BYTES
    with pytest.raises(InvalidRequest, match=r"^The file has 5,000,000 bytes"):
        await read_text(attached(b"abc", size=5_000_000))

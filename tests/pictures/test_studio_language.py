"""Pictures are drawn in the language of whoever asked, on a thread that has none of its own."""

from __future__ import annotations

import pytest

from bot.locales.current import current_locale, written_in
from bot.pictures.breaking import pieces
from bot.pictures.picture import Picture
from bot.pictures.studio import Studio


def said() -> Picture:
    return Picture(b"", current_locale(), 1, 1)


async def test_the_thread_has_the_callers_language() -> None:
    studio = Studio()
    try:
        with written_in("ja"):
            assert (await studio.draw(said)).alt == "ja"
        assert (await studio.draw(said)).alt == "en"
    finally:
        studio.close()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a (b)  c", ["a ", "(b) ", "c "]),
        ("層の「最も」。0: 埋め込み", ["層", "の", "「最", "も」。", "0: ", "埋", "め", "込", "み "]),
        ("GPU-2です", ["GPU-2", "で", "す "]),
        ("「", ["「 "]),
        ("", []),
    ],
)
def test_lines_end_at_spaces_and_between_japanese_characters(text: str, parts: list[str]) -> None:
    assert list(pieces(text)) == parts

"""Widths in cells: columns with Japanese and Hindi labels stay straight."""

from __future__ import annotations

import pytest

from bot.text.cells import cells, left, right


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("", 0),
        ("layers", 6),
        ("Größe", 5),
        ("> 99,9\u00a0%", 8),
        ("層の数", 6),
        ("ｗｉｄｅ", 8),
        ("हिन्दी", 5),
        ("e\u0301", 1),
    ],
)
def test_wide_characters_take_two_cells_and_marks_none(text: str, width: int) -> None:
    assert cells(text) == width


def test_columns_are_as_wide_in_each_script() -> None:
    for text in ("layers", "層の数", "हिन्दी"):
        assert cells(left(text, 9)) == cells(right(text, 9)) == 9
        assert left(text, 9).startswith(text)
        assert right(text, 9).endswith(text)

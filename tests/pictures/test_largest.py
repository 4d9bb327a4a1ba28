"""The largest pictures keep what is promised of all. `python -m tests.pictures.largest` tells how long they take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from bot.pictures.fonts import Fonts
from bot.pictures.picture import Picture
from tests.pictures.largest import SCRIPTS, largest
from tests.pictures.support import decoded


@pytest.mark.parametrize(("kind", "draw"), [pytest.param(*one, id=one[0]) for one in largest("mixed")])
def test_lines_are_shaped_about_once(kind: str, draw: Callable[[], Picture], monkeypatch: pytest.MonkeyPatch) -> None:
    """Shaping is most of what a picture takes: how long that is depends on the machine, how often it is done does not.

    Only a line that is cut is shaped again.
    """
    shaped: Counter[tuple[str, bool]] = Counter()
    shape = Fonts.line

    def counted(fonts: Fonts, text: str, han: Any, bold: bool = False) -> Any:
        shaped[text, bold] += 1
        return shape(fonts, text, han, bold)

    monkeypatch.setattr(Fonts, "line", counted)
    decoded(draw())

    assert shaped, kind
    assert shaped.total() < 1.5 * len(shaped), kind


@pytest.mark.parametrize("script", sorted(SCRIPTS))
def test_a_full_picture_is_small_in_every_script(script: str) -> None:
    decoded(dict(largest(script))["written text"]())

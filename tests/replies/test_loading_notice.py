from __future__ import annotations

import pytest

from bot.inference.answering import Loading
from bot.replies.pending import loading_notice


@pytest.mark.parametrize(
    ("loading", "shown"),
    [
        (Loading("tiny_one"), r"Loading tiny\_one."),
        (Loading("tiny_one", seconds_left=2.9), r"Loading tiny\_one: about 3 s left."),
        (Loading("tiny_one", fetching=True), r"Downloading tiny\_one."),
        (Loading("tiny_one", True, 0.349), r"Downloading tiny\_one: 34 %."),
    ],
)
def test_notices(loading: Loading, shown: str) -> None:
    assert loading_notice(loading) == f"{shown} Your answer follows here by itself."


def test_a_long_name_is_shortened_and_inert() -> None:
    """Item 18: the notice has to fit in a message, whatever the checkpoint's folder is called."""
    shown = loading_notice(Loading("*_" * 1_000, True, 0.5))
    assert len(shown) < 300
    assert shown.startswith("Downloading \\*\\_")
    assert shown.endswith("…: 50 %. Your answer follows here by itself.")

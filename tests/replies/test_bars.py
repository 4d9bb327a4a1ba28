from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.locales.current import written_in
from bot.replies.formatting.bars import WIDTH, bar, bar_line, percent

PROBABILITIES = st.floats(0, 1)


@given(st.floats())
def test_every_bar_is_as_wide(probability: float) -> None:
    assert len(bar(probability)) == WIDTH


@given(PROBABILITIES, PROBABILITIES)
def test_more_is_longer(one: float, other: float) -> None:
    less, more = sorted((one, other))

    assert filled(bar(less)) <= filled(bar(more))


def filled(text: str) -> int:
    return sum(8 if block == "█" else " ▏▎▍▌▋▊▉".find(block) for block in text if block != "\u00a0")


@pytest.mark.parametrize(("probability", "blocks"), [(0, ""), (1, "█" * 12), (0.5, "█" * 6), (0.25 + 1 / 96, "███▏")])
def test_bars_are_exact(probability: float, blocks: str) -> None:
    assert bar(probability).rstrip("\u00a0") == blocks


@pytest.mark.parametrize(
    ("probability", "shown"),
    [
        (0, "0.0 %"),
        (1e-9, "< 0.1 %"),
        (0.0006, "0.1 %"),
        (0.8312, "83.1 %"),
        (0.9994, "99.9 %"),
        (0.99951, "> 99.9 %"),
        (1 - 1e-12, "> 99.9 %"),
        (1, "100.0 %"),
        (1.0000001, "100.0 %"),
        (-1e-9, "0.0 %"),
        (float("nan"), "unknown"),
    ],
)
def test_percentages(probability: float, shown: str) -> None:
    assert percent(probability) == shown.replace(" ", "\u00a0")


@given(PROBABILITIES)
def test_only_certainty_is_certain(probability: float) -> None:
    assert (percent(probability) == "100.0\u00a0%") == (probability == 1)
    assert (percent(probability) == "0.0\u00a0%") == (probability == 0)


@given(PROBABILITIES)
def test_labels_align(probability: float) -> None:
    assert bar_line(probability, "label").index("` label") == WIDTH + 10


@pytest.mark.parametrize("locale", ["en", "de", "fr", "ja", "hi"])
def test_labels_align_in_each_language(locale: str) -> None:
    with written_in(locale):
        lines = [bar_line(probability, "label") for probability in (1e-9, 0.5, 1 - 1e-9, 1)]
    assert len({line.index("` label") for line in lines}) == 1
    assert not any(space in line.partition("` ")[0] for line in lines for space in (" ", "\u202f"))

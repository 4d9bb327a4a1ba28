from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.pictures.palette import CARD, INK, MUTED, WORDS, Colour, amount, evidence, ink_on, luminance

SHARES = st.floats(-1, 1)


def contrast(one: Colour, other: Colour) -> float:
    """WCAG 2.2: 4.5 is asked for text, 3 for large text."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@given(SHARES)
def test_type_is_legible_on_every_colour(share: float) -> None:
    for colour in (evidence(share), amount(share)):
        assert contrast(ink_on(colour), colour) >= 4


def test_type_is_legible_on_the_card_and_on_words() -> None:
    assert all(contrast(INK, colour) >= 7 for colour in (CARD, *WORDS))
    assert contrast(MUTED, CARD) >= 4.5


def test_evidence_differs_without_colour() -> None:
    assert contrast(evidence(1), evidence(-1)) >= 3


def test_more_is_darker() -> None:
    lightness = [luminance(amount(step / 48)) for step in range(49)]

    assert lightness == sorted(lightness, reverse=True)


def test_what_is_no_number_is_no_evidence() -> None:
    assert evidence(float("nan")) == evidence(0)
    assert amount(float("inf")) == amount(0)

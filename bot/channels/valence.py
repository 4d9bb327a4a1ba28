"""The labels of a sentiment as one number from −1 (negative) to 1 (positive)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.errors import ModelUnavailable
from bot.inference.requests import LabelScore
from bot.locales.message import later

UNSUITABLE = later(
    "The checkpoint for /sentiment does not tell positive from negative, so there is no mood to draw. Whoever runs "
    "this bot can set one that does with SENTIMENT_CHECKPOINT."
)
_WORDS = {"pos": 1.0, "neg": -1.0, "neu": 0.0}
_STARS = re.compile(r"([1-5]) stars?")


def valence(scores: Sequence[LabelScore]) -> float:
    """Return the expected value of the labels: positive counts 1, neutral 0, negative −1, five stars from −1 to 1.

    Raises:
        ModelUnavailable: a label is none of these.
    """
    return sum(score.probability * _value(score.label) for score in scores)


def _value(label: str) -> float:
    name = label.strip().casefold()
    if (stars := _STARS.fullmatch(name)) is not None:
        return (int(stars[1]) - 3) / 2
    for word, value in _WORDS.items():
        if name == word or name.startswith((f"{word}itive", f"{word}ative", f"{word}tral")):
            return value
    raise ModelUnavailable(UNSUITABLE)

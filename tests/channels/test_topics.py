from __future__ import annotations

import pytest

from bot.channels.topics import Judged, label_of, topics_of
from bot.channels.valence import valence
from bot.errors import ModelUnavailable
from bot.inference.requests import LabelScore

START = 1_767_225_600.0


def scores(**named: float) -> list[LabelScore]:
    return [LabelScore(label.replace("_", " "), probability) for label, probability in named.items()]


def test_a_message_counts_for_its_likeliest_label_if_that_is_likely_enough() -> None:
    assert label_of(scores(sports=0.3, politics=0.5, music=0.2)) == "politics"
    assert label_of(scores(sports=0.3, politics=0.49, music=0.21)) is None


def test_every_message_is_counted_once_in_its_part() -> None:
    labels = ("sports", "politics")
    judged = [Judged(START + 60 * index, ("sports", "politics", None)[index % 3]) for index in range(90)]
    found = topics_of(judged, labels)

    assert sum(part.messages for part in found.parts) == 90
    assert [sum(part.numbers[index] for part in found.parts) for index in (0, 1)] == [30, 30]
    assert sum(part.unclear for part in found.parts) == 30
    first = found.parts[0]
    inside = [one for one in judged if one.when < first.end]
    assert first.numbers == tuple(sum(one.label == label for one in inside) for label in labels)


@pytest.mark.parametrize(
    ("named", "value"),
    [
        ({"POSITIVE": 0.75, "NEGATIVE": 0.25}, 0.5),
        ({"negative": 0.5, "neutral": 0.25, "positive": 0.25}, -0.25),
        ({"NEG": 1.0, "NEU": 0.0, "POS": 0.0}, -1.0),
        ({"1_star": 0.5, "2_stars": 0.0, "3_stars": 0.0, "4_stars": 0.0, "5_stars": 0.5}, 0.0),
        ({"4_stars": 1.0}, 0.5),
    ],
)
def test_labels_have_a_value(named: dict[str, float], value: float) -> None:
    assert valence(scores(**named)) == pytest.approx(value)


@pytest.mark.parametrize("label", ["joy", "LABEL_0", "negotiation", "6 stars", "pose"])
def test_labels_of_other_models_have_none(label: str) -> None:
    with pytest.raises(ModelUnavailable, match="SENTIMENT_CHECKPOINT"):
        valence([LabelScore(label, 1.0)])

"""The topics of a channel: which share of its messages is about each, over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bot.channels.timeline import Timeline
from bot.inference.requests import LabelScore

LEAST = 0.5
"""Probability from which a message counts for its likeliest label. Below, what it is about is unclear."""


@dataclass(frozen=True)
class Judged:
    """A message and the label that it counts for; None if that is unclear."""

    when: float
    label: str | None


@dataclass(frozen=True)
class TopicPart:
    """One part of the time: how many messages count for each label, and for none."""

    start: float
    end: float
    numbers: tuple[int, ...]
    unclear: int

    @property
    def messages(self) -> int:
        """All of them."""
        return sum(self.numbers) + self.unclear


@dataclass(frozen=True)
class Topics:
    """The topics of a channel; the numbers of a part are in the order of the labels."""

    timeline: Timeline
    labels: tuple[str, ...]
    parts: tuple[TopicPart, ...]


def label_of(scores: Sequence[LabelScore]) -> str | None:
    """Return the likeliest label if it is likely enough."""
    best = max(scores, key=lambda score: score.probability)
    return best.label if best.probability >= LEAST else None


def topics_of(judged: Sequence[Judged], labels: Sequence[str]) -> Topics:
    """Count the messages of each label in each part of the time; at least one message."""
    timeline = Timeline.of([one.when for one in judged])
    part = timeline.part_of(np.array([one.when for one in judged]))
    columns = {label: index for index, label in enumerate(labels)}
    table = np.zeros((timeline.parts, len(labels) + 1), dtype=int)
    column = np.array([columns.get(one.label or "", len(labels)) for one in judged])
    np.add.at(table, (part, column), 1)
    borders = timeline.borders
    parts = (
        TopicPart(start, end, tuple(row[:-1]), row[-1])
        for start, end, row in zip(borders, borders[1:], table.tolist(), strict=False)
    )
    return Topics(timeline, tuple(labels), tuple(parts))

"""The mood of a channel: a smoothed mean over time, a bootstrap band around it, and its strongest moments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bot.channels.timeline import HOUR, Timeline

Floats = npt.NDArray[np.float64]

BANDWIDTH = 1.0
"""Standard deviation of the Gaussian window, in parts of the timeline."""
POINTS = 3
"""Of the curve in each part; the middle one is the part's own."""
LEAST_WEIGHT = 3.0
"""Weight in the window below which there is no curve: as much as three messages at that very moment."""
RESAMPLES = 500
LEVEL = 0.95
SEED = 2_026
"""The same messages always give the same band."""
STRETCH = 5
"""Messages in a row that make a moment."""
MOMENTS = 3
"""Of each kind."""


@dataclass(frozen=True)
class Estimate:
    """A mean with the ends of its interval, each from −1 (negative) to 1 (positive)."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class CurvePoint:
    """The smoothed mean at a moment; None where too few messages are near."""

    when: float
    estimate: Estimate | None


@dataclass(frozen=True)
class Part:
    """One part of the time.

    Attributes:
        mean: of its own messages alone; None if it has none.
        smoothed: in its middle.
    """

    start: float
    end: float
    messages: int
    mean: float | None
    smoothed: Estimate | None


@dataclass(frozen=True)
class Moment:
    """A stretch of messages in a row.

    Attributes:
        message: the id of the first one.
        value: their mean.
    """

    when: float
    message: int
    value: float


@dataclass(frozen=True)
class Mood:
    """The mood of a channel.

    Attributes:
        positive: the most positive moments, the strongest first; `negative` likewise.
        overall: of all messages.
    """

    timeline: Timeline
    parts: tuple[Part, ...]
    curve: tuple[CurvePoint, ...]
    positive: tuple[Moment, ...]
    negative: tuple[Moment, ...]
    overall: Estimate


@dataclass(frozen=True)
class Felt:
    """A message and how it feels, from −1 to 1; `writer` as in `ChannelMessage`."""

    message: int
    when: float
    writer: int
    value: float


def mood_of(felt: Sequence[Felt]) -> Mood:
    """Compute a channel's mood.

    The mean at a moment weighs messages by a Gaussian window. Its band is the 95 % percentile interval, at each moment
    alone, of a circular block bootstrap (Politis and Romano 1992): blocks, because messages that follow each other are
    alike, so that single ones drawn at random would make the band too narrow.

    Args:
        felt: at least one message, in any order.
    """
    felt = sorted(felt, key=lambda one: (one.when, one.message))
    times = np.array([one.when for one in felt])
    values = np.array([one.value for one in felt])
    timeline = Timeline.of(times.tolist())
    step = timeline.length / POINTS
    grid = timeline.start + step * (np.arange(timeline.parts * POINTS, dtype=np.float64) + 0.5)
    counts = resampled(len(felt), RESAMPLES)
    estimates = smoothed(times, values, grid, BANDWIDTH * timeline.length, counts)
    positive, negative = _moments(felt, max(HOUR, 2.0 * timeline.length))
    return Mood(
        timeline,
        _parts(timeline, times, values, estimates[POINTS // 2 :: POINTS]),
        tuple(CurvePoint(float(when), estimate) for when, estimate in zip(grid, estimates, strict=True)),
        positive,
        negative,
        _overall(values, counts),
    )


def resampled(number: int, resamples: int) -> Floats:
    """Return how often each of some messages in a row is in each resample, (resamples, messages)."""
    block = math.ceil(number ** (1 / 3))
    blocks = math.ceil(number / block)
    starts = np.random.default_rng(SEED).integers(0, number, (resamples, blocks))
    drawn = (starts[:, :, None] + np.arange(block)) % number
    drawn = drawn.reshape(resamples, -1)[:, :number]
    offsets = np.arange(resamples)[:, None] * number
    return np.bincount((drawn + offsets).ravel(), minlength=resamples * number).reshape(resamples, number).astype(float)


def smoothed(times: Floats, values: Floats, grid: Floats, bandwidth: float, counts: Floats) -> list[Estimate | None]:
    """Return the mean and its band at each moment of a grid; None where the weight does not suffice.

    Args:
        bandwidth: of the window, in seconds.
        counts: see `resampled`.
    """
    weights = np.exp(-0.5 * ((grid[:, None] - times[None, :]) / bandwidth) ** 2)
    total = weights.sum(axis=1)
    means = weights @ values / np.maximum(total, 1e-300)
    drawn = counts @ weights.T
    # A resample may have drawn nothing that is near: its mean is unknown there, and left out.
    resampled_means = np.where(drawn > 1e-9, (counts * values) @ weights.T / np.maximum(drawn, 1e-300), np.nan)
    found: list[Estimate | None] = []
    for index, mean in enumerate(means.tolist()):
        if total[index] < LEAST_WEIGHT:
            found.append(None)
            continue
        found.append(_estimate(mean, resampled_means[:, index]))
    return found


def _estimate(mean: float, resamples: Floats) -> Estimate:
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.nanpercentile(resamples, [tail, 100 - tail]).tolist()
    return Estimate(mean, min(low, mean), max(high, mean))


def _overall(values: Floats, counts: Floats) -> Estimate:
    return _estimate(float(values.mean()), counts @ values / counts.sum(axis=1))


def _parts(timeline: Timeline, times: Floats, values: Floats, estimates: Sequence[Estimate | None]) -> tuple[Part, ...]:
    part = timeline.part_of(times)
    numbers = np.bincount(part, minlength=timeline.parts).tolist()
    sums = np.bincount(part, weights=values, minlength=timeline.parts).tolist()
    borders = timeline.borders
    return tuple(
        Part(start, end, number, total / number if number else None, estimate)
        for start, end, number, total, estimate in zip(borders, borders[1:], numbers, sums, estimates, strict=False)
    )


def _moments(felt: Sequence[Felt], longest: float) -> tuple[tuple[Moment, ...], tuple[Moment, ...]]:
    """Return the stretches with the highest and with the lowest means, none of which overlap.

    Args:
        felt: in the order of time.
        longest: seconds of a stretch.
    """
    stretches = [felt[start : start + STRETCH] for start in range(len(felt) - STRETCH + 1)]
    # Of several people, so that it is a moment of the channel and not of one of them.
    shared = [one for one in stretches if len({message.writer for message in one}) > 1]
    close = [one for one in shared if one[-1].when - one[0].when <= longest]
    found = sorted(map(_moment, close), key=lambda moment: -moment.value)
    position = {one.message: index for index, one in enumerate(felt)}
    taken: list[int] = []
    positive: list[Moment] = []
    negative: list[Moment] = []
    for _ in range(MOMENTS):  # in turns, so that both have some if there are few
        for candidates, chosen in ((found, positive), (reversed(found), negative)):
            free = (one for one in candidates if all(abs(position[one.message] - at) >= STRETCH for at in taken))
            if (moment := next(free, None)) is not None:
                chosen.append(moment)
                taken.append(position[moment.message])
    return tuple(positive), tuple(negative)


def _moment(stretch: Sequence[Felt]) -> Moment:
    return Moment(stretch[0].when, stretch[0].message, sum(one.value for one in stretch) / len(stretch))

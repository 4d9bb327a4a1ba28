"""A line through samples of memory, and the verdict whether memory grows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SETTLING = 0.1
"""The share of the requests in which caches fill up, which is left out of the judgement."""
SURE = 2.0
"""Standard errors that a slope must exceed to be told from noise: about 95 % of the cases."""
SMALLEST_OBJECT = 16
"""Bytes, on 64 bits: whatever is left behind by each request takes more."""


@dataclass(frozen=True)
class Growth:
    """The growth of memory after caches had filled.

    Attributes:
        requests: how many were answered meanwhile.
        bytes: what was held at the end minus what was held at the start, by the fitted line.
        bytes_per_request: the slope of the line, by least squares.
        margin: what the slope must exceed to be told from noise, in bytes a request.
        noise: the standard deviation of the samples around the line, in bytes.
        verdict: whether that is growth, in words.
    """

    requests: int
    bytes: float
    bytes_per_request: float
    margin: float
    noise: float
    verdict: str


def growth(samples: Sequence[tuple[int, int]]) -> Growth:
    """Fit a line through memory in bytes by requests, after the first tenth of the requests.

    Memory moves in steps, so a sample is about as high as the one before it, and samples say less than their number
    suggests: the slope's standard error is widened by the first-order autocorrelation of the residuals.

    Source: von Storch and Zwiers: Statistical Analysis in Climate Research, 1999, equivalent sample size.

    Raises:
        ValueError: there are fewer than three samples.
    """
    last = samples[-1][0]
    settled = [one for one in samples if one[0] >= SETTLING * last]
    if len(settled) < 3:
        raise ValueError("a line through fewer than three samples says nothing")
    requests, memory = np.array(settled, dtype=float).T
    centred = requests - requests.mean()
    slope = float(centred @ memory / (centred @ centred))
    rest = memory - memory.mean() - slope * centred
    spread = float(rest @ rest)
    alike = min(max(float(rest[1:] @ rest[:-1]) / spread, 0.0), 0.99) if spread else 0.0
    error = math.sqrt(spread / (len(settled) - 2) / float(centred @ centred))
    margin = SURE * error * math.sqrt((1 + alike) / (1 - alike))
    meanwhile = int(requests[-1] - requests[0])
    noise = math.sqrt(spread / len(settled))
    return Growth(meanwhile, slope * meanwhile, slope, margin, noise, _verdict(slope, margin))


def _verdict(slope: float, margin: float) -> str:
    if abs(slope) <= margin:
        return "no growth that can be told from noise"
    if slope < 0:
        return "it shrinks"
    return "it grows" if slope >= SMALLEST_OBJECT else "it grows by less than one object a request"

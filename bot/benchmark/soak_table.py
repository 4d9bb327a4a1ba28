"""How memory went on over many requests, for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from rich.console import Group, RenderableType
from rich.text import Text

from bot.benchmark.soak import Growth, Sample, Soak
from bot.tables import FiguresTable

T = TypeVar("T")

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 50
"""Of the curve."""
LINES = 10
"""Of the table, beside the first."""


def soak_table(measured: Soak) -> RenderableType:
    """One task: a curve, a few of the samples, and whether it grew."""
    process = [one.memory.process for one in measured.samples]
    about = (
        f"{measured.checkpoint} ({measured.head}) on {measured.device} in {measured.precision}. "
        f"{measured.samples[-1].requests:,} requests of {measured.users} users in {measured.seconds:,.0f} s, "
        f"{measured.failures:,} failed."
    )
    verdicts = [_judged("Resident memory", measured.growth)]
    if measured.device_growth is not None:
        verdicts.append(_judged("The GPU's memory", measured.device_growth))
    return Group(
        Text(f"/{measured.task}", style="bold"),
        Text(about),
        Text(f"{min(process) / 1e6:,.1f} MB {sparkline(_evenly(process, WIDTH))} {max(process) / 1e6:,.1f} MB"),
        _samples(measured),
        *map(Text, verdicts),
        Text(),
    )


def sparkline(values: Sequence[float]) -> str:
    """A bar for each value, from the least to the greatest."""
    least, span = min(values), max(values) - min(values)
    return "".join(BARS[round((value - least) / span * (len(BARS) - 1)) if span else 0] for value in values)


def _samples(measured: Soak) -> RenderableType:
    chosen = _evenly(measured.samples, LINES + 1)
    start = chosen[0].memory.process

    columns: dict[str, Callable[[Sample], str]] = {
        "requests": lambda one: f"{one.requests:,}",
        "MB": lambda one: f"{one.memory.process / 1e6:,.1f}",
        "since the start": lambda one: f"{(one.memory.process - start) / 1e6:+,.1f}",
    }
    if measured.device_growth is not None:
        columns["GPU MB"] = lambda one: f"{(one.memory.device or 0) / 1e6:,.1f}"
    return FiguresTable(chosen, columns)


def _evenly(values: Sequence[T], most: int) -> list[T]:
    """At most so many of the values, the first and the last among them."""
    last = len(values) - 1
    return [values[place] for place in sorted({round(last * at / (most - 1)) for at in range(most)})]


def _judged(what: str, growth: Growth) -> str:
    return (
        f"{what} after the first tenth: {growth.verdict}. {growth.bytes / 1e6:+,.2f} MB in {growth.requests:,} "
        f"requests, {growth.bytes_per_request:+,.0f} ± {growth.margin:,.0f} bytes a request; "
        f"samples lie {growth.noise / 1e6:,.2f} MB around the line."
    )

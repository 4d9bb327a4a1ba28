"""The figures as tables for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rich.console import Group, RenderableType
from rich.text import Text

from bot.benchmark.report import DiscordReport, Figures, Ratio, TaskReport
from bot.tables import FiguresTable


def task_tables(report: TaskReport) -> RenderableType:
    """One task: its contenders, and how the worker compares with them."""
    memory = f"{report.memory_mb:,.0f} MB"
    if report.device_memory_mb is not None:
        memory += f" and {report.device_memory_mb:,.0f} MB of the GPU"
    about = (
        f"{report.checkpoint} ({report.head}) on {report.device} in {report.precision}. "
        f"The bot alone: {memory}. The limit: {report.limit}."
    )
    notes = [Text(note) for note in report.notes]
    title = Text(f"/{report.task}", style="bold")
    return Group(title, Text(about), *notes, _contenders(report), _ratios(report), Text())


def discord_table(reports: Iterable[DiscordReport]) -> RenderableType:
    """Loads through the simulated Discord."""
    return FiguresTable(
        reports,
        {
            "task": lambda one: one.task,
            "users": lambda one: str(one.members),
            "done": lambda one: str(one.answers),
            "failed": lambda one: str(one.failures),
            "req/s": lambda one: _number(one.rate),
            "acknowledged\nms p50 / p99": lambda one: _pair(one.acknowledged_p50_ms, one.acknowledged_p99_ms),
            "answered\nms p50 / p95": lambda one: _pair(one.answered_p50_ms, one.answered_p95_ms),
            "loop lag\nms p50 / p99": lambda one: _pair(one.lag_p50_ms, one.lag_p99_ms),
        },
    )


def _contenders(report: TaskReport) -> RenderableType:
    columns: dict[str, Callable[[Figures], str]] = {
        "": lambda one: one.who,
        "req/s": lambda one: _number(one.rate),
        "±": lambda one: _percent(one.spread),
        "tok/s": lambda one: _number(one.token_rate),
        "takes\nms p50 / p95": lambda one: _pair(one.p50_ms, one.p95_ms),
        "loop lag\nms p50 / p99": lambda one: _pair(one.lag_p50_ms, one.lag_p99_ms),
        "batch": lambda one: _number(one.batch),
        "pad": lambda one: _percent(one.waste),
        "failed": lambda one: str(one.failures) if one.failures else "",
    }
    shown = {name: cell for name, cell in columns.items() if not name or any(map(cell, report.figures))}
    return FiguresTable(report.figures, shown)


def _ratios(report: TaskReport) -> RenderableType:
    columns: dict[str, Callable[[Ratio], str]] = {
        "compared": lambda one: one.what,
        "ratio": lambda one: f"{one.value:.2f}",
        "from – to": lambda one: f"{one.low:.2f} – {one.high:.2f}" if one.low < one.high else "",
    }
    return FiguresTable(report.ratios, columns)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}" if value < 1 else f"{value:.1f}"


def _pair(usual: float | None, high: float | None) -> str:
    return "" if usual is None else f"{_number(usual)} / {_number(high)}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.0f} %"

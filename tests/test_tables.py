"""Tables are whole at any width."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console, RenderableType

from bot.tables import FiguresTable, table_of_texts
from tests.bench import detectors
from tests.bench.report import DiscordReport, Figures, Ratio, TaskReport

ENDLESS = 10_000
FIGURES = Figures(
    "worker, 64 users", requests=9, failures=7, rate=1234.0, token_rate=98765.0, p50_ms=12345.6, p95_ms=23456.7,
    lag_p50_ms=0.12, lag_p99_ms=3456.0, batch=31.9, waste=0.12, spread=0.02,
)  # fmt: skip
NAIVE = Figures(
    "naive bfloat16, 4 threads", requests=9, failures=0, rate=246.0, token_rate=None, p50_ms=1234.5, p95_ms=2345.6,
    lag_p50_ms=2.9, lag_p99_ms=29.5, batch=None, waste=None, spread=0.11,
)  # fmt: skip


def printed(what: RenderableType, width: int) -> list[str]:
    paper = io.StringIO()
    Console(file=paper, width=width, highlight=False).print(what)
    return paper.getvalue().splitlines()


def rows_of(lines: list[str]) -> list[list[str]]:
    """The cells of each printed line."""
    printed = [re.split("[│┃]", line)[1:-1] for line in lines if line.startswith(("│", "┃"))]
    return [[part.strip() for part in parts] for parts in printed]


def report() -> TaskReport:
    ratio = Ratio("worker, 1 user / direct call: time that the same text takes", 1.1, 1.0, 1.4)
    about = ("sentiment", "tiny", "classifier", "cpu", "bfloat16")
    return TaskReport(*about, 1234.0, None, (FIGURES, NAIVE), (ratio,), "batches of 64 requests", ())


@pytest.mark.parametrize("width", [ENDLESS, 120, 100, 80, 60, 50])
def test_every_figure_of_the_benchmark_is_whole(width: int) -> None:
    lines = printed(report().table(), width)
    text = "\n".join(lines)
    assert max(map(cell_len, lines)) <= width
    assert "…" not in text
    figures = ("1,234", "2 %", "98,765", "12,346 / 23,457", "0.12 / 3,456", "31.9", "2.9 / 29.5", "1.10", "1.00 – 1.40")
    for figure in figures:
        assert f" {figure} " in text, figure
    for header in ("req/s", "tok/s", "ms p50 / p95", "loop lag", "batch", "pad", "failed", "compared", "from – to"):
        assert f" {header} " in text, header
    assert text.count("worker, 64 users") >= 1


def test_where_there_is_room_each_contender_has_one_line() -> None:
    lines = printed(report().table(), ENDLESS)
    [line] = [line for line in lines if "worker, 64 users" in line]
    assert "98,765" in line
    assert "0.12 / 3,456" in line


def test_the_table_of_members_is_whole_in_a_window() -> None:
    one = DiscordReport("sentiment", 64, 12_345, 0, 1234.4, 12.3, 123.4, 1234.4, 12345.6, 2.9, 2345.6)
    text = "\n".join(printed(one.table(), 80))
    assert "…" not in text
    for figure in ("12345", "1,234", "12.3 / 123", "1,234 / 12,346", "2.9 / 2,346"):
        assert f" {figure} " in text, figure


def test_the_table_of_detectors_is_whole_in_a_window() -> None:
    lines = [detectors.LabelledLine(text, language) for language in ("de", "en", "fr") for text in ("ja", "ja " * 99)]
    right = detectors.measure(lambda text: "de", lines)
    shown = printed(detectors.table([detectors.Row("a detector, any language", right, 1234.56)], lines), 60)
    text = "\n".join(shown)
    assert max(map(cell_len, shown)) <= 60
    assert "…" not in text
    for figure in ("2/6", "1/3", "2/2", "0/2", "1234.56", "below 12", "from 30", "ms a line"):
        assert f" {figure} " in text, figure


@given(
    names=st.lists(st.text("ab漢 😀,/[]", min_size=1, max_size=70), min_size=1, max_size=3),
    columns=st.lists(st.text("0123456789.% /", min_size=1, max_size=20), min_size=1, max_size=9),
    width=st.integers(40, 200),
)
def test_nothing_is_cut_at_any_width(names: list[str], columns: list[str], width: int) -> None:
    figures = {str(index): (lambda name, cell=cell: cell) for index, cell in enumerate(columns)}
    lines = printed(FiguresTable(names, {"name": lambda name: name, **figures}), width)
    assert all(cell_len(line) <= width for line in lines)
    wanted = "".join([*names, *columns]).replace(" ", "")
    shown = "".join(cell for row in rows_of(lines) for cell in row)
    for character in set(wanted):
        assert shown.count(character) >= wanted.count(character)
    assert "…" not in "".join(lines)


def test_words_in_one_line_where_there_is_room() -> None:
    rows = [("HuggingFaceTB/SmolLM2-135M-Instruct@main[x]", "/sentiment, /fill", "269 MB")]
    text = "\n".join(printed(table_of_texts(("checkpoint", "for", "size"), rows, "Preset [x]"), ENDLESS))
    for cell in (*rows[0], "Preset [x]"):
        assert cell in text


@pytest.mark.parametrize("width", [80, 40])
def test_words_are_broken_and_not_cut(width: int) -> None:
    path = "/a/folder/" + "with-a-long-name/" * 10
    lines = printed(table_of_texts(("checkpoint", "for", "size"), [(path, "/answer", "1,234 MB")]), width)
    assert max(map(cell_len, lines)) <= width
    assert "".join(row[0] for row in rows_of(lines)) == f"checkpoint{path}"

"""`python -m bot batch`: the same in the terminal."""

from __future__ import annotations

import asyncio
import csv
import io
import time
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import FileCommand
from bot.batches.plan import Command, Options
from bot.commands import batch
from bot.commands.batch import Asked, answer_file
from bot.errors import InvalidRequest, ModelUnavailable, SettingsError
from bot.inference.worker import InferenceWorker
from bot.settings import Settings
from tests.commands.conftest import Paper

SENTIMENT = Options(Command.SENTIMENT)
ROWS = "id;text\r\n1;I love apples\r\n2;=1+1\r\n3;\r\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.csv"
    path.write_bytes(ROWS.encode("utf-8-sig"))
    return path


async def test_answers_a_file_and_says_which_rows_have_no_answer(
    settings: Settings, console: Paper, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await answer_file(settings, Asked(file, SENTIMENT), console)
    written = file.with_name("reviews-answered.csv").read_bytes()
    assert written.startswith(b"\xef\xbb\xbfid;text;sentiment;probability;error\r\n")
    rows = list(csv.reader(io.StringIO(written.decode("utf-8-sig"), newline=""), delimiter=";"))
    assert [row[1] for row in rows] == ["text", "I love apples", "'=1+1", ""]
    assert "2 of 3 rows answered" in console.text
    assert "row 4: The text is empty" in console.text
    assert "rows" in capsys.readouterr().err
    assert sorted(path.name for path in file.parent.iterdir() if path.suffix != "") == [
        "reviews-answered.csv",
        "reviews.csv",
    ]


async def test_goes_on_where_it_was(
    settings: Settings, console: Paper, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    submit = InferenceWorker.submit

    def counted(worker: InferenceWorker, request: object, **options: object) -> object:
        asked.append(request.text)  # type: ignore[attr-defined]
        if len(asked) == 2:
            stop.set()
        return submit(worker, request, **options)  # type: ignore[arg-type]

    rows = "text\n" + "".join(f"Row {number}\n" for number in range(40))
    await asyncio.to_thread(file.write_text, rows, encoding="utf-8")
    monkeypatch.setattr("bot.batches.running.IN_FLIGHT", 1)
    monkeypatch.setattr("bot.batches.asking.BUNDLE", 1)
    stop = asyncio.Event()
    with monkeypatch.context() as patch:
        patch.setattr(InferenceWorker, "submit", counted)
        patch.setattr(batch, "stop_signals", lambda: _Signals(stop))
        patch.setattr(batch.Spool, "keep", _kept_slowly)  # no row is answered meanwhile, to be forgotten
        await answer_file(settings, Asked(file, SENTIMENT), console)
    assert "Stopped" in console.text
    spool = file.with_name("reviews-answered.csv.partial")
    done = len(asked)
    assert 2 <= done < 40
    assert await asyncio.to_thread(spool.exists)
    _cut_off(spool)
    monkeypatch.setattr(InferenceWorker, "submit", counted)
    await answer_file(settings, Asked(file, SENTIMENT), console)
    assert 40 <= len(asked) <= 41
    assert "40 of 40 rows answered" in console.text
    assert not await asyncio.to_thread(spool.exists)


def _kept_slowly(spool: Any, fresh: Any, keep: Any = batch.Spool.keep) -> None:
    keep(spool, fresh)
    time.sleep(0.1)


def _cut_off(spool: Path) -> None:
    """Leave a line as it is when the process was killed while it wrote."""
    with spool.open("a", encoding="utf-8") as cut:
        cut.write('{"39":{"val')


class _Signals:
    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop

    def __enter__(self) -> asyncio.Event:
        return self._stop

    def __exit__(self, *error: object) -> None:
        pass


async def test_what_cannot_be_answered(settings: Settings, console: Paper, file: Path, tmp_path: Path) -> None:
    two = tmp_path / "two.csv"
    two.write_text("a,b\nyes,no\n", encoding="utf-8")
    for asked, error, part in (
        (Asked(tmp_path / "none.csv", SENTIMENT), SettingsError, "cannot be read"),
        (Asked(tmp_path / "sheet.xlsx", SENTIMENT), InvalidRequest, "I read CSV"),
        (Asked(file, SENTIMENT, column="mood"), InvalidRequest, "`--column` can be"),
        (Asked(two, SENTIMENT), InvalidRequest, "--column"),
        (Asked(file, SENTIMENT, output=tmp_path / "no" / "folder.csv"), SettingsError, "cannot be written"),
    ):
        with pytest.raises(error, match=part):
            await answer_file(settings, asked, console)


async def test_what_a_file_says_gives_the_terminal_no_orders(
    settings: Settings, console: Paper, tmp_path: Path
) -> None:
    odd = tmp_path / "odd.csv"
    await asyncio.to_thread(odd.write_text, "text,n\nI love it,1\na,b,\x1b[2Jc [red]d[/red]\n", encoding="utf-8")
    await answer_file(settings, Asked(odd, SENTIMENT, column="text", header=True), console)
    assert "The others are: [2Jc [red]d[/red]" in console.text
    two = tmp_path / "two.csv"
    await asyncio.to_thread(two.write_text, "a\x1b[31m,b\nyes,no\n", encoding="utf-8")
    with pytest.raises(InvalidRequest) as refused:
        await answer_file(settings, Asked(two, SENTIMENT, header=True), console)
    assert "\x1b" not in console.text + refused.value.sentence


async def test_without_a_checkpoint(settings: Settings, console: Paper, file: Path, tmp_path: Path) -> None:
    broken = settings.model_copy(update={"sentiment_checkpoint": str(tmp_path / "nothing")})
    with pytest.raises((ModelUnavailable, SettingsError)):
        await answer_file(broken, Asked(file, SENTIMENT), console)


def test_the_command_line_offers_every_command() -> None:
    assert {one.value for one in FileCommand} == {one.value for one in Command}

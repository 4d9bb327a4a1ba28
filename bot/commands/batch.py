"""`python -m bot batch`: a whole file through a command, in the terminal.

The rows that are done stand in a file beside the output until all are, so that the same command goes on where it was.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bot.app import chosen_preset, open_backend
from bot.batches.columns import find_column, obvious_column
from bot.batches.formats import MOST_BYTES, answered_name, check_size, format_of
from bot.batches.job import outcomes_as_json, read_outcomes
from bot.batches.outcomes import Outcome
from bot.batches.plan import Options, Plan
from bot.batches.reading import read_table
from bot.batches.results import answer_names
from bot.batches.running import BatchRun
from bot.batches.summary import Summary, summarised
from bot.batches.table import Table
from bot.batches.writing import write_table
from bot.commands.opening import load
from bot.errors import InvalidRequest, SettingsError, describe
from bot.inference.backend import Backend
from bot.locales.lists import joined
from bot.locales.marks import in_quotes
from bot.locales.message import later
from bot.locales.numbers import in_seconds
from bot.settings import Settings
from bot.stopping import beside, stop_signals
from bot.text.characters import without_controls

log = logging.getLogger(__name__)

ME = 0
"""The person whose rows these are: there is only one."""
LOOK_SECONDS = 0.25
KEEP_SECONDS = 2.0
"""Between two times that the rows which are done are written to the disk."""
MOST_NAMED = 12
"""Columns, and labels, that are named."""


@dataclass(frozen=True)
class Asked:
    """What was asked for.

    Attributes:
        output: None for a name beside the file.
        column, second: None for the obvious one, or none.
        header: None to find out.
    """

    file: Path
    options: Options
    output: Path | None = None
    column: str | None = None
    second: str | None = None
    header: bool | None = None

    @property
    def target(self) -> Path:
        """Where the answered file is written."""
        return self.output or self.file.with_name(answered_name(self.file.name, format_of(self.file.name)))


async def answer_file(settings: Settings, asked: Asked, console: Console) -> None:
    """Answer a file; raise `GlassboxError` if it cannot be answered."""
    content = await asyncio.to_thread(_read, asked.file)
    table = await asyncio.to_thread(read_table, content, format_of(asked.file.name), asked.header)
    plan = _plan(table, asked)
    spool = Spool.of(asked, content)
    preset = await asyncio.to_thread(chosen_preset, settings, "starter")
    with stop_signals() as stop:
        async with open_backend(settings, preset) as backend:
            # First, so that what the checkpoint cannot do is said before a download.
            plan.options.check(backend.languages(plan.options.command))
            await load(backend, Console(stderr=True), [plan.options.command])
            summary = await _answered(backend, table, plan, asked.target, spool, stop, Console(stderr=True))
    _tell(console, asked, summary, spool)


async def _answered(
    backend: Backend, table: Table, plan: Plan, target: Path, spool: Spool, stop: asyncio.Event, console: Console
) -> Summary:
    """Answer the rows, and write the file if all are done."""
    clock = asyncio.get_running_loop().time
    run = BatchRun(backend, ME, table, plan, await asyncio.to_thread(spool.read), clock)
    async with beside(run.run()) as running, beside(stop.wait()) as stopped:
        with _shown(console, run) as show:
            kept = clock()
            while not (running.done() or stopped.done()):
                await asyncio.wait((running, stopped), timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                show()
                if clock() - kept >= KEEP_SECONDS:
                    await asyncio.to_thread(spool.keep, run.take_fresh())
                    kept = clock()
    # Only now, when nothing is answered any more.
    await asyncio.to_thread(spool.keep, run.take_fresh())
    if not running.cancelled():
        running.result()
    if run.is_done:
        written = await asyncio.to_thread(write_table, table, answer_names(plan.options), run.outcomes)
        await asyncio.to_thread(_replace, target, written.content)
        await asyncio.to_thread(spool.delete)
    return summarised(table, plan.options, run.outcomes)


@dataclass(frozen=True)
class Spool:
    """The rows that are done, in a file of JSON lines whose first one says of what.

    Attributes:
        fingerprint: of the file and of what is asked about it.
    """

    path: Path
    fingerprint: str

    @classmethod
    def of(cls, asked: Asked, content: bytes) -> Spool:
        """Return the spool of what was asked for."""
        what = repr(replace(asked, file=Path(), output=None)).encode()
        fingerprint = hashlib.sha256(content + b"\0" + what).hexdigest()
        return cls(asked.target.with_name(f"{asked.target.name}.partial"), fingerprint)

    def read(self) -> dict[int, Outcome]:
        """Return what is done; nothing if that was something else, or cannot be read."""
        try:
            first, *lines = self.path.read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError):
            return {}
        # The last line is cut off if the process was killed while it wrote.
        return read_outcomes(lines) if first == self._head else {}

    def keep(self, fresh: dict[int, Outcome]) -> None:
        """Add what is newly done; raise `SettingsError` if it cannot be written."""
        if not fresh:
            return
        try:
            is_new = not self._is_of_this()
            with self.path.open("w" if is_new else "a", encoding="utf-8") as spool:
                spool.write(f"{self._head}\n" if is_new else "")
                spool.write(f"{outcomes_as_json(fresh)}\n")
        except OSError as error:
            log.error("the rows that are done cannot be kept: %s", describe(error))
            raise SettingsError(later("{path} cannot be written.", path=str(self.path))) from None

    def delete(self) -> None:
        """Forget what is done."""
        self.path.unlink(missing_ok=True)

    def _is_of_this(self) -> bool:
        if not self.path.exists():
            return False
        with self.path.open(encoding="utf-8", errors="replace") as spool:
            return spool.readline().rstrip("\n") == self._head

    @property
    def _head(self) -> str:
        return json.dumps({"rows of": self.fingerprint})


@contextmanager
def _shown(console: Console, run: BatchRun) -> Iterator[Callable[[], None]]:
    """Show a progress bar; give what brings it up to date."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as shown:
        bar = shown.add_task("rows", total=run.progress.rows, completed=run.progress.done, speed="")

        def show() -> None:
            progress = run.progress
            speed = "" if progress.rate is None else f"{progress.rate:,.1f} rows/s"
            if progress.seconds_left is not None:
                speed += f", about {in_seconds(progress.seconds_left)} left"
            shown.update(bar, completed=progress.done, speed=speed)

        yield show
        show()


def _plan(table: Table, asked: Asked) -> Plan:
    column = obvious_column(table) if asked.column is None else find_column(table, asked.column, "--column")
    if column is None:
        names = joined(in_quotes(without_controls(name)) for name in table.columns[:MOST_NAMED])
        raise InvalidRequest(later("Say with --column which column holds the texts, such as {names}.", names=names))
    second = None if asked.second is None else find_column(table, asked.second, "--second-column")
    return Plan(asked.options, column, second)


def _read(path: Path) -> bytes:
    format_of(path.name)
    try:
        check_size(path.stat().st_size)
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError:
        raise SettingsError(later("{path} cannot be read.", path=str(path))) from None


def _replace(path: Path, content: bytes) -> None:
    """Write a file whole, or not at all."""
    try:
        new = path.with_name(f"{path.name}.new")
        new.write_bytes(content)
        new.replace(path)
    except OSError:
        raise SettingsError(later("{path} cannot be written.", path=str(path))) from None


def _plain(text: str) -> str:
    """Return a text of somebody's file for the terminal, which obeys what it holds of escape sequences."""
    return escape(without_controls(" ".join(text.split())))


def _tell(console: Console, asked: Asked, summary: Summary, spool: Spool) -> None:
    said = f"{summary.answered:,} of {summary.rows:,} rows answered"
    if not summary.is_whole:
        console.print(
            f"Stopped: {said}. The same command goes on from there ({escape(str(spool.path))}).", soft_wrap=True
        )
        return
    console.print(f"{said}: {escape(str(asked.target))}", soft_wrap=True)
    for fault in summary.faults:
        console.print(f"  row {fault.row:,}: {_plain(fault.why)}", soft_wrap=True)
    if summary.faulty > len(summary.faults):
        console.print(f"  … and {summary.faulty - len(summary.faults):,} more, in the column “error”", soft_wrap=True)
    for name, number in summary.counts[:MOST_NAMED]:
        console.print(f"  {number:>8,}  {_plain(name)}", soft_wrap=True)

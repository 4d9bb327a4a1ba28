"""`python -m bot pull`: download a preset's checkpoints ahead of time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from bot.app import chosen_preset
from bot.errors import HubUnreachable, ModelUnavailable
from bot.inference.checkpoints.catalogue import CheckpointSpec, Preset
from bot.inference.checkpoints.sources import fetch
from bot.settings import Settings
from bot.tables import table_of_texts


async def pull_preset(settings: Settings, console: Console) -> None:
    """Fetch what a preset lacks. Raise `ModelUnavailable` at the end if some could not be fetched."""
    preset = await asyncio.to_thread(chosen_preset, settings, "course")
    console.print(_table(preset))
    failures: list[ModelUnavailable] = []
    with _progress(console) as progress, _thread() as thread:
        for spec in preset.specs:
            bar = Bar(progress, spec)
            try:
                await asyncio.get_running_loop().run_in_executor(thread, fetch, spec, settings.cache_dir, bar)
                bar.end("there")
            except ModelUnavailable as error:
                bar.end("failed")
                failures.append(error)
    if failures:
        raise ModelUnavailable("\n".join(_sentences(failures)))
    console.print("Everything is there.", style="bold")


def _sentences(failures: Sequence[ModelUnavailable]) -> Iterator[str]:
    # If the hub can't be reached for one checkpoint, usually it can't for any: one sentence says so.
    unreachable = [name for error in failures if isinstance(error, HubUnreachable) for name in error.names]
    if unreachable:
        yield HubUnreachable(unreachable).sentence
    yield from dict.fromkeys(error.sentence for error in failures if not isinstance(error, HubUnreachable))


class Bar:
    """A progress bar of one fetch."""

    def __init__(self, progress: Progress, spec: CheckpointSpec) -> None:
        self._progress = progress
        self._bar = progress.add_task(spec.name, total=None, phase="")

    def report(self, phase: str, done: int, total: int | None) -> None:
        """Show progress. May be called on any thread."""
        self._progress.update(self._bar, completed=done, total=total, phase=phase)

    def end(self, how: str) -> None:
        """Show how the fetch ended."""
        known = self._progress.tasks[self._bar].total
        total = 1.0 if known is None else known  # nothing was reported if nothing had to be fetched
        self._progress.update(self._bar, completed=total if how == "there" else 0, total=total, phase=how)


@contextlib.contextmanager
def _thread() -> Iterator[ThreadPoolExecutor]:
    # Not `to_thread`: at the end, asyncio waits for its threads, even after Ctrl-C.
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="glassbox-fetch")
    try:
        yield thread
    finally:
        thread.shutdown(wait=False, cancel_futures=True)


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[phase]}"))
    return Progress(*columns, TimeElapsedColumn(), console=console)


def _table(preset: Preset) -> Table:
    rows = [
        (
            spec.name,
            ", ".join(f"/{task}" for task in preset.tasks_of(spec)) or "to choose",
            f"{spec.size_mb:,} MB" if spec.size_mb else "unknown",
            spec.licence,
        )
        for spec in preset.specs
    ]
    title = f"Preset {preset.name}: {preset.description}"
    return table_of_texts(("checkpoint", "for", "size", "licence"), rows, title)

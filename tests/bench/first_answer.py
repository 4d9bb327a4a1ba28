"""`python -m tests.bench.first_answer`: how long a bot takes from its start to its first answer.

The process is real (`python -m bot run`), its checkpoints are in the cache, and Discord is the small one of the tests.
Somebody asks `/sentiment` as soon as the bot is connected. With `--beside`, the bot of another checkout is started in
alternation.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import psutil
import typer

from bot.__main__ import open_console
from bot.settings import Settings
from bot.tables import FiguresTable
from tests.bench.started import started

TEXT = "I love to hate this course"
HERE = Path(__file__).parents[2]
LIMIT = 4.0
"""Seconds until the first answer."""


@dataclass(frozen=True)
class Start:
    """Seconds from the start of a process until something has happened."""

    logged_in: float
    connected: float
    acknowledged: float
    answered: float
    loaded: float
    """Until everything is loaded that is loaded ahead of time."""
    computed: float
    """Processor seconds of all its threads, until the answer."""


async def start(folder: Path, tree: Path, variables: Mapping[str, str]) -> Start:
    """Start a bot, and ask it something as soon as it is connected."""
    async with started(folder, tree, variables) as bot:
        logged_in = await bot.logged_in()
        connected = await bot.connected()
        acknowledged, answered = await bot.answered("sentiment", text=TEXT)
        computed = sum(psutil.Process(bot.process.pid).cpu_times()[:2])
        return Start(logged_in, connected, acknowledged, answered, await bot.ready(), computed)


def prepare(folder: Path) -> Path:
    """Make a cache folder whose checkpoints are this machine's."""
    folder.mkdir()
    (folder / "checkpoints").symlink_to(Settings(_env_file=None).cache_dir / "checkpoints")
    return folder


async def measure(trees: Mapping[str, Path], times: int, variables: Mapping[str, str]) -> dict[str, list[Start]]:
    """Start the bots of some checkouts in alternation, by name; the first start of each does not count."""
    seen: dict[str, list[Start]] = {name: [] for name in trees}
    with tempfile.TemporaryDirectory(prefix="glassbox-start-") as name:
        folders = {one: prepare(Path(name) / str(number)) for number, one in enumerate(trees)}
        for _ in range(times + 1):
            for one, tree in trees.items():
                seen[one].append(await start(folders[one], tree, variables))
                last = seen[one][-1]
                typer.echo(f"{one}: answered after {last.answered:.2f} s, {last.computed:.2f} s computed", err=True)
    return {one: starts[1:] for one, starts in seen.items()}


async def spans(variables: Mapping[str, str]) -> list[dict[str, object]]:
    """Return what a start consists of, from its second start on, in seconds since it began."""
    with tempfile.TemporaryDirectory(prefix="glassbox-start-") as name:
        folder = prepare(Path(name) / "cache")
        await start(folder, HERE, variables)
        path = Path(name) / "spans.jsonl"
        async with started(folder, HERE, {**variables, "START_SPANS": str(path)}) as bot:
            await bot.connected()
            await bot.answered("sentiment", text=TEXT)
            await bot.ready()
        found = [json.loads(line) for line in path.read_text().splitlines()]
        moved = [{**one, "began": one["began"] - bot.began, "ended": one["ended"] - bot.began} for one in found]
        return sorted(moved, key=lambda one: float(one["began"]))


def medians(starts: Sequence[Start]) -> Start:
    """Return the median of each part."""
    return Start(*(statistics.median(getattr(one, field.name) for one in starts) for field in fields(Start)))


def main() -> None:
    """Run the measurement. Status 1: the first answer took too long."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.first_answer", description=__doc__)
    parser.add_argument("--times", type=int, default=7, help="starts of each")
    parser.add_argument("--preset", default="starter")
    parser.add_argument("--beside", type=Path, help="another checkout of this repository")
    parser.add_argument("--spans", action="store_true", help="instead: what one start consists of")
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")
    options = parser.parse_args()
    console, variables = open_console(), {"PRESET": options.preset}
    if options.spans:
        columns = {
            "what": lambda one: str(one["name"]),
            "thread": lambda one: str(one["thread"]),
            "from s": lambda one: f"{one['began']:.2f}",
            "to s": lambda one: f"{one['ended']:.2f}",
            "computing s": lambda one: f"{one['used']:.2f}",
        }
        console.print(FiguresTable(asyncio.run(spans(variables)), columns))
        return
    trees = {"this": HERE} if options.beside is None else {"beside": options.beside.resolve(), "this": HERE}
    seen = asyncio.run(measure(trees, options.times, variables))
    if options.json:
        typer.echo(json.dumps({name: [asdict(one) for one in starts] for name, starts in seen.items()}))
        return
    typical = {name: medians(starts) for name, starts in seen.items()}
    console.print(f"Medians of {options.times} starts, in seconds.")
    columns = {"bot": lambda one: one} | {
        field.name.replace("_", " "): lambda one, name=field.name: f"{getattr(typical[one], name):.2f}"
        for field in fields(Start)
    }
    console.print(FiguresTable(typical, columns))
    raise SystemExit(int(typical["this"].answered > LIMIT))


if __name__ == "__main__":
    main()

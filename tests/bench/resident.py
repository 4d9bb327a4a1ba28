"""`python -m tests.bench.resident`: the memory of a bot that has loaded everything, beside that of its weights.

The process is real (`python -m bot run`), and so is what it loads: the checkpoints of `starter` from this machine's
cache, or with `--shapes` the architectures of `course` in full size with random weights, each for its own task. Other
commands of `course` then use the checkpoint of `/generate`. Five commands answer once before the memory is read.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import typer

from bot.__main__ import open_console
from bot.inference.checkpoints.catalogue import FolderSource
from bot.settings import Settings
from bot.tables import FiguresTable
from tests.bench.first_answer import HERE, prepare
from tests.bench.shapes import COURSE, course_shapes
from tests.bench.started import started

SHARE, BESIDE = 1.3, 400e6
"""What a process may take: so many times the bytes of the weights, and so many bytes beside."""
WEIGHTS = re.compile(r"^glassbox_device_weight_bytes\{.*\} (\S+)$", re.MULTILINE)
TEXT = "I love to hate this course"
QUESTIONS: Mapping[str, Mapping[str, str]] = {
    "sentiment": {"text": TEXT},
    "fill": {"text": "I love [MASK]."},
    "generate": {"prompt": TEXT},
    "translate": {"text": TEXT, "to": "German"},
    "zeroshot": {"text": TEXT, "labels": "school, food"},
}


@dataclass(frozen=True)
class Resident:
    """The memory of a process, in bytes."""

    preset: str
    weights: int
    loaded: int
    """When everything was loaded."""
    asked: int
    """When each command had answered once."""
    peak: int

    @property
    def limit(self) -> float:
        """The most that it should hold."""
        return SHARE * self.weights + BESIDE


async def resident(preset: str, tree: Path, variables: Mapping[str, str]) -> Resident:
    """Start a bot, have it load everything and answer each command once."""
    with tempfile.TemporaryDirectory(prefix="glassbox-resident-") as name:
        folder = prepare(Path(name) / "cache")
        async with started(folder, tree, variables) as bot:
            await bot.connected()
            await bot.ready()
            loaded, _ = bot.resident
            async with aiohttp.ClientSession() as session, session.get(f"{bot.metrics}/metrics") as response:
                weights = sum(map(float, WEIGHTS.findall(await response.text())))
            for command, options in QUESTIONS.items():
                await bot.answered(command, **options)
            asked, peak = bot.resident
        return Resident(preset, int(weights), loaded, asked, peak)


def variables_of_shapes() -> dict[str, str]:
    """Return the settings that have `course` use checkpoints with random weights; missing ones are built."""
    preset = course_shapes(Settings(_env_file=None).cache_dir, typer.echo, COURSE)
    folders = {
        task: spec.source.path for task, spec in preset.checkpoints.items() if isinstance(spec.source, FolderSource)
    }
    others = ("entities", "similarity", "answer", "summarize", "complete", "chat")
    chosen = {**dict.fromkeys(others, folders["generate"]), **folders}
    return {f"{task.upper()}_CHECKPOINT": str(folder) for task, folder in chosen.items()}


def main() -> None:
    """Run the measurement. Status 1: a process holds more than it should."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.resident", description=__doc__)
    parser.add_argument("--shapes", action="store_true", help="those of course, instead of the preset starter")
    parser.add_argument("--beside", type=Path, help="another checkout of this repository, measured first")
    options = parser.parse_args()
    name, variables = ("course", variables_of_shapes()) if options.shapes else ("starter", {"PRESET": "starter"})
    trees = [HERE] if options.beside is None else [options.beside.resolve(), HERE]
    found = [asyncio.run(resident(name, tree, variables)) for tree in trees]
    columns = {
        "preset": lambda one: one.preset,
        "weights MB": lambda one: f"{one.weights / 1e6:,.0f}",
        "loaded MB": lambda one: f"{one.loaded / 1e6:,.0f}",
        "asked MB": lambda one: f"{one.asked / 1e6:,.0f}",
        "at most MB": lambda one: f"{one.peak / 1e6:,.0f}",
        "limit MB": lambda one: f"{one.limit / 1e6:,.0f}",
    }
    open_console().print(FiguresTable(found, columns))
    raise SystemExit(int(found[-1].asked > found[-1].limit))


if __name__ == "__main__":
    main()

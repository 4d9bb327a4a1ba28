"""`python -m bot eval`: measure how often a preset is right on the labelled sentences."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from bot.commands.opening import loaded_backend
from bot.errors import InvalidRequest
from bot.evaluation.labelled import Example, read_examples
from bot.inference.backend import Backend
from bot.inference.requests import Answer
from bot.settings import Settings
from bot.tables import table_of_texts


@dataclass(frozen=True)
class Accuracy:
    """How many of a group's examples were right, and which checkpoint answered."""

    group: str
    checkpoint: str
    right: int
    total: int


async def evaluate_preset(settings: Settings, as_json: bool, console: Console, half: str) -> None:
    """Ask all examples, and print the accuracy per task; raise `GlassboxError` if a checkpoint can't be had."""
    patient = settings.model_copy(update={"queue_size": 100_000, "requests_per_person": 1_000, "request_seconds": 840})
    examples = await asyncio.to_thread(read_examples, half)
    progress = Console(stderr=True)
    async with loaded_backend(patient, progress) as backend:
        found = await measure(backend, examples)
    impossible = sorted({example.group for example in examples} - {one.group for one in found})
    if impossible:
        progress.print(f"Left out, because the checkpoint cannot do it: {', '.join(impossible)}.")
    if as_json:
        typer.echo(json.dumps([vars(one) for one in found], indent=2))
    else:
        console.print(_table(found))


async def measure(backend: Backend, examples: list[Example]) -> list[Accuracy]:
    """Ask all examples at once, and count the right answers among those that the checkpoints can give."""
    answers = await asyncio.gather(*(_answer(backend, example) for example in examples))
    right: dict[tuple[str, str], list[bool]] = {}
    for example, answer in zip(examples, answers, strict=True):
        if answer is not None:
            right.setdefault((example.group, answer.checkpoint), []).append(example.is_right(answer.result))
    return [Accuracy(*key, sum(found), len(found)) for key, found in right.items()]


async def _answer(backend: Backend, example: Example) -> Answer[Any] | None:
    """Return the answer to an example; None if the checkpoint can't give one, for instance in an unknown language."""
    try:
        return await backend.run(example.request, person=0)
    except InvalidRequest:
        return None


def _table(found: list[Accuracy]) -> Table:
    rows = [(one.group, one.checkpoint, f"{one.right} of {one.total}") for one in found]
    return table_of_texts(("task", "checkpoint", "right"), rows)

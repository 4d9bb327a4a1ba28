"""`python -m tests.faults`: make the faults, and print what became of the people who asked."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.box import HEAVY_HEAD, MARKDOWN
from rich.console import Console
from rich.table import Table

from bot.__main__ import open_console
from tests.faults.crowd.report import Soak
from tests.faults.fault import all_faults
from tests.faults.making import Made, make_all
from tests.faults.overload import OVERLOAD_SECONDS, Overload, overload
from tests.faults.soak import RATE, SOAK_SECONDS, soak

COLUMNS = ("tried", "asked", "answered once", "answered twice", "told to retry", "lost")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    names: Annotated[list[str] | None, typer.Argument(help="Of faults, or how they begin; all if left out.")] = None,
    quick: Annotated[bool, typer.Option(help="As often as the test suite makes them.")] = False,
    show: Annotated[bool, typer.Option("--list", help="Only list them.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
    with_soak: Annotated[bool, typer.Option("--soak", help="Instead: 300 people use everything, for a while.")] = False,
    with_overload: Annotated[bool, typer.Option("--overload", help="Instead: ask ten times what can be done.")] = False,
    logs: Annotated[bool, typer.Option(help="Show what the bot logs meanwhile.")] = False,
    seconds: Annotated[float | None, typer.Option(help="Of the soak or the overload.", min=1)] = None,
    rate: Annotated[float, typer.Option(help="Of the soak: what people begin with in a second.", min=1)] = RATE,
) -> None:
    """Make faults, and print what became of the people who asked. Status 1: somebody was lost or answered twice."""
    console = open_console()
    if not logs:  # Python prints warnings that nobody handles
        logging.getLogger().addHandler(logging.NullHandler())
    if with_soak or with_overload:
        raise typer.Exit(_under_load(console, with_soak, seconds, rate))
    chosen = [fault for fault in all_faults() if not names or fault.name.startswith(tuple(names))]
    if not chosen:
        raise typer.BadParameter("there is no fault whose name begins like this; --list names all", param_hint="NAMES")
    if show:
        for fault in chosen:
            console.print(f"{fault.name}: {fault.sentence}", soft_wrap=True)
        return
    made = list(make_all(chosen, quick))
    if as_json:
        sys.stdout.write(json.dumps({one.fault.name: _plain(one) for one in made}) + "\n")
    else:
        show_table(console, made)
    raise typer.Exit(0 if all(one.is_good for one in made) else 1)


def _under_load(console: Console, with_soak: bool, seconds: float | None, rate: float) -> int:
    """Run the soak or the overload, and print what was seen; return the exit status."""
    seen: Soak | Overload
    if with_soak:
        seen = asyncio.run(soak(seconds or SOAK_SECONDS, rate))
    else:
        seen = asyncio.run(overload(seconds or OVERLOAD_SECONDS))
    for line in seen.lines():
        console.print(line, markup=False, soft_wrap=True)
    for fault in (*seen.faults, *seen.late):
        console.print(f"Not as it should be: {fault}", style="bold red", markup=False, soft_wrap=True)
    return int(bool(seen.faults or seen.late))


def _plain(made: Made) -> dict[str, object]:
    return {"broke": made.broke, "left_out": made.left_out} if made.tally is None else asdict(made.tally)


def show_table(console: Console, made: Sequence[Made]) -> None:
    """Print what became of the people who asked: as Markdown where it goes into a file."""
    kind = HEAVY_HEAD if console.is_terminal else MARKDOWN  # a file is for docs/RELIABILITY.md
    table = Table(title="What became of the people who asked", box=kind)
    for name in ("name", "fault"):
        table.add_column(name, overflow="fold")
    for column in COLUMNS:
        table.add_column(column, justify="right", overflow="fold")
    for one in made:
        numbers = [] if one.tally is None else [f"{number:,}" for number in asdict(one.tally).values()]
        cells = numbers or ["left out" if one.left_out else "broke off"]
        table.add_row(one.fault.name, one.fault.sentence, *cells, style=None if one.is_good else "bold red")
    console.print(table)


if __name__ == "__main__":
    app()

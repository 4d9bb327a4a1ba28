"""`python -m tests.faults`: make the faults, and print what became of the people who asked."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bot.__main__ import open_console
from tests.faults.crowd.report import Soak
from tests.faults.fault import Fault, all_faults
from tests.faults.overload import OVERLOAD_SECONDS, Overload, overload
from tests.faults.soak import RATE, SOAK_SECONDS, soak
from tests.faults.tally import Tally

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
    seconds: Annotated[float | None, typer.Option(help="Of the soak or the overload.", min=1)] = None,
    rate: Annotated[float, typer.Option(help="Of the soak: what people begin with in a second.", min=1)] = RATE,
) -> None:
    """Make faults, and print what became of the people who asked. Status 1: somebody was lost or answered twice."""
    console = open_console()
    if with_soak or with_overload:
        raise typer.Exit(_under_load(console, with_soak, seconds, rate))
    chosen = [fault for fault in all_faults() if not names or fault.name.startswith(tuple(names))]
    if not chosen:
        raise typer.BadParameter("there is no fault whose name begins like this; --list names all", param_hint="NAMES")
    if show:
        for fault in chosen:
            console.print(f"{fault.name}: {fault.sentence}", soft_wrap=True)
        return
    tallies = {fault.name: _made(fault, quick) for fault in chosen}
    if as_json:
        sys.stdout.write(json.dumps({name: asdict(tally) for name, tally in tallies.items()}) + "\n")
    else:
        _show(console, chosen, tallies)
    raise typer.Exit(0 if all(tally.is_good for tally in tallies.values()) else 1)


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


def _made(fault: Fault, quick: bool) -> Tally:
    sys.stderr.write(f"{fault.name}: {fault.sentence}\n")
    return asyncio.run(fault.drive(fault.quick_times if quick else fault.times))


def _show(console: Console, faults: list[Fault], tallies: dict[str, Tally]) -> None:
    table = Table(title="What became of the people who asked")
    table.add_column("fault", overflow="fold")
    for column in COLUMNS:
        table.add_column(column, justify="right")
    for fault in faults:
        tally = tallies[fault.name]
        numbers = [f"{number:,}" for number in asdict(tally).values()]
        table.add_row(fault.sentence, *numbers, style=None if tally.is_good else "bold red")
    console.print(table)


if __name__ == "__main__":
    app()

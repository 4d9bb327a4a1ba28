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
from tests.faults.fault import Fault, all_faults
from tests.faults.tally import Tally

COLUMNS = ("tried", "asked", "answered once", "answered twice", "told to retry", "lost")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    names: Annotated[list[str] | None, typer.Argument(help="Of faults, or how they begin; all if left out.")] = None,
    quick: Annotated[bool, typer.Option(help="As often as the test suite makes them.")] = False,
    show: Annotated[bool, typer.Option("--list", help="Only list them.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
) -> None:
    """Make faults, and print what became of the people who asked. Status 1: somebody was lost or answered twice."""
    console = open_console()
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

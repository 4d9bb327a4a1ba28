"""`python -m tests.bench`: the worker beside everything that it can be compared with."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from bot.__main__ import (
    JsonOption,
    PrecisionOption,
    PresetOption,
    QuickOption,
    RoundsOption,
    SecondsOption,
    TasksOption,
    UsersOption,
    log_to_stderr,
    main,
    open_console,
    run_coroutine,
    settings_with,
)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class Shapes(StrEnum):
    """Architectures that can be built."""

    COURSE = "course"


@app.command()
def bench(
    preset: PresetOption = None,
    shapes: Annotated[
        Shapes | None, typer.Option(help="Instead of a preset: architectures in full size with random weights.")
    ] = None,
    tasks: TasksOption = "",
    users: UsersOption = "",
    seconds: SecondsOption = None,
    requests: Annotated[int | None, typer.Option(help="Requests a run, instead.", min=1, max=100_000)] = None,
    rounds: RoundsOption = None,
    precision: PrecisionOption = None,
    quick: QuickOption = False,
    through_discord: Annotated[
        bool, typer.Option("--discord", help="Send the load through a simulated Discord, without comparisons.")
    ] = False,
    beside: Annotated[
        str | None, typer.Option(help="Address of an OpenAI-compatible server that takes part in /generate.")
    ] = None,
    engines: Annotated[
        str | None,
        typer.Option(
            help="Which other engines take part, such as openvino,ctranslate2: all that are installed, or “none”."
        ),
    ] = None,
    soak: Annotated[
        int | None, typer.Option(help="Instead: does memory grow over so many requests?", min=100, max=10_000_000)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure the worker beside naive bots, the machine's limit and other servers."""
    settings = settings_with(preset=preset, precision=precision)
    log_to_stderr("WARNING", of_discord="ERROR")
    from bot.benchmark.options import numbers, task_names
    from tests.bench.command import measure_all
    from tests.bench.engines.entrants import engine_names
    from tests.bench.options import Options

    options = Options(
        task_names(tasks),
        numbers(users),
        seconds,
        rounds,
        quick=quick,
        requests=requests,
        shapes=shapes is not None,
        discord=through_discord,
        beside=beside,
        engines=engine_names(engines),
        soak=soak,
    )
    run_coroutine(measure_all(settings, options, as_json, open_console()))


if __name__ == "__main__":
    main(app)

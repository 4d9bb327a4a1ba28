"""The command line: `python -m bot …`.

Everything heavy is imported by the command that needs it, so that `--help` answers at once.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Coroutine
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from bot.settings import Settings

app = typer.Typer(
    name="bot",
    help="Glassbox: a Discord bot that runs Hugging Face transformers and shows its work.",
    epilog="Exit status: 2 for a wrong setting or option, 70 for a model that has hung twice.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


WIDTH_OF_A_FILE = 10_000
"""In characters: what goes into a file or another program is not cut to the width of a window."""
HUNG = 70
"""The exit status of a process whose threads hang: what `sysexits.h` calls an internal software error."""
MARGIN_SECONDS = 5.0
"""How long a stop may take beyond what is waited for."""


class Half(StrEnum):
    """A half of the labelled sentences."""

    TEST = "test"
    DEV = "dev"


class Shapes(StrEnum):
    """Architectures that `bench` can build."""

    COURSE = "course"


PresetOption = Annotated[
    str | None, typer.Option(help="course, starter or modern; the setting PRESET otherwise.", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


@app.command()
def run() -> None:
    """Connect to Discord with DISCORD_TOKEN, and serve."""
    settings = _settings()
    _log_to_stderr(settings.log_level)
    from bot.app import DELIVERY_SECONDS, run_bot
    from bot.stopping import end_within

    console = _console()
    # What is answered by then must still reach Discord. Nothing but what hangs lasts longer.
    latest = partial(end_within, settings.drain_seconds + DELIVERY_SECONDS + MARGIN_SECONDS, HUNG)
    _run(run_bot(settings, lambda line: console.print(line, soft_wrap=True), latest))


@app.command()
def playground(
    preset: PresetOption = None,
    port: Annotated[int, typer.Option(help="Of the local page; 0 takes a free one.", min=0, max=65535)] = 8765,
) -> None:
    """Open the real bot in a local page that looks like Discord: no token, no account, no GPU."""
    settings = _settings(preset)
    _log_to_stderr("WARNING", of_discord="ERROR")
    from bot.commands.playground import serve_playground

    _run(serve_playground(settings, port, _console()))


@app.command()
def ask(
    command: Annotated[str, typer.Argument(help='Such as "/sentiment text:I love to hate this course".')],
    preset: PresetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run one slash command through the real bot, and print its reply."""
    settings = _settings(preset)
    _log_to_stderr("WARNING", of_discord="ERROR")
    from bot.commands.ask import ask_once

    _run(ask_once(settings, command, as_json, _console()))


@app.command()
def pull(preset: Annotated[str | None, typer.Argument(help="course, starter or modern.")] = None) -> None:
    """Download a preset's checkpoints ahead of time."""
    settings = _settings(preset)
    _log_to_stderr("WARNING")
    from bot.commands.pull import pull_preset

    _run(pull_preset(settings, _console()))


@app.command(name="eval")
def evaluate(
    preset: PresetOption = None,
    half: Annotated[Half, typer.Option(help="dev is the half that the prompts were chosen on.")] = Half.TEST,
    as_json: JsonOption = False,
) -> None:
    """Measure how often a preset is right, on the labelled sentences that come with the bot."""
    settings = _settings(preset)
    _log_to_stderr("WARNING")
    from bot.commands.evaluate import evaluate_preset

    _run(evaluate_preset(settings, as_json, _console(), half))


@app.command()
def bench(
    preset: PresetOption = None,
    shapes: Annotated[
        Shapes | None, typer.Option(help="Instead of a preset: architectures in full size with random weights.")
    ] = None,
    tasks: Annotated[str, typer.Option(help="Such as sentiment,zeroshot; all if left out.")] = "",
    users: Annotated[str, typer.Option(help="How many people ask at once, such as 1,8,64.")] = "",
    seconds: Annotated[float | None, typer.Option(help="About how long a turn takes.", min=0.1, max=600)] = None,
    requests: Annotated[int | None, typer.Option(help="Requests a turn, instead.", min=1, max=100_000)] = None,
    rounds: Annotated[int | None, typer.Option(help="Turns of everybody.", min=1, max=100)] = None,
    precision: Annotated[str | None, typer.Option(help="The worker's; the setting PRECISION otherwise.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="One short turn of each.")] = False,
    through_discord: Annotated[
        bool, typer.Option("--discord", help="Send the load through a simulated Discord, without comparisons.")
    ] = False,
    beside: Annotated[
        str | None, typer.Option(help="Address of an OpenAI-compatible server that takes part in /generate.")
    ] = None,
    soak: Annotated[
        int | None, typer.Option(help="Instead: does memory grow over so many requests?", min=100, max=10_000_000)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure what this machine can carry, beside a naive bot and beside the machine's limit."""
    settings = _settings(preset)
    _log_to_stderr("WARNING", of_discord="ERROR")
    from bot.benchmark.options import Options, numbers, task_names
    from bot.commands.bench import measure_all

    if precision is not None:
        settings = settings.model_copy(update={"precision": precision})
    options = Options(
        shapes is not None,
        task_names(tasks),
        numbers(users),
        requests,
        seconds,
        rounds,
        quick=quick,
        discord=through_discord,
        beside=beside,
        soak=soak,
    )
    _run(measure_all(settings, options, as_json, _console()))


def main() -> None:
    """Run the command line. A `GlassboxError` ends it with its sentence and exit status 2, `HungAgain` with 70."""
    try:
        _run_app()
    except SystemExit as end:
        # A fetch can last for minutes, and a call that hangs for ever: nobody waits for them, but Python might.
        if threading.active_count() > 1:
            from bot.stopping import end_process

            end_process(end.code if isinstance(end.code, int) else 0)
        raise


def _run_app() -> None:
    from bot.errors import GlassboxError, HungAgain

    # On the CPU, PyTorch's threads spin while they wait for each other. As soon as another process wants a core, that
    # makes a forward pass up to twenty times slower; spinning briefly costs a fifth where nobody else does
    # (docs/PERFORMANCE.md). It is read when PyTorch is imported.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    try:
        app()
    except GlassboxError as error:
        typer.echo(error.sentence, err=True)
        sys.exit(HUNG if isinstance(error, HungAgain) else 2)


def _settings(preset: str | None = None) -> Settings:
    from bot.settings import read_settings

    settings = read_settings()
    return settings if preset is None else settings.model_copy(update={"preset": preset})


def _console() -> Console:
    from rich.console import Console

    console = Console(highlight=False)
    if not sys.stdout.isatty():
        console.width = WIDTH_OF_A_FILE
    return console


def _run(work: Coroutine[Any, Any, None]) -> None:
    import asyncio

    asyncio.run(work)


def _log_to_stderr(level: str, of_discord: str | None = None) -> None:
    from bot.logs import log_to_stderr

    log_to_stderr(level, of_discord)


if __name__ == "__main__":
    main()

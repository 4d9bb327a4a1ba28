"""The command line: `python -m bot …`. Each command imports what it needs, so that `--help` answers at once."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Coroutine
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

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
"""In characters: tables for a file or another program don't wrap."""
BROKEN = 70
"""The exit status of a process whose threads hang: what `sysexits.h` calls an internal software error."""
MARGIN_SECONDS = 5.0
"""How much longer a stop may take than the waits in it."""


class Half(StrEnum):
    """A half of the labelled sentences."""

    TEST = "test"
    DEV = "dev"


PresetOption = Annotated[
    str | None, typer.Option(help="course, starter or modern; the setting PRESET otherwise.", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


@app.command()
def run() -> None:
    """Connect to Discord with DISCORD_TOKEN, and serve."""
    settings = settings_with()
    log_to_stderr(settings.log_level, style=settings.log_format)
    if settings.inference_url is None and settings.discord_token is not None:
        from bot.inference.compute.libraries import import_in_background

        import_in_background()
    from bot.app import DELIVERY_SECONDS, run_bot
    from bot.operating.freezes import ended_if_frozen
    from bot.operator_lines import say
    from bot.stopping import end_within

    # The last answers must still reach Discord. Only a hang lasts longer.
    latest = partial(end_within, settings.drain_seconds + DELIVERY_SECONDS + MARGIN_SECONDS, BROKEN)
    work = run_bot(settings, say, latest)
    run_coroutine(ended_if_frozen(work, settings.hang_seconds))


@app.command()
def playground(
    preset: PresetOption = None,
    port: Annotated[int, typer.Option(help="Of the local page; 0 takes a free one.", min=0, max=65535)] = 8765,
    page: Annotated[
        Literal["server", "forum", "dm"], typer.Option(help="A server's channel, a forum's post, or a direct message.")
    ] = "server",
) -> None:
    """Open the real bot in a local page that looks like Discord: no token, no account, no GPU."""
    settings = settings_with(preset=preset)
    log_to_stderr("WARNING", of_discord="ERROR")
    from bot.commands.playground import serve_playground

    run_coroutine(serve_playground(settings, port, open_console(), page))


@app.command()
def serve(
    preset: PresetOption = None,
    replicas: Annotated[
        int | None, typer.Option(help="One for each GPU if left out, or one on the CPU.", min=1, max=64)
    ] = None,
) -> None:
    """Serve inference to bots on other machines, on Ray, at SERVE_ADDRESS."""
    settings = settings_with(preset=preset)
    log_to_stderr(settings.log_level, style=settings.log_format)
    from bot.commands.serve import serve_inference

    serve_inference(settings, replicas)


@app.command()
def ask(
    command: Annotated[str, typer.Argument(help='Such as "/sentiment text:I love to hate this course".')],
    preset: PresetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run one slash command through the real bot, and print its reply."""
    settings = settings_with(preset=preset)
    log_to_stderr("WARNING", of_discord="ERROR")
    from bot.commands.ask import ask_once

    run_coroutine(ask_once(settings, command, as_json, open_console()))


@app.command(name="new-key")
def new_key() -> None:
    """Print a new key for STORAGE_KEYS, which encrypts texts in the database."""
    from bot import storage_keys

    typer.echo(storage_keys.new_key())


@app.command(name="rotate-keys")
def rotate_keys(
    decrypt: Annotated[bool, typer.Option("--decrypt", help="Write the texts as they are instead.")] = False,
) -> None:
    """Encrypt all texts in the database with the first key of STORAGE_KEYS. The bot may run meanwhile."""
    settings = settings_with()
    log_to_stderr("WARNING")
    from bot.commands.rotate_keys import rotate_keys

    run_coroutine(rotate_keys(settings, open_console(), decrypt))


class FileCommand(StrEnum):
    """The commands that answer files."""

    SENTIMENT = "sentiment"
    ZERO_SHOT = "zeroshot"
    TRANSLATE = "translate"
    ENTITIES = "entities"
    FILL = "fill"
    SIMILARITY = "similarity"


@app.command()
def batch(
    file: Annotated[Path, typer.Argument(help="CSV, TSV, JSON lines, or a text in each line.")],
    command: Annotated[FileCommand, typer.Option(help="What to ask about each row.")],
    column: Annotated[str | None, typer.Option(help="The column with the texts.")] = None,
    labels: Annotated[str, typer.Option(help='For zeroshot, such as "sports, politics".')] = "",
    multi_label: Annotated[bool, typer.Option("--multi-label", help="For zeroshot: several may fit.")] = False,
    target: Annotated[str | None, typer.Option("--to", help="For translate, such as German.")] = None,
    source: Annotated[str | None, typer.Option("--from", help="For translate; found out if left out.")] = None,
    second_column: Annotated[str | None, typer.Option(help="For similarity: compares with it.")] = None,
    reference: Annotated[str | None, typer.Option(help="For similarity: compares each row with it.")] = None,
    top_k: Annotated[int, typer.Option(help="For fill: words for each blank, 1 to 10.")] = 1,
    header: Annotated[
        bool | None, typer.Option("--header/--no-header", help="Whether the first row names the columns.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Beside the file if left out.")] = None,
    preset: PresetOption = None,
) -> None:
    """Answer a whole file: each row through a command. After Ctrl+C, the same command goes on where it was."""
    settings = settings_with(preset=preset)
    log_to_stderr("WARNING")
    from bot.batches.plan import Command, Options
    from bot.commands.batch import Asked, answer_file
    from bot.text.label_list import parse_labels

    options = Options(
        Command(command.value),
        parse_labels(labels) if labels else (),
        multi_label,
        target,
        source,
        top_k,
        reference,
        compares=second_column is not None,
    )
    run_coroutine(answer_file(settings, Asked(file, options, output, column, second_column, header), open_console()))


@app.command()
def pull(preset: Annotated[str | None, typer.Argument(help="course, starter or modern.")] = None) -> None:
    """Download a preset's checkpoints ahead of time."""
    settings = settings_with(preset=preset)
    log_to_stderr("WARNING")
    from bot.commands.pull import pull_preset

    run_coroutine(pull_preset(settings, open_console()))


@app.command(name="eval")
def evaluate(
    preset: PresetOption = None,
    half: Annotated[Half, typer.Option(help="dev is the half that the prompts were chosen on.")] = Half.TEST,
    as_json: JsonOption = False,
) -> None:
    """Measure how often a preset is right, on the labelled sentences that come with the bot."""
    settings = settings_with(preset=preset)
    log_to_stderr("WARNING")
    from bot.commands.evaluate import evaluate_preset

    run_coroutine(evaluate_preset(settings, as_json, open_console(), half))


TasksOption = Annotated[str, typer.Option(help="Such as sentiment,zeroshot; all if left out.")]
UsersOption = Annotated[str, typer.Option(help="How many people ask at once, such as 1,8,64.")]
SecondsOption = Annotated[float | None, typer.Option(help="About how long a run takes.", min=0.1, max=600)]
RoundsOption = Annotated[int | None, typer.Option(help="Runs of everybody.", min=1, max=100)]
PrecisionOption = Annotated[str | None, typer.Option(help="The worker's; the setting PRECISION otherwise.")]
QuickOption = Annotated[bool, typer.Option("--quick", help="One short run of each.")]


@app.command()
def bench(
    preset: PresetOption = None,
    tasks: TasksOption = "",
    users: UsersOption = "",
    seconds: SecondsOption = None,
    rounds: RoundsOption = None,
    precision: PrecisionOption = None,
    quick: QuickOption = False,
    as_json: JsonOption = False,
) -> None:
    """Measure how many people this machine can serve, beside a naive bot."""
    settings = settings_with(preset=preset, precision=precision)
    log_to_stderr("WARNING", of_discord="ERROR")
    from bot.benchmark.options import Options, numbers, task_names
    from bot.commands.bench import compare_all

    options = Options(task_names(tasks), numbers(users), seconds, rounds, quick=quick)
    run_coroutine(compare_all(settings, options, as_json, open_console()))


def main(commands: Callable[[], object] = app) -> None:
    """Run a command line. A `GlassboxError` ends it with its sentence and exit status 2, `ProcessBroken` with 70."""
    try:
        _run_commands(commands)
    except SystemExit as end:
        # Python would wait for a fetch, which can last for minutes, and for a call that hangs for ever.
        if threading.active_count() > 1:
            from bot.stopping import end_process

            end_process(end.code if isinstance(end.code, int) else 0)
        raise


def _run_commands(commands: Callable[[], object]) -> None:
    from bot.errors import GlassboxError, ProcessBroken
    from bot.inference.compute.environment import prepare
    from bot.locales.current import written_in
    from bot.locales.terminal import locale_of_terminal

    prepare(os.environ)
    try:
        commands()
    except GlassboxError as error:
        with written_in(locale_of_terminal(os.environ)):
            typer.echo(error.sentence, err=True)
        sys.exit(BROKEN if isinstance(error, ProcessBroken) else 2)


def settings_with(**changes: str | None) -> Settings:
    """Return the settings, overridden by the options that were given; raise `SettingsError` for a wrong value."""
    from bot.settings import read_settings

    settings = read_settings()
    return settings.model_copy(update={name: value for name, value in changes.items() if value is not None})


def open_console() -> Console:
    """Return the console for standard output."""
    from rich.console import Console

    console = Console(highlight=False)
    if not sys.stdout.isatty():
        console.width = WIDTH_OF_A_FILE
    return console


def run_coroutine(work: Coroutine[object, object, None]) -> None:
    """Run a coroutine to its end."""
    import asyncio

    asyncio.run(work)


def log_to_stderr(level: str, of_discord: str | None = None, style: str = "text") -> None:
    """Send log lines to standard error."""
    from bot import logs

    logs.log_to_stderr(level, of_discord, style)


if __name__ == "__main__":
    main()

"""The command line, as people run it: in a process of its own."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from bot import __main__ as command_line
from bot.inference.compute.environment import DEFAULTS
from bot.operator_lines import say
from bot.settings import Settings
from tests.timers import PATIENCE

ROOT = Path(__file__).parent.parent


def run(*arguments: str, folder: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m bot` with only these settings."""
    environment = {key: value for key, value in os.environ.items() if key.lower() not in Settings.model_fields}
    environment |= {"PYTHONPATH": str(ROOT), "COLUMNS": "120", "OMP_NUM_THREADS": "1", **variables}
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def test_help_lists_the_commands_and_loads_nothing_heavy() -> None:
    """So it answers in half a second (README); torch alone takes two."""
    done = run("--help", PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0
    for command in ("run", "playground", "ask", "pull", "eval", "bench"):
        assert command in done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "|" in line}
    assert "typer" in imported
    assert not imported & {"torch", "transformers", "discord", "numpy", "pydantic", "asyncio", "aiohttp"}


def test_settings_import_nothing_heavy() -> None:
    heavy = ("torch", "transformers", "discord")
    code = f"import sys, bot.settings; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_cogs_and_tasks_do_not_import_torch() -> None:
    code = "import sys, bot.client, bot.tasks, cogs.sentiment, cogs.generate; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_wrong_setting_ends_a_process_with_one_sentence(tmp_path: Path) -> None:
    done = run("run", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("DISCORD_TOKEN is not set")
    assert len(done.stderr.strip().splitlines()) == 1


class Ended:
    """A command line that has run in this process, which takes a tenth of the time.

    Attributes:
        status: its exit status.
        errors: what it has written to standard error.
    """

    def __init__(self, status: object, errors: str) -> None:
        self.status = status
        self.errors = errors


Here = Callable[..., Ended]


@pytest.fixture
def run_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    """Run `bot` in this process with only these settings: `run_here("run", PRESET="huge")`."""

    def run_here(*arguments: str, **variables: str) -> Ended:
        for name in [name for name in os.environ if name.lower() in Settings.model_fields]:
            monkeypatch.delenv(name)
        for name, value in {"CACHE_DIR": str(tmp_path), **DEFAULTS, **variables}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["bot", *arguments])
        monkeypatch.setattr(command_line, "log_to_stderr", lambda *_, **__: None)  # the log belongs to the process
        monkeypatch.setattr("bot.stopping.end_process", sys.exit)
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        return Ended(ended.value.code, capsys.readouterr().err)

    return run_here


@pytest.mark.parametrize(
    ("arguments", "variables", "part"),
    [
        (["run"], {"DISCORD_TOKEN": "x", "PRESET": "huge"}, "There is no preset called “huge”"),
        (["run"], {"DISCORD_TOKEN": "x", "DEVICES": "cuda:9"}, "DEVICES"),
        (["run"], {"DISCORD_TOKEN": "x", "QUEUE_SIZE": "none"}, "QUEUE_SIZE"),
        (["run"], {"DISCORD_TOKEN": "x", "INFERENCE_URL": "gpu-1:8000"}, "INFERENCE_URL must begin with http"),
        (["run"], {"DISCORD_TOKEN": "x", "FILL_CHECKPOINT": "./nowhere"}, "does not exist"),
        (["pull", "huge"], {}, "There is no preset called “huge”"),
        (["ask", "/guess text:x", "--preset", "huge"], {}, "There is no preset called “huge”"),
    ],
)
def test_a_wrong_setting_ends_with_one_sentence(
    run_here: Here, arguments: list[str], variables: dict[str, str], part: str
) -> None:
    ended = run_here(*arguments, **variables)
    assert ended.status == 2
    assert part in ended.errors
    assert "Traceback" not in ended.errors


def test_ask_says_which_commands_there_are(run_here: Here) -> None:
    ended = run_here("ask", "/predict text:x")
    assert ended.status == 2
    assert "There is no command /predict" in ended.errors
    assert "/sentiment" in ended.errors


def test_a_table_that_goes_into_a_file_is_whole(tmp_path: Path) -> None:
    done = run("pull", "course", folder=tmp_path, COLUMNS="80", HF_HOME=str(tmp_path), HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE" in done.stderr
    [line] = [line for line in done.stdout.splitlines() if "/sentiment" in line]
    assert [cell.strip() for cell in line.strip("│").split("│")] == [
        "distilbert-base-uncased-finetuned-sst-2-english", "/sentiment", "268 MB", "Apache-2.0",
    ]  # fmt: skip


def test_figures_that_go_into_a_file_are_whole(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    folder = str(checkpoints["distilbert"])
    options = ("--quick", "--tasks", "sentiment", "--users", "2", "--precision", "float32")
    done = run("bench", *options, folder=tmp_path, COLUMNS="40", SENTIMENT_CHECKPOINT=folder)
    assert done.returncode == 0, done.stderr
    assert "…" not in done.stdout
    [worker] = [line for line in done.stdout.splitlines() if "worker, 2 users" in line]
    cells = [cell.strip() for cell in worker.strip("│").split("│")]
    assert len(cells) == 5  # req/s, ±, takes, times naive float32
    assert all(cells)


def test_ask_prints_json(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    done = run(
        "ask",
        "/sentiment text:I love to hate this course",
        "--json",
        folder=tmp_path,
        SENTIMENT_CHECKPOINT=str(checkpoints["distilbert"]),
    )
    assert done.returncode == 0, done.stderr
    reply = json.loads(done.stdout)
    assert reply["command"] == "/sentiment text:I love to hate this course"
    assert not reply["ephemeral"]
    assert "POSITIVE" in reply["embeds"][0]["description"]


FETCHING_FOR_EVER = """
import sys, time
import bot.commands.pull, bot.inference.checkpoints.pool
from bot.__main__ import main

def fetch(spec, cache, progress):
    print("FETCHING", file=sys.__stderr__, flush=True)
    time.sleep(100)

bot.commands.pull.fetch = bot.inference.checkpoints.pool.fetch = fetch
main()
"""


@pytest.mark.parametrize("arguments", [["pull", "starter"], ["ask", "/sentiment text:x"]])
def test_ctrl_c_ends_it_while_something_is_fetched(arguments: list[str]) -> None:
    command = [sys.executable, "-c", FETCHING_FOR_EVER, *arguments]
    started = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # What starts the tests in the background may have them, and their children, ignore it.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert started.stderr is not None
        assert any("FETCHING" in line for line in started.stderr)
        started.send_signal(signal.SIGINT)
        _, errors = started.communicate(timeout=PATIENCE)
    finally:
        started.kill()
        started.wait()
    assert started.returncode == 130
    assert "Traceback" not in errors
    assert "never retrieved" not in errors


def test_a_line_for_the_operator_that_cannot_be_written_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sys, "stdout", Full())
    say("Commands: synced.")

"""The command line, as people run it: in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("module", ["bot.__main__", "bot.settings", "bot.errors"])
def test_what_help_imports_is_light(module: str) -> None:
    code = (
        f"import sys, {module}; print([name for name in ('torch', 'transformers', 'discord') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_cogs_and_tasks_do_not_import_torch() -> None:
    code = "import sys, bot.client, bot.tasks, cogs.sentiment, cogs.generate; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("arguments", "variables", "part"),
    [
        (["run"], {}, "DISCORD_TOKEN is not set"),
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
    arguments: list[str], variables: dict[str, str], part: str, tmp_path: Path
) -> None:
    done = run(*arguments, folder=tmp_path, **variables)
    assert done.returncode == 2
    assert part in done.stderr
    assert "Traceback" not in done.stderr


def test_ask_says_which_commands_there_are(tmp_path: Path) -> None:
    done = run("ask", "/guess text:x", folder=tmp_path)
    assert done.returncode == 2
    assert "There is no command /guess" in done.stderr
    assert "/sentiment" in done.stderr


def test_a_table_that_goes_into_a_file_is_whole(tmp_path: Path) -> None:
    done = run("pull", "course", folder=tmp_path, COLUMNS="80", HF_HOME=str(tmp_path), HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE" in done.stderr
    [line] = [line for line in done.stdout.splitlines() if "/sentiment" in line]
    assert [cell.strip() for cell in line.strip("│").split("│")] == [
        "distilbert-base-uncased-finetuned-sst-2-english", "/sentiment", "268 MB", "Apache-2.0",
    ]  # fmt: skip


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


@pytest.mark.measured_elsewhere
def test_ask_shows_a_bad_input_as_the_user_sees_it(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    done = run("ask", "/fill text:No mask here", "--json", folder=tmp_path, FILL_CHECKPOINT=str(checkpoints["roberta"]))
    reply = json.loads(done.stdout)
    assert reply["ephemeral"]
    assert "There is no mask in the text" in reply["content"]


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

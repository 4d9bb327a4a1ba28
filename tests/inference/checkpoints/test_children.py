"""Child processes end with the process that has begun them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from bot.inference.checkpoints.sources import child
from bot.inference.checkpoints.sources.children import python

HERE = Path(__file__).parents[3]


def parent_of(code: str) -> str:
    """A program that begins a child with some code, and waits for it."""
    return textwrap.dedent(f"""
        import subprocess, sys, pathlib
        from bot.inference.checkpoints.sources import child
        from bot.inference.checkpoints.sources.children import python
        script = pathlib.Path(sys.argv[1])
        script.write_text({code!r})
        if len(sys.argv) > 2:
            child.__file__ = sys.argv[2]
        with python(str(script), stdout=None) as running:
            running.wait()
    """)


ENDLESS = """
import sys, threading
print("begun", flush=True)
threading.Event().wait()
"""
BUSY = """
print("begun", flush=True)
while True:
    pass
"""


@pytest.mark.parametrize("code", [ENDLESS, BUSY], ids=["waits", "is busy"])
@pytest.mark.parametrize("by", ["pipe and signal", "pipe"])
def test_a_killed_process_leaves_no_child_behind(tmp_path: Path, code: str, by: str) -> None:
    """The child has the standard output, too, so that is at its end only when both have ended."""
    arguments = [sys.executable, "-c", parent_of(code), str(tmp_path / "script.py")]
    if by == "pipe":  # as where the system sends no signal
        without = Path(child.__file__).read_text().replace('sys.platform == "linux"', "False")
        (tmp_path / "child.py").write_text(without)
        arguments.append(str(tmp_path / "child.py"))
    with subprocess.Popen(arguments, cwd=HERE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "begun\n"
        running.send_signal(signal.SIGKILL)
        assert running.stdout.read() == ""


def test_a_parent_that_has_ended_before_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("print('run')")
    command = [sys.executable, "-P", child.__file__, str(os.getppid()), str(tmp_path / "script.py")]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (child.ORPHANED, "")


def test_a_child_ends_with_the_body(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(ENDLESS)
    with python(str(tmp_path / "script.py"), stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "begun\n"
    assert running.returncode is not None


def test_a_child_is_told_its_arguments_and_its_status_is_known(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("import sys; print(sys.argv[1:], __name__); sys.exit(7)")
    with python(str(tmp_path / "script.py"), "one", "two", stdout=subprocess.PIPE) as running:
        said, _ = running.communicate()
    assert (said, running.returncode) == ("['one', 'two'] __main__\n", 7)
    with python("-m", "json.tool", "--help", stdout=subprocess.PIPE) as running:
        said, _ = running.communicate()
    assert "json" in said
    assert running.returncode == 0

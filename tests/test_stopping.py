"""A process ends in time, whatever hangs in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HANGING = """
import logging, sys, threading
from bot.stopping import end_process, end_within
logging.basicConfig(level="INFO")
logging.info("a line that must not be lost")
sys.stdout.write("nor this one")
threading.Thread(target=threading.Event().wait).start()
{end}
threading.Event().wait()
"""


@pytest.mark.parametrize("end", ["end_within(0.01, 70)", "end_process(70)"])
def test_nothing_is_waited_for_and_nothing_lost(end: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HANGING.format(end=end)], cwd=ROOT, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 70
    assert done.stdout == "nor this one"
    assert "a line that must not be lost" in done.stderr
    assert ("the process ends as it is" in done.stderr) is end.startswith("end_within")

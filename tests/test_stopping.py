"""A process ends in time, whatever hangs in it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.stopping import SIGNALS

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


STOPPING = """
import asyncio, sys, time
from bot.stopping import stop_signals

async def main():
    with stop_signals(second_ends={second_ends}) as stop:
        print("running", flush=True)
        await stop.wait()
        print("stopping", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        print("stopped", flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("second_ends", [True, False])
def test_a_second_signal(second_ends: bool) -> None:
    """It ends what hangs at once, where it may; two of one Ctrl-C are one."""
    with subprocess.Popen(
        [sys.executable, "-c", STOPPING.format(second_ends=second_ends)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        for number in SIGNALS:
            process.send_signal(number)
        assert process.stdout.readline() == "stopping\n"
        if second_ends:
            while process.poll() is None:
                process.send_signal(signal.SIGTERM)
                time.sleep(0.05)
            assert process.returncode == 128 + signal.SIGTERM
            return
        for number in SIGNALS:
            process.send_signal(number)
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "stopped\n"
    assert process.returncode == 0


@pytest.mark.parametrize("end", ["end_within(0.01, 70)", "end_process(70)"])
def test_nothing_is_waited_for_and_nothing_lost(end: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HANGING.format(end=end)], cwd=ROOT, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 70
    assert done.stdout == "nor this one"
    assert "a line that must not be lost" in done.stderr
    assert ("the process ends as it is" in done.stderr) is end.startswith("end_within")

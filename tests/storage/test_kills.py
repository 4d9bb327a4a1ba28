"""A few of the kills of `python -m tests.bench.store_kills`, which runs two hundred."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.storage.conftest import Place
from tests.timers import PATIENCE

ROOT = Path(__file__).parent.parent.parent
KILLS = 3


@pytest.mark.may_block
def test_nothing_that_was_acknowledged_is_lost(place: Place) -> None:
    command = [sys.executable, "-m", "tests.bench.store_kills", "--kills", str(KILLS), "--only", place.dialect]
    if place.url is not None:
        command += ["--url", place.url]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{KILLS} kills" in done.stdout

"""What PyTorch's libraries read from the environment."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bot.inference.compute.environment import DEFAULTS, KERNELS, prepare
from tests.timers import PATIENCE

SIZES = 3 * KERNELS
MULTIPLIED = f"""
import torch
weight = torch.ops.mkldnn._reorder_linear_weight(torch.randn(32, 32))

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

before = resident()
for rows in range(1, {SIZES} + 1):
    torch.ops.mkldnn._linear_pointwise(torch.randn(rows, 32), weight, None, "none", [], "")
    if rows == {KERNELS}:
        filled = resident()
print(filled - before, resident() - filled)
"""
"""Prints by how many bytes the process grows until the cache is full, and by how many afterwards."""


def test_what_the_operator_has_set_is_kept() -> None:
    environment = {"LRU_CACHE_CAPACITY": "7"}
    prepare(environment)
    assert environment == {**DEFAULTS, "LRU_CACHE_CAPACITY": "7"}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_kernels_take_no_more_memory_when_there_are_enough() -> None:
    environment = {name: value for name, value in os.environ.items() if name not in DEFAULTS}
    prepare(environment)
    run = subprocess.run(
        [sys.executable, "-c", MULTIPLIED], env=environment, capture_output=True, check=True, timeout=PATIENCE
    )
    until, afterwards = map(int, run.stdout.split())
    assert afterwards < until / 2  # twice as many kernels

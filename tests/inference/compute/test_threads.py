"""Small forward passes have as many threads as was fastest lately."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import torch

from bot.inference.checkpoints.loading import load_head
from bot.inference.compute.device import Device
from bot.inference.compute.threads import LARGEST, LOOK_EVERY, REMEMBERED, ThreadChoice

NAME = "step"


class Machine:
    """A clock, and how long a pass takes with so many threads."""

    def __init__(self) -> None:
        self.now = 0.0
        self.seconds: Mapping[int, float] = {}
        self.choice = ThreadChoice(active=True, clock=lambda: self.now)

    def run(self, passes: int, tokens: int = 16) -> list[int]:
        """Returns how many threads each had."""
        had = []
        for _ in range(passes):
            with self.choice.chosen(NAME, tokens):
                had.append(torch.get_num_threads())
                self.now += self.seconds[had[-1]]
        return had


@pytest.fixture(autouse=True)
def four_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


def test_takes_the_fastest_after_having_tried_all() -> None:
    machine = Machine()
    machine.seconds = {4: 0.05, 2: 0.03, 1: 0.04}
    tried = machine.run(3 * REMEMBERED)
    assert sorted(tried) == [1] * REMEMBERED + [2] * REMEMBERED + [4] * REMEMBERED
    later = machine.run(200)
    assert later.count(2) > 190
    assert set(later) == {1, 2, 4}, "the others are looked at now and then"
    assert torch.get_num_threads() == 4


def test_notices_what_changes() -> None:
    """Something else has begun to compute, so that the threads come late."""
    machine = Machine()
    machine.seconds = {4: 0.01, 2: 0.02, 1: 0.03}
    assert machine.run(100)[-10:].count(4) >= 9
    machine.seconds = {4: 0.2, 2: 0.1, 1: 0.03}
    assert machine.run(10 * LOOK_EVERY)[-10:].count(1) >= 9


def test_sizes_are_chosen_for_by_themselves() -> None:
    machine = Machine()
    machine.seconds = {4: 0.05, 2: 0.04, 1: 0.03}
    machine.run(50, tokens=1)
    machine.seconds = {4: 0.03, 2: 0.04, 1: 0.05}
    machine.run(50, tokens=40)
    assert machine.run(1, tokens=33) == [4]
    machine.seconds = {4: 0.05, 2: 0.04, 1: 0.03}
    assert machine.run(1, tokens=1) == [1]


def test_large_passes_have_all() -> None:
    machine = Machine()
    machine.seconds = {4: 0.05, 2: 0.04, 1: 0.03}
    assert set(machine.run(50, tokens=LARGEST + 1)) == {4}


def test_parts_count_by_themselves() -> None:
    """A long text takes longer than a short one, and says nothing about threads."""
    choice = ThreadChoice(active=True, clock=lambda: now)
    now = 0.0
    each = {4: 0.02, 2: 0.03, 1: 0.04}
    had = []
    for number in range(100):
        with choice.chosen(NAME, 4) as this:
            this.parts = 1 + number * 7 % 90
            had.append(torch.get_num_threads())
            now += each[had[-1]] * this.parts
    assert had[3 * REMEMBERED :].count(4) > 80


def test_an_error_changes_nothing() -> None:
    machine = Machine()
    with pytest.raises(RuntimeError), machine.choice.chosen(NAME, 1):
        raise RuntimeError
    assert torch.get_num_threads() == 4


@pytest.mark.parametrize(("precision", "chosen"), [("float32", False), ("bfloat16", True)])
def test_only_where_numbers_stay_the_same(checkpoints: dict[str, Path], precision: str, chosen: bool) -> None:
    head = load_head(checkpoints["llama"], Device("cpu", precision))
    had = set()
    for _ in range(30):
        with head.threads.chosen(NAME, 1):
            had.add(torch.get_num_threads())
    assert (len(had) > 1) is chosen

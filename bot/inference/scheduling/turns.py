"""Whose turn it is: background rows run behind those of everybody who waits, and yet come to an end."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass
from typing import NamedTuple

PEOPLES_TURNS = 31
"""How many passes in a row people's rows may have while background ones wait. Then those have one."""


class Turn(NamedTuple):
    """What a device can do next: compute rows that share a batch, either people's or background ones.

    Attributes:
        batch_key: see `PendingCall`.
    """

    background: bool
    batch_key: Hashable


@dataclass
class Alternation:
    """Lets background rows wait on a device while people's rows can run, for `PEOPLES_TURNS` passes at most.

    Attributes:
        passed_over: how many passes in a row people's rows had, while background ones waited.
    """

    passed_over: int = 0

    def allowed(self, turns: Collection[Turn]) -> list[Turn]:
        """Return those of the turns among which the device may choose now."""
        people = [turn for turn in turns if not turn.background]
        background = [turn for turn in turns if turn.background]
        if not (people and background):
            self.passed_over = 0
            return people or background
        self.passed_over += 1
        if self.passed_over <= PEOPLES_TURNS:
            return people
        self.passed_over = 0
        return background

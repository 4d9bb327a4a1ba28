"""Rows that fail, and passes that take long, in a bot process: by the ids of the interactions that they belong to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch
from weakref import WeakKeyDictionary

from bot.inference.operations import AnyRow, Session
from bot.inference.scheduling.replicas import AnyOperation, Replicas


@dataclass(frozen=True)
class RowTrouble:
    """What goes wrong on a device.

    Attributes:
        failing: of so many interactions, by their numbers, the rows of one fail in each pass; 0 for none.
        slow: of so many, one makes a pass take `seconds` longer; 0 for none.
        seconds_a_row, seconds_a_step: how much longer a pass takes for each of its rows, and a decode step for each of
            its texts, as if the device were slower.
    """

    failing: int = 0
    slow: int = 0
    seconds: float = 0.5
    seconds_a_row: float = 0.0
    seconds_a_step: float = 0.0

    def strike(self, rows: Sequence[AnyRow], each: float) -> None:
        """Do to a pass of some rows what must happen to it, and make it longer by `each` seconds a row."""
        if each:
            time.sleep(each * len(rows))
        if any(_is_every(self.slow, row) and not row.progress for row in rows):
            time.sleep(self.seconds)
        if any(_is_every(self.failing, row) for row in rows):
            raise RuntimeError("a row that fails, for the sake of a test")


class TroubledSession:
    """A session whose steps are struck."""

    def __init__(self, session: Session[Any, Any], trouble: RowTrouble) -> None:
        self._session, self._trouble = session, trouble
        self._rows: list[AnyRow] = []

    @property
    def joinable(self) -> bool:
        return self._session.joinable

    def __len__(self) -> int:
        return len(self._session)

    def join(self, rows: Sequence[AnyRow]) -> None:
        self._rows += rows
        self._session.join(rows)

    def step(self) -> None:
        self._trouble.strike(self._rows, self._trouble.seconds_a_step)
        self._session.step()

    def leave(self) -> list[tuple[AnyRow, Any]]:
        left = self._session.leave()
        gone = {id(row) for row, _ in left}
        self._rows = [row for row in self._rows if id(row) not in gone]
        return left


@contextmanager
def rows_in_trouble(trouble: RowTrouble) -> Iterator[None]:
    """Strike all passes of all checkpoints until the end of the body."""
    struck: WeakKeyDictionary[AnyOperation, AnyOperation] = WeakKeyDictionary()
    on = Replicas.on

    def troubled_on(self: Replicas, operation: AnyOperation, device_index: int) -> AnyOperation | None:
        found = on(self, operation, device_index)
        if found is None:
            return None
        if found not in struck:
            struck[found] = _struck(found, trouble)
        return struck[found]

    with patch.object(Replicas, "on", troubled_on):
        yield


def _struck(operation: AnyOperation, trouble: RowTrouble) -> AnyOperation:
    begin = operation.session
    if begin is not None:
        session: Callable[[bool], Any] = lambda alone: TroubledSession(begin(alone), trouble)  # noqa: E731
        return replace(operation, session=session)

    def run(rows: Sequence[AnyRow]) -> Sequence[Any]:
        trouble.strike(rows, trouble.seconds_a_row)
        return operation.run(rows)

    return replace(operation, run=run)


def _is_every(number: int, row: AnyRow) -> bool:
    return bool(number) and row.request_id.isdecimal() and int(row.request_id) % number == 0

"""Rows of an iterative operation under way: a step that fails costs nobody a token, and only the culprit its answer.

What a failed step leaves of a session is worth nothing: some layers may have read a token, and others not. So the rows
go on in a new session, from their prompts and what each has written. Once they try that all together, because much
passes by itself. If they fail again, their halves are tried one after the other, and halves of these, until the culprit
is alone. Those that have gone on well are together again afterwards. Where the memory has run out, halves are not tried
but run to their ends one after the other.

All of this happens in turns, a step each, so others get the device in between.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from bot.errors import describe
from bot.inference.checkpoints.weights import free_memory
from bot.inference.operations import Row, RowState, Session, decode_step
from bot.inference.scheduling.isolation import failure_of, is_out_of_memory

PROOF = 2
"""Tokens that a row writes after a failure before it is believed to be innocent: the first comes with its prompt."""
IN_VAIN = 2
"""Times that rows are brought together again although no culprit was found; then they run one half after the other."""

log = logging.getLogger(__name__)

Rows = list[Row[Any]]


class RowsUnderWay:
    """Rows that share steps, however often these fail. Used on the device's thread.

    Args:
        name: of the operation.
        begin: begins an empty session.
    """

    def __init__(self, name: str, begin: Callable[[], Session[Any, Any]]) -> None:
        self._name = name
        self._begin = begin
        self._session = begin()
        self._present: Rows = []
        self._joining: Rows = []
        self._parts: list[Rows] = []
        self._cleared: Rows = []
        self._suspects: dict[int, int] = {}  # by the row's id: how much it had written at its last failure
        self._one_by_one = False
        self._reunions = 0

    @property
    def joinable(self) -> bool:
        """Whether the session takes rows beside others that are under way."""
        return self._session.joinable

    @property
    def admits(self) -> bool:
        """Whether newcomers may join now: not where rows stay together, nor while a culprit is looked for."""
        return self.joinable and not (self._parts or self._cleared or self._suspects)

    def decode_step(self, joining: Sequence[Row[Any]]) -> list[tuple[Row[Any], Any]]:
        """Let rows join, and take those whose turn it is a step further.

        Returns:
            The rows that are done, with their outputs, or with the errors that they alone get.
        """
        self._present += joining
        self._joining += joining
        done = self._ended_while_waiting()
        try:
            done += decode_step(self._session, self._joining)
        except BaseException as error:  # also `SystemExit`, which is no reason to end the process
            short_of_memory = is_out_of_memory(error)
            log.warning("%s failed under way, and goes on: %s", self._name, describe(error))
            done += self._give_up_session(error, short_of_memory)
        else:
            self._joining = []
            self._went_well({id(row) for row, _ in done})
            return done
        # Outside of the handler: while it runs, the error's traceback keeps the failed session's tensors alive.
        if short_of_memory:
            free_memory()
        self._session = self._begin()
        return done

    def _give_up_session(self, error: BaseException, short_of_memory: bool) -> list[tuple[Row[Any], Any]]:
        """Choose who goes on in the next session; returns the culprit where it is found."""
        rows = self._present
        again = any(id(row) in self._suspects for row in rows)
        self._suspects |= {id(row): len(row.progress) for row in rows}
        self._session = _Nothing()
        if len(rows) == 1 and again:
            self._reunions = 0
            del self._suspects[id(rows[0])]
            self._begin_with(self._parts.pop(0) if self._parts else self._take_cleared())
            return [(rows[0], failure_of(self._name, error))]
        if len(rows) > 1 and (again or short_of_memory):
            self._one_by_one |= short_of_memory
            middle = len(rows) // 2
            self._parts.insert(0, rows[middle:])
            rows = rows[:middle]
        self._begin_with(rows)
        return []

    def _went_well(self, gone: set[int]) -> None:
        """After a step: who goes on in the next one?"""
        self._present = [row for row in self._present if id(row) not in gone]
        for key in gone:
            self._suspects.pop(key, None)
        if not (self._parts or self._cleared or self._suspects):
            return
        for row in self._present:
            if len(row.progress) >= self._suspects.get(id(row), 0) + PROOF:
                self._suspects.pop(id(row), None)
        if any(id(row) in self._suspects for row in self._present):
            return
        if self._parts:
            self._next_part()
        elif self._cleared:
            self._reunite()

    def _next_part(self) -> None:
        if self._one_by_one and self._present:
            return
        self._cleared += self._present
        self._session = self._begin()
        self._begin_with(self._parts.pop(0))
        if self._one_by_one and not self._parts:
            self._one_by_one, self._reunions = False, 0

    def _reunite(self) -> None:
        """All have gone on well: they do so together again."""
        self._reunions += 1
        self._one_by_one = self._reunions > IN_VAIN
        if self.joinable and self._present:
            cleared = self._take_cleared()
            self._present += cleared
            self._joining = cleared
        else:
            self._session = self._begin()
            self._begin_with(self._present + self._take_cleared())

    def _take_cleared(self) -> Rows:
        cleared, self._cleared = self._cleared, []
        return cleared

    def _begin_with(self, rows: Rows) -> None:
        self._present = list(rows)
        self._joining = list(rows)

    def _ended_while_waiting(self) -> list[tuple[Row[Any], Any]]:
        """Take out the rows that were stopped or given up while others are tried; a session of their own ends them."""
        done: list[tuple[Row[Any], Any]] = []
        for group in (*self._parts, self._cleared):
            ended = [row for row in group if row.is_ending]
            group[:] = [row for row in group if row not in ended]
            for row in ended:
                self._suspects.pop(id(row), None)
                done += self._end(row)
        self._parts = [part for part in self._parts if part]
        return done

    def _end(self, row: Row[Any]) -> list[tuple[Row[Any], Any]]:
        if row.state is RowState.ABANDONED:
            return [(row, None)]
        try:
            return decode_step(self._begin(), [row])
        except BaseException as error:
            return [(row, failure_of(self._name, error))]


class _Nothing:
    """No session: the memory of the one that failed is free before another one begins."""

    joinable = False

    def __len__(self) -> int:
        return 0

    def join(self, rows: Sequence[Row[Any]]) -> None: ...

    def step(self) -> None: ...

    def leave(self) -> list[tuple[Row[Any], Any]]:
        return []

"""A session whose failed decode steps cost nobody a token, and only the culprit its answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, TypeAlias

from bot.errors import describe
from bot.inference.compute.device_faults import is_final
from bot.inference.compute.memory import Shortage, is_out_of_memory
from bot.inference.operations import AnyRow, RowState, Session, decode_step
from bot.inference.scheduling.isolation import OnShortage, failure_of
from bot.request_ids import working_for

PROOF = 2
"""Tokens after a failure that clear a row: the first one comes with its prompt, not from a decode step."""
IN_VAIN = 2
"""Reunions without a culprit, after which the halves are decoded to their ends one after the other."""

log = logging.getLogger(__name__)

Rows: TypeAlias = list[AnyRow]
Finished: TypeAlias = list[tuple[AnyRow, Any]]
"""Rows with their outputs, or with the errors that they alone get."""


class RecoveringSession:
    """The running batch of an iterative operation, however often its steps fail. Used on the device's thread.

    A retry is one decode step, so other operations get the device in between.

    Args:
        name: of the operation.
        begin: opens an empty session.
        on_shortage: called with rows that were too many for the memory.
    """

    def __init__(
        self, name: str, begin: Callable[[], Session[Any, Any]], on_shortage: OnShortage = lambda rows: None
    ) -> None:
        self._name = name
        self._begin = begin
        self._session = begin()
        self._present: Rows = []
        self._joining: Rows = []
        self._untried: list[Rows] = []
        self._cleared: Rows = []
        self._suspects: dict[int, int] = {}  # by the row's id: how much it had generated at its last failure
        self._one_by_one = False
        self._reunions = 0
        self._on_shortage = on_shortage
        self._shortage = Shortage()

    @property
    def joinable(self) -> bool:
        """Whether the session lets rows join running ones."""
        return self._session.joinable

    @property
    def admits(self) -> bool:
        """Whether rows may join now: not while a culprit is searched for."""
        return self.joinable and not self._is_recovering

    @property
    def _is_recovering(self) -> bool:
        return bool(self._untried or self._cleared or self._suspects)

    def decode_step(self, joining: Sequence[AnyRow]) -> Finished:
        """Let rows join, and run one decode step; return the finished rows."""
        self._present += joining
        self._joining += joining
        done = self._finish_set_aside()
        try:
            done += decode_step(self._session, self._joining)
        except BaseException as error:  # `SystemExit` too: it is no reason to end the process
            short_of_memory = is_out_of_memory(error)
            with working_for(row.request_id for row in self._present):
                log.warning("a decode step of %s failed, and its rows resume: %s", self._name, describe(error))
            if short_of_memory and len(self._present) > 1:
                self._on_shortage(self._present)
            done += self._after_failure(error, short_of_memory)
        else:
            self._joining = []
            self._after_success({id(row) for row, _ in done})
            return done
        # A failed step leaves a session useless: some layers may have read a token, and others not. Its tensors must be
        # free before another one begins, so this is outside the handler, in which the error's traceback keeps them.
        del self._session
        if short_of_memory:
            self._shortage.free()
        self._session = self._begin()
        return done

    def _after_failure(self, error: BaseException, short_of_memory: bool) -> Finished:
        """Choose the rows of the next session; return the culprit if it is found."""
        if is_final(error):
            return self._give_up(error)
        rows = self._present
        again = any(id(row) in self._suspects for row in rows)
        self._suspects |= {id(row): len(row.progress) for row in rows}
        if len(rows) == 1 and again:
            self._reunions = 0
            del self._suspects[id(rows[0])]
            self._resume(self._untried.pop(0) if self._untried else self._take_cleared())
            return [(rows[0], failure_of(self._name, error, rows[0]))]
        joined = self._joining if not again and not short_of_memory else []
        if 0 < len(joined) < len(rows):
            # The likeliest culprits are tried first, so that the others read their tokens again only once.
            self._untried.insert(0, [row for row in rows if row not in joined])
            rows = joined
        # Otherwise the first retry is together, because many failures pass by themselves.
        elif len(rows) > 1 and (again or short_of_memory):
            self._one_by_one |= short_of_memory
            middle = len(rows) // 2
            self._untried.insert(0, rows[middle:])
            rows = rows[:middle]
        self._resume(rows)
        return []

    def _give_up(self, error: BaseException) -> Finished:
        """Fail all rows, because the device computes nothing more."""
        rows = [*self._present, *chain.from_iterable(self._untried), *self._cleared]
        self._untried, self._cleared, self._suspects = [], [], {}
        self._resume([])
        return [(row, failure_of(self._name, error, row)) for row in rows]

    def _after_success(self, finished: set[int]) -> None:
        """Choose the rows of the next step."""
        self._present = [row for row in self._present if id(row) not in finished]
        for key in finished:
            self._suspects.pop(key, None)
        if not self._is_recovering:
            self._shortage = Shortage()
            return
        for row in self._present:
            if len(row.progress) >= self._suspects.get(id(row), 0) + PROOF:
                self._suspects.pop(id(row), None)
        if any(id(row) in self._suspects for row in self._present):
            return
        if self._untried:
            self._try_next()
        elif self._cleared:
            self._reunite()

    def _try_next(self) -> None:
        if self._one_by_one and self._present:  # they are decoded to their ends first
            return
        self._cleared += self._present
        self._session = self._begin()
        self._resume(self._untried.pop(0))
        if self._one_by_one and not self._untried:
            self._one_by_one, self._reunions = False, 0

    def _reunite(self) -> None:
        """Decode all rows together again, because each half has been cleared."""
        self._reunions += 1
        self._one_by_one = self._reunions > IN_VAIN
        if self.joinable and self._present:
            cleared = self._take_cleared()
            self._present += cleared
            self._joining = cleared
        else:
            self._session = self._begin()
            self._resume(self._present + self._take_cleared())

    def _take_cleared(self) -> Rows:
        cleared, self._cleared = self._cleared, []
        return cleared

    def _resume(self, rows: Rows) -> None:
        self._present = list(rows)
        self._joining = list(rows)

    def _finish_set_aside(self) -> Finished:
        """Take out the rows that were stopped or abandoned while others are tried; each ends in its own session."""
        done: Finished = []
        for group in (*self._untried, self._cleared):
            ending = [row for row in group if row.is_ending]
            group[:] = [row for row in group if row not in ending]
            for row in ending:
                self._suspects.pop(id(row), None)
                done += self._finish(row)
        self._untried = [rows for rows in self._untried if rows]
        return done

    def _finish(self, row: AnyRow) -> Finished:
        if row.state is RowState.ABANDONED:
            return [(row, None)]
        try:
            return decode_step(self._begin(), [row])
        except BaseException as error:
            return [(row, failure_of(self._name, error, row))]

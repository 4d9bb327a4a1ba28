"""Faults that are made one after the other, whatever becomes of each."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.faults.fault import Fault, NotPossible
from tests.faults.tally import Tally

MOST_SECONDS = 7_200.0
"""After which a row counts as broken off, so that those after it have their turn. The longest takes a quarter."""


@dataclass(frozen=True)
class Made:
    """What became of a fault.

    Attributes:
        tally: None if the row broke off or was left out.
        seconds: how long it took.
        broke: the kind of the error with which it broke off, or nothing.
        left_out: why it cannot be made on this machine, or nothing.
    """

    fault: Fault
    tally: Tally | None
    seconds: float
    broke: str = ""
    left_out: str = ""

    @property
    def is_good(self) -> bool:
        """Whether the row came to its end, and nobody was lost or answered twice; or it cannot be made here."""
        return bool(self.left_out) or (self.tally is not None and self.tally.is_good)

    def line(self) -> str:
        """Say how it went, in a line without its name."""
        if self.left_out:
            return f"left out: {self.left_out}"
        went = "good" if self.is_good else f"broke off with {self.broke}" if self.broke else f"NOT good: {self.tally}"
        return f"{went} ({self.seconds:.1f} s)"


def make(fault: Fault, quick: bool) -> Made:
    """Make a fault as often as its row says. A row that raises an error is reported, so that the others go on."""
    began = time.perf_counter()
    try:
        tally = asyncio.run(_driven(fault, quick))
    except NotPossible as error:
        return Made(fault, None, time.perf_counter() - began, left_out=str(error))
    except (Exception, asyncio.CancelledError, BaseExceptionGroup) as error:
        return Made(fault, None, time.perf_counter() - began, _kind(error))
    return Made(fault, tally, time.perf_counter() - began)


def make_all(faults: Sequence[Fault], quick: bool) -> Iterator[Made]:
    """Make faults in turn; standard error says which one is made, and how it went."""
    for number, fault in enumerate(faults, 1):
        sys.stderr.write(f"{number}/{len(faults)} {fault.name}: {fault.sentence} … ")
        sys.stderr.flush()
        made = make(fault, quick)
        sys.stderr.write(f"{made.line()}\n")
        yield made


async def _driven(fault: Fault, quick: bool) -> Tally:
    async with asyncio.timeout(MOST_SECONDS):
        return await fault.drive(fault.quick_times if quick else fault.times)


def _kind(error: BaseException) -> str:
    """Name an error, and those of a group."""
    if isinstance(error, BaseExceptionGroup):
        return ", ".join(_kind(one) for one in error.exceptions)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__

"""Ten times as many requests as the device carries."""

from __future__ import annotations

from tests.faults.fault import Fault
from tests.faults.overload import OVERLOAD_SECONDS, overload
from tests.faults.tally import Tally

ROOM = "96"
"""Requests: few enough to be full at once on a busy machine, whose usual rate is lower, and more than are measured."""


async def _rush(times: int) -> Tally:
    tally = Tally()
    for _ in range(times):
        seen = await overload(OVERLOAD_SECONDS / 4, number=100, QUEUE_SIZE=ROOM)
        refused = len(seen.refused_in)
        tally += Tally(1, seen.asked, once=seen.accepted - seen.lost, told=refused, lost=seen.lost)
    return tally


FAULTS = [
    Fault("overload", "ten times as many requests as the device carries", _rush, slow=True),
]

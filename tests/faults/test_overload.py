"""More people ask than can be answered: each of them hears at once when to come back, or is answered."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Sequence

import pytest

from bot.inference.operations import AnyRow
from tests.discord_server import Exchange
from tests.faults.conftest import Crowded
from tests.faults.crowd.endings import EPHEMERAL, Ending, ending_of
from tests.faults.crowd.rows_in_trouble import RowTrouble, rows_in_trouble
from tests.faults.overload import Rush
from tests.timers import PATIENCE

pytestmark = pytest.mark.measured_elsewhere

ROOM = 8
SENTENCE = re.compile(r"Too many people are asking at once\. Please try again in about \d+ (second|minute)s?\.")


class HeldDevice(RowTrouble):
    """A device that computes nothing before it may go on."""

    def strike(self, rows: Sequence[AnyRow], each: float) -> None:
        assert self.go_on.wait(PATIENCE)

    go_on = threading.Event()


async def test_ten_times_as_many_as_there_is_room_for(crowded: Crowded) -> None:
    device = HeldDevice()
    with rows_in_trouble(device):
        async with crowded(queue_size=ROOM) as discord:
            device.go_on.set()
            rush = Rush(discord, random.Random(0))
            first = await rush.ask()
            await rush.answered([first])
            device.go_on.clear()
            exchanges = [discord.exchanges[await rush.ask()] for _ in range(10 * ROOM)]
            await discord.until_true(lambda: sum(map(_is_refused, exchanges)) == 9 * ROOM)
            device.go_on.set()
            await discord.until_true(lambda: all(ending_of(one, removed=False) for one in exchanges))
    endings = [ending_of(one, removed=False) for one in exchanges]
    assert endings.count(Ending.ANSWERED) == ROOM
    for one in filter(_is_refused, exchanges):
        assert SENTENCE.fullmatch(one.response["content"])
        assert one.response["flags"] & EPHEMERAL
        assert not one.edits
        assert not one.followups


def _is_refused(exchange: Exchange) -> bool:
    return exchange.acknowledged == 4

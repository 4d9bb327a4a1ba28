"""People use everything that the bot has, while rows fail: nobody is forgotten, and nothing is left behind.

How late and how large the bot becomes is for `python -m tests.faults --soak` to say, on a machine that does nothing
else.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.faults.conftest import Crowded
from tests.faults.crowd.endings import Ending
from tests.faults.crowd.people import Crowd
from tests.faults.crowd.rows_in_trouble import RowTrouble, rows_in_trouble
from tests.faults.crowd.weather import Weather
from tests.faults.soak import SEED, SOAK_SECONDS, soak
from tests.timers import PATIENCE

pytestmark = pytest.mark.measured_elsewhere


async def test_nobody_is_forgotten_and_nothing_is_left(crowded: Crowded, caplog: pytest.LogCaptureFixture) -> None:
    with rows_in_trouble(RowTrouble(failing=17, slow=23, seconds=0.05)):
        async with crowded() as discord:
            crowd, weather = Crowd(discord, random.Random(SEED), deletes=4.0), Weather(discord, random.Random(SEED))
            for number in range(10):
                weather.worsen()
                if number % 5 == 1:
                    await weather.drop()
                await crowd.ask_at_once(20)
                await crowd.settle(PATIENCE)
                await crowd.follow_up()
                await crowd.settle(PATIENCE)
            crowd.recheck()
    assert not crowd.strange
    assert sum(crowd.tally.values()) == crowd.asked
    # Of those who have not deleted their message: on a busy machine people have longer to do so.
    assert crowd.tally[Ending.ANSWERED] > (crowd.asked - crowd.tally[Ending.CANCELLED]) / 2
    assert weather.errors
    assert weather.drops
    assert crowd.tally[Ending.CANCELLED]
    unexpected = [one.getMessage() for one in caplog.records if one.name == "bot.client" and one.levelname == "ERROR"]
    assert not unexpected


@pytest.mark.slow
async def test_three_minutes(tmp_path: Path) -> None:
    seen = await soak(SOAK_SECONDS, folder=tmp_path)
    assert not seen.faults, seen.lines()
    assert seen.tally[Ending.ANSWERED] > seen.asked / 2

"""A private answer is posted for everybody once, whatever becomes of Discord's receipt."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

import pytest

from tests.discord_server import Exchange
from tests.discord_trouble import AFTER, BEFORE
from tests.faults.conftest import Crowded
from tests.faults.crowd.endings import is_whole, pressable
from tests.faults.crowd.people import COMPONENT
from tests.faults.crowd.server import CrowdedDiscord
from tests.faults.crowd.wishes import COMMAND, Wish, Wishes

pytestmark = pytest.mark.measured_elsewhere

FOLLOW_UP = r"/webhooks/\d+/[\w-]+"
PERSON = 6_000_000


async def share(discord: CrowdedDiscord, wishes: Wishes) -> Exchange:
    """Somebody asks for the feeling of a message, and shares the answer; return what comes of the press."""
    data = wishes.data(Wish(COMMAND, "Sentiment", is_menu=True))
    token = await discord.interact(COMMAND, PERSON, in_server=True, data=data)
    exchange = discord.exchanges[token]
    await discord.until_true(lambda: any(map(is_whole, exchange.edits)))
    answer: Mapping[str, Any] = {**exchange.edits[-1], "flags": exchange.response["flags"]}
    [button] = [one for one in pressable(answer) if one.get("label") == "Share"]
    press = {"component_type": 2, "custom_id": button["custom_id"]}
    message = discord.shown_message(answer, PERSON)
    token = await discord.interact(COMPONENT, PERSON, in_server=True, data=press, message=message)
    return discord.exchanges[token]


async def test_an_answer_is_shared_once(crowded: Crowded) -> None:
    async with crowded() as discord:
        wishes = Wishes(discord, random.Random(0))
        exchange = await share(discord, wishes)
        await discord.until_true(lambda: exchange.followups and exchange.edits)
        for name, trouble in {**BEFORE, **AFTER}.items():
            discord.plan_only("POST", FOLLOW_UP, trouble)
            exchange = await share(discord, wishes)
            # Either the button has gone, or the person was told.
            await discord.until_true(lambda: _is_gone(exchange) or _split(exchange)[1])  # noqa: B023
            shared, told = _split(exchange)
            assert len(shared) == (1 if trouble.processed or _is_gone(exchange) else 0), name
            assert bool(told) is not _is_gone(exchange), name


def _is_gone(exchange: Exchange) -> bool:
    """Return whether the button that shares the answer has gone, and is not only grey meanwhile."""
    return bool(exchange.edits) and '"Share"' not in json.dumps(exchange.edits[-1].get("components"))


def _split(exchange: Exchange) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """Return what was posted for everybody, and what the person alone was told."""
    shared = [one for one in exchange.followups if one.get("embeds")]
    return shared, [one for one in exchange.followups if not one.get("embeds")]

"""Who runs the application, by what Discord says of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import aiohttp
import discord
import pytest
from discord.ext import commands

from bot.errors import InvalidRequest, Refused
from bot.operating import operators
from bot.operating.operators import Operators

OWNER, ADMIN, DEVELOPER, READER, STRANGER = range(1, 6)


class Client(commands.Bot):
    """discord.py's own client, whose application a test writes."""

    def __init__(self, application: Any, **options: Any) -> None:
        super().__init__((), intents=discord.Intents.none(), **options)
        self.answer, self.asked = application, 0

    async def application_info(self) -> Any:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def of_one(person: int) -> Any:
    return SimpleNamespace(team=None, owner=SimpleNamespace(id=person))


def of_team(**roles: int) -> Any:
    members = [SimpleNamespace(id=person, role=discord.TeamMemberRole[role]) for role, person in roles.items()]
    return SimpleNamespace(team=SimpleNamespace(members=members, owner_id=OWNER), owner=SimpleNamespace(id=0))


async def is_operator(found: Operators, person: int) -> bool:
    try:
        await found.check(discord.Object(person))  # type: ignore[arg-type]
    except InvalidRequest:
        return False
    return True


async def test_the_owner_and_nobody_else() -> None:
    found = Operators(Client(of_one(OWNER)))

    assert [await is_operator(found, person) for person in (OWNER, STRANGER)] == [True, False]


async def test_a_teams_owner_admins_and_developers() -> None:
    found = Operators(Client(of_team(admin=ADMIN, developer=DEVELOPER, read_only=READER)))

    allowed = [await is_operator(found, one) for one in (OWNER, ADMIN, DEVELOPER, READER, STRANGER)]
    assert allowed == [True, True, True, False, False]


async def test_who_has_left_the_team_is_not_remembered_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(of_team(admin=ADMIN, developer=DEVELOPER))
    found = Operators(client)
    assert await is_operator(found, DEVELOPER)
    client.answer = of_team(admin=ADMIN)
    assert await is_operator(found, DEVELOPER)
    assert client.asked == 2
    monkeypatch.setattr(operators, "REMEMBERED_SECONDS", 0.0)
    assert not await is_operator(found, DEVELOPER)


async def test_nobody_is_an_operator_while_discord_does_not_say_who_is() -> None:
    client = Client(aiohttp.ClientConnectionError("secret"))
    found = Operators(client)
    with pytest.raises(Refused, match="who runs this bot") as refused:
        await found.check(discord.Object(OWNER))  # type: ignore[arg-type]
    assert "secret" not in refused.value.sentence
    client.answer = of_one(OWNER)
    assert await is_operator(found, OWNER)


async def test_whoever_makes_the_client_may_say_who() -> None:
    client = Client(of_one(OWNER), owner_ids={STRANGER})

    assert [await is_operator(Operators(client), person) for person in (OWNER, STRANGER)] == [False, True]
    assert client.asked == 0

"""The check of access: whom it lets pass, what it says to the others, and by which places and roles."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import discord
import pytest

from bot.errors import NotAllowedHere
from bot.private_answers import is_answered_privately
from bot.servers.directory import Servers
from bot.servers.features import ONES_OWN
from bot.servers.gate import WHO_DECIDES, Access, asked_by
from bot.servers.settings import ServerSettings
from bot.servers.topics.access import EVERYTHING, AccessSettings, Rule, Subject
from bot.servers.topics.answers import AnswerSettings
from tests.storage.conftest import Place

SERVER, CATEGORY, CHANNEL, THREAD, ROLE, ALICE = 1, 2, 3, 4, 6, 9


@dataclass(frozen=True)
class Channel:
    """A channel as far as access looks at one."""

    id: int = CHANNEL
    category_id: int | None = CATEGORY


@dataclass(frozen=True)
class Member:
    """A member as far as access looks at one."""

    id: int = ALICE
    _roles: tuple[int, ...] = (ROLE,)


@dataclass
class Interaction:
    """An interaction as far as access looks at one."""

    guild_id: int | None = SERVER
    channel: Any = field(default_factory=Channel)
    user: Any = field(default_factory=Member)
    extras: dict[Any, Any] = field(default_factory=dict)


def rule(subject: Subject, number: int, feature: str = "chat", *, allow: bool = False) -> Rule:
    return Rule(feature=feature, subject=subject, id=number, allow=allow)


async def servers_with(store: Any, *rules: Rule, private: bool = False) -> Servers:
    servers = Servers(store.server_settings)
    changed = {"access": AccessSettings(rules=rules), "answers": AnswerSettings(private=private)}
    await servers.change(SERVER, lambda now: now.model_copy(update=changed))
    return servers


def thread(parent: Any) -> discord.Thread:
    """A thread of #general; its parent may be unknown to this process."""
    guild: Any = SimpleNamespace(id=SERVER, _resolve_channel=lambda _: parent, get_channel=lambda _: parent)
    found = discord.Thread.__new__(discord.Thread)
    found.id, found.parent_id, found.guild = THREAD, CHANNEL, guild
    return found


def levels(*ids: int) -> tuple[frozenset[int], ...]:
    return tuple(frozenset({one}) for one in ids)


def test_places_and_persons_from_the_least_to_the_most_specific() -> None:
    asked = asked_by(SERVER, Channel(), Member())
    assert asked.places == levels(SERVER, CATEGORY, CHANNEL)
    assert asked.persons == levels(SERVER, ROLE, ALICE)


def test_a_thread_is_in_its_channel_and_its_category() -> None:
    assert asked_by(SERVER, thread(Channel()), Member()).places == levels(SERVER, CATEGORY, CHANNEL, THREAD)
    assert asked_by(SERVER, thread(None), Member()).places == levels(SERVER, CHANNEL, THREAD)


def test_what_is_only_known_by_its_id() -> None:
    asked = asked_by(SERVER, discord.Object(CHANNEL), discord.Object(ALICE))
    assert asked.places == levels(SERVER, CHANNEL)
    assert asked.persons == (frozenset({SERVER}), frozenset(), frozenset({ALICE}))
    assert asked_by(SERVER, None, Member()).places == levels(SERVER)


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ([rule(Subject.PLACE, CHANNEL)], "/chat is switched off here for this channel."),
        ([rule(Subject.ROLE, ROLE)], "/chat is switched off here for your roles, or for you."),
        (
            [rule(Subject.PLACE, CHANNEL, allow=True), rule(Subject.MEMBER, ALICE)],
            "/chat is switched off here for your roles, or for you.",
        ),
    ],
)
async def test_a_refusal_says_what_for_whom_and_who_can_change_it(
    sqlite: Place, rules: list[Rule], sentence: str
) -> None:
    async with sqlite.open() as store:
        access = Access(await servers_with(store, *rules))
        interaction: Any = Interaction()
        for check in (access.check, access.enter):
            with pytest.raises(NotAllowedHere) as refused:
                await check("chat", interaction)
            assert refused.value.sentence == f"{sentence} {WHO_DECIDES}"
        for feature in ("fill", "settings", ONES_OWN):
            await access.enter(feature, interaction)


async def test_what_is_no_command_is_called_by_its_name(sqlite: Place) -> None:
    async with sqlite.open() as store:
        access = Access(await servers_with(store, rule(Subject.PLACE, SERVER, EVERYTHING)))
        interaction: Any = Interaction()
        with pytest.raises(NotAllowedHere) as refused:
            await access.check("flag reactions", interaction)
        assert refused.value.sentence.startswith("Flag reactions is switched off here")
        await access.check("settings", interaction)  # or nobody could undo the rule


async def test_outside_servers_everything_is_allowed(sqlite: Place) -> None:
    async with sqlite.open() as store:
        access = Access(await servers_with(store, rule(Subject.PLACE, SERVER, EVERYTHING), private=True))
        interaction: Any = Interaction(guild_id=None)
        await access.check("chat", interaction)
        await access.enter("chat", interaction)
        assert not is_answered_privately(interaction)


@pytest.mark.parametrize("private", [True, False])
async def test_answers_are_private_where_the_server_wants_it(sqlite: Place, private: bool) -> None:
    async with sqlite.open() as store:
        servers = await servers_with(store, private=private)
        assert (await servers.settings(SERVER)) != ServerSettings() or not private
        for feature in ("chat", ONES_OWN):
            interaction: Any = Interaction()
            await Access(servers).enter(feature, interaction)
            assert is_answered_privately(interaction) is private


async def test_messages_are_checked_by_their_channel_and_author(sqlite: Place) -> None:
    async with sqlite.open() as store:
        access = Access(await servers_with(store, rule(Subject.PLACE, CHANNEL), rule(Subject.ROLE, ROLE, "fill")))
        guild, other = discord.Object(SERVER), Channel(5, None)
        said: Any = SimpleNamespace(guild=guild, channel=Channel(), author=Member())
        elsewhere: Any = SimpleNamespace(guild=guild, channel=other, author=Member())
        anyone: Any = SimpleNamespace(guild=guild, channel=Channel(), author=Member(10, ()))
        found = [[await access.allows(name, one) for one in (said, elsewhere, anyone)] for name in ("chat", "fill")]
        assert found == [[False, True, False], [False, False, True]]
        assert await access.allows_in("chat", None, Channel(), Member())

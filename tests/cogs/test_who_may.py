"""Everything in the command tree, used by everybody, everywhere: who is answered, and who is told why not.

What to expect is read from the tree and from `bot/servers/needs.py`, which also make `docs/COMMANDS-TABLE.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from discord import app_commands

from bot.servers.features import ALWAYS_ALLOWED, feature_of
from bot.servers.needs import COMMANDS, MENUS, WHO_MANAGES_FORUMS, WHO_READS
from bot.servers.topics.access import EVERYTHING, AccessSettings, Rule, Subject
from tests.cogs.conftest import OpenScene, Scene
from tests.cogs.forum import Forum
from tests.cogs.people import ABROAD, PLACES, everybody, forbid_history, place_for, use
from tests.cogs.test_batch import FILE, ROWS
from tests.cogs.test_commands import COMMANDS as OPTIONS
from tests.cogs.test_compare import TEXT, fetched
from tests.cogs.test_mood import LABELS, write
from tests.cogs.test_status import make_owner
from tests.command_table import commands, leaves, who_may
from tests.support import with_extras
from tests.test_next_steps import NEXT

FURTHER: Mapping[str, Mapping[str, Any]] = {
    "batch": {"file": (FILE, ROWS), "command": "sentiment"},
    "compare": {"text": TEXT, "command": "sentiment"},
    "forum-tags dry-run": {},
    "forum-tags report": {},
    "forum-tags setup": {},
    "guess": {"text": TEXT},
    "help": {},
    "language": {},
    "models": {},
    "mood": {},
    "privacy": {},
    "settings": {},
    "status": {},
    "topics": {"labels": LABELS},
}
"""The options of commands that `tests.cogs.test_commands` has none for. A new command needs some here, or there."""
IN_A_FORUM = "forum-tags"
"""Commands with this beginning are used with the option `forum`, in servers."""

ALL = frozenset({"member", "without", "prohibited", "moderator", "owner", "operator"})
WHO: Mapping[str, frozenset[str]] = {
    "everybody": ALL,
    "Manage Server, checked again at every click": frozenset({"moderator", "owner"}),
    WHO_MANAGES_FORUMS: frozenset({"moderator", "owner"}),
    "Owners of the application, and its team": frozenset({"operator"}),
    WHO_READS: ALL - {"without"},
}
"""Who is meant, by the words of the table."""
ACCOUNT = 1
"""Discord's number of a place where commands are installed to."""
SWITCHED_OFF = "is switched off here for your roles, or for you."


@dataclass(frozen=True)
class Claim:
    """What the table says of a command or a menu.

    Attributes:
        contexts: where Discord offers it, by its numbers.
        for_accounts: whether people who have installed it to their account have it in any server.
        has_rule: whether servers can prohibit it.
    """

    name: str
    is_menu: bool
    who: frozenset[str]
    contexts: frozenset[int]
    for_accounts: bool
    has_rule: bool

    def is_offered(self, place: str) -> bool:
        """Return whether Discord offers it in a place."""
        return PLACES[place] in self.contexts and (place != ABROAD or self.for_accounts)

    def refuses(self, person: str, place: str) -> bool:
        """Return whether somebody is told why not."""
        reads_there = self.who == WHO[WHO_READS] and place == ABROAD  # where the bot can't
        return person not in self.who or reads_there or self.prohibits(person, place)

    def prohibits(self, person: str, place: str) -> bool:
        """Return whether the server's rule is about somebody."""
        return place == "server" and person == "prohibited" and self.has_rule


async def claims() -> dict[str, Claim]:
    """Read the rows of the table, by the names of commands and menus."""
    tree, known = await commands()
    found = {}
    for root in known:
        registered: Mapping[str, Any] = root.to_dict(tree)
        contexts, for_accounts = frozenset(registered["contexts"]), ACCOUNT in registered["integration_types"]
        has_rule = feature_of(root) not in ALWAYS_ALLOWED
        is_menu = isinstance(root, app_commands.ContextMenu)
        for name in [root.name] if is_menu else [leaf.qualified_name for leaf in leaves(root)]:
            who = WHO[who_may(registered, (MENUS if is_menu else COMMANDS)[name])]
            found[name] = Claim(name, is_menu, who, contexts, for_accounts, has_rule)
    return found


def refusal_in(result: Any) -> str | None:
    """Return the sentence that says why there is no answer; None if there is one."""
    message = (result.followups or [result.response])[-1]
    assert message is not None, "nothing was said"
    if message.embeds or message.components or message.attachments:
        return None
    assert message.ephemeral, message.content
    assert not (result.followups and result.response), "a public trace stays"
    return str(message.content)


def options_for(name: str, place: str, forum: Forum) -> dict[str, Any]:
    options = dict(OPTIONS[name] if name in OPTIONS else FURTHER[name])
    if name.startswith(IN_A_FORUM) and place == "server":
        options["forum"] = forum.handle
    return options


async def check(scene: Scene, claim: Claim, people: Mapping[str, Any], forum: Forum) -> None:
    """Everybody uses a command in every place."""
    for place in PLACES:
        # Outside of servers, nobody has permissions.
        for person in sorted(people) if place == "server" else ("member", "operator"):
            channel = place_for(scene, people[person], place)
            options = {} if claim.is_menu else options_for(claim.name, place, forum)
            result = await use(scene, people[person], channel, claim.name, is_menu=claim.is_menu, **options)
            refused = refusal_in(result)
            case = f"{claim.name}: {person} in a {place}: {refused}"
            scene.env.errors.clear()
            if not claim.is_offered(place) and not claim.refuses(person, place):
                # Discord does not offer it there, but anybody can send anything.
                assert refused or result.ephemeral, case
            else:
                assert bool(refused) is claim.refuses(person, place), case
            if refused is not None:
                assert NEXT.search(refused), case
                assert (SWITCHED_OFF in refused) is claim.prohibits(person, place), case


async def test_every_command_has_a_case() -> None:
    """For a new command, add options to `FURTHER`, or to those in test_commands.py; for new words, people to `WHO`."""
    assert set(await claims()) == {*OPTIONS, *FURTHER, *MENUS}


@pytest.mark.parametrize("name", [*COMMANDS, *MENUS])
async def test_who_may(
    open_scene: OpenScene,
    course: Any,
    checkpoints: Mapping[str, Path],
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.tasks.chat.MOST_NEW_TOKENS", 4)
    claim = (await claims())[name]
    preset = with_extras(course, checkpoints["bert_sentiment"])
    async with open_scene(preset, message_content=True) as scene:
        if name == "compare":
            await fetched(scene)
        people = everybody(scene)
        make_owner(scene, people["operator"])
        forbid_history(scene, people["without"])
        prohibited = Rule(feature=EVERYTHING, subject=Subject.MEMBER, id=people["prohibited"].id, allow=False)
        rules = AccessSettings(rules=(prohibited,))
        await scene.bot.servers.change(scene.guild.id, lambda now: now.model_copy(update={"access": rules}))
        write(scene, 40 if claim.who is WHO[WHO_READS] else 1)
        forum = await Forum.open(scene)
        await forum.post(scene.alice, "It crashes")
        await check(scene, claim, people, forum)


@pytest.mark.parametrize("person", ["member", "without"])
async def test_the_last_messages_are_for_those_who_may_read_them(open_scene: OpenScene, person: str) -> None:
    """The only option that needs a permission."""
    async with open_scene(message_content=True) as scene:
        people = everybody(scene)
        forbid_history(scene, people["without"])
        write(scene, 4)
        channel = place_for(scene, people[person], "server")
        result = await use(scene, people[person], channel, "summarize", messages=4)
        refused = refusal_in(result)
        assert (refused is None) is (person == "member")
        if refused is not None:
            assert NEXT.search(refused)
        scene.env.errors.clear()

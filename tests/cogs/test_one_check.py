"""Whatever reaches the bot passes the one check of access, `bot.servers.gate.Access`.

Each kind of way in is listed completely and then tried with everything prohibited, so that a new handler that goes
around the check fails here.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from discord import app_commands

from bot.client import Glassbox, Tree
from bot.inference.requests import Request
from bot.replies.components.buttons import Action
from bot.replies.components.press import Component
from bot.servers.features import ALWAYS_ALLOWED, ONES_OWN, MessageFeature, feature_of
from bot.servers.gate import Access
from bot.servers.topics.access import EVERYTHING
from bot.servers.topics.chat import ChatSettings
from bot.storage.maintenance import Notice
from bot.tasks.attention import AttentionRequest
from bot.tasks.chat import ChatRequest
from bot.tasks.complete import CompleteRequest
from bot.tasks.generate import GenerateRequest
from bot.tasks.guess import GuessRequest
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.translate import TranslateRequest
from bot.tasks.work.request import WorkRequest
from tests.cogs.conftest import OpenScene, Scene
from tests.cogs.forum import ALWAYS, Forum
from tests.cogs.mentioning import at
from tests.cogs.test_access_changes import prohibit, set_topics
from tests.cogs.test_flags import GERMANY, flagged, reactions

ROOT = Path(__file__).parents[2]
WAYS_IN: Mapping[str, frozenset[str]] = {
    # What discord.py calls when somebody uses something.
    r"def (?:callback|on_submit)\(": frozenset({"bot/replies/components/press.py"}),
    r"def interaction_check\(": frozenset({"bot/client.py", "bot/replies/components/press.py"}),
    r"def on_interaction\b": frozenset({"bot/client.py"}),
    r"\.callback = |\bui\.(?:button|select)\(|\.add_view\(|\b(?:bot|client)\.wait_for\(": frozenset(),
    r"(?m)^class \w+\((?:discord\.)?(?:ui\.)?(?:View|LayoutView|Modal)\b": frozenset(),
    r"_action_handlers\b": frozenset({"bot/client.py"}),
    # A command that is run by a button, after a check of its own.
    r"\bcommand\.callback\(": frozenset({"cogs/help.py"}),
    # What hears events: connections, and an interaction as it arrives.
    r"add_listener\(": frozenset({"bot/operating/gateway.py"}),
    r"parsers\[\w+\] = ": frozenset({"bot/pending_interactions.py", "bot/sharding/events.py"}),
}
"""Patterns of what could go around the check, with the files that may have it."""

ASKS, UPKEEP = "people are answered", "nobody is"
LISTENERS: Mapping[tuple[str, str], str] = {
    ("Mentions", "on_message"): ASKS,
    ("Status", "on_message_in_maintenance"): ASKS,
    ("Flags", "on_raw_reaction_add"): ASKS,
    ("ForumTags", "on_thread_create"): ASKS,
    ("ForumTags", "on_shard_ready"): ASKS,
    ("ForumTags", "on_guild_available"): ASKS,
    ("ForumTags", "on_raw_thread_update"): UPKEEP,
    ("ForumTags", "on_raw_thread_delete"): UPKEEP,
    ("ForumTags", "on_guild_channel_delete"): UPKEEP,
    ("Mentions", "on_raw_message_delete"): UPKEEP,
    ("Mentions", "on_raw_bulk_message_delete"): UPKEEP,
    ("Flags", "on_connect"): UPKEEP,
    ("Flags", "on_raw_message_delete"): UPKEEP,
    ("Flags", "on_raw_bulk_message_delete"): UPKEEP,
    ("Settings", "on_ready"): UPKEEP,
    ("Settings", "on_guild_remove"): UPKEEP,
    ("Settings", "on_guild_join"): UPKEEP,
}
"""What cogs hear of. One with which people are answered needs a case in `stimuli`."""
FREE = {
    "settings": {"settings", "settings-prompt"},
    "privacy": {"privacy", "privacy-export", "privacy-ask-to-erase", "privacy-erase", "privacy-opt-out"},
    "help": {"help-look", "help-try", "help-report", "help-send-report"},
    "language": {"language"},
    "status": {"status-page", "status-load", "status-unload", "status-begin", "status-end"},
    ONES_OWN: {"batch-stop", "batch-cancel", "forum-add", "forum-dismiss", "forum-undo"},
}
"""The actions that no rule is about, by their features. Stop, under a text that is being written, is another."""
KEPT: Mapping[type[Request[Any]], Request[Any]] = {
    Request: SentimentRequest("I love apples"),
    WorkRequest: WorkRequest.of(SentimentRequest("I love apples")),
    GenerateRequest: GenerateRequest("Once"),
    CompleteRequest: CompleteRequest("x = 1"),
    ChatRequest: ChatRequest("Hello", 1, "Alice"),
    AttentionRequest: AttentionRequest("I love apples"),
    TranslateRequest: TranslateRequest("I love apples", "de", "en"),
    GuessRequest: GuessRequest.of(SentimentRequest("I love apples")),
}
"""A request for each kind that is kept behind components."""


def test_there_is_no_other_way_in() -> None:
    sources = {path.relative_to(ROOT).as_posix(): path.read_text() for path in _sources()}
    for pattern, allowed in WAYS_IN.items():
        found = {name for name, text in sources.items() if re.search(pattern, text)}
        assert found == allowed, pattern


def _sources() -> list[Path]:
    return [*(ROOT / "bot").rglob("*.py"), *(ROOT / "cogs").rglob("*.py")]


async def test_every_handler_says_what_must_be_allowed(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        bot = scene.bot
        assert type(bot.tree) is Tree
        for component in bot._components:
            assert component.callback is Component.callback
            assert component.interaction_check is Component.interaction_check
        features = {feature_of(command) for command in bot.tree.get_commands()} | set(MessageFeature)
        free: dict[str, set[str]] = {}
        for action in bot._action_handlers:
            feature = bot._features.get(action)
            if feature in ALWAYS_ALLOWED or feature == ONES_OWN:
                free.setdefault(feature, set()).add(action)
            else:
                assert bot._kept[action] in KEPT if feature is None else feature in features, action
        assert free == FREE
        with pytest.raises(ValueError, match="new"):
            bot.handle(Action("new", "New"), _never)
        listeners = {(cog.__class__.__name__, name) for cog in bot.cogs.values() for name, _ in cog.get_listeners()}
        assert listeners == set(LISTENERS)


async def _never(*_: Any) -> None:
    raise AssertionError("the handler of something prohibited was called")


async def test_no_command_no_suggestion_and_no_press_passes(
    open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that nobody has thought of yet."""
    async with open_scene() as scene:
        scene.bot.tree.add_command(_newest())
        await scene.bot.tree.sync()
        await prohibit(scene, EVERYTHING)
        refused = await scene.alice.slash(scene.channel, "newest", word="x")
        assert "/newest is switched off here" in refused.response.content
        scene.env.errors.clear()
        assert await scene.alice.autocomplete(scene.channel, "newest", "word", "x") == []
        assert await scene.alice.autocomplete(scene.channel, "models", "checkpoint", "") == []
        assert await scene.alice.autocomplete(scene.channel, "help", "command", "ment")

        seen = await _an_interaction(scene, monkeypatch)
        ids = {kind: await scene.store.keep(one, person=scene.alice.id) for kind, one in KEPT.items()}
        called, told = _record_handlers(scene.bot, monkeypatch), list[str]()

        async def tell(interaction: Any, sentence: str, **_: Any) -> None:
            told.append(sentence)

        monkeypatch.setattr("bot.client.tell", tell)
        for action in scene.bot._action_handlers:
            kept = scene.bot._kept[action]
            await scene.bot.perform(seen, action, None if kept is None else ids[kept])
        assert set(called) == set().union(*FREE.values())
        assert len(told) == len(scene.bot._action_handlers) - len(called)
        assert all("is switched off here" in sentence for sentence in told)
        called.clear()
        await prohibit(scene)
        for action in scene.bot._action_handlers:
            kept = scene.bot._kept[action]
            await scene.bot.perform(seen, action, None if kept is None else ids[kept])
        assert set(called) == set(scene.bot._action_handlers)


def _newest() -> app_commands.Command[Any, ..., Any]:
    """A command that no list names."""

    @app_commands.command(name="newest", description="Newest")
    async def newest(interaction: Any, word: str) -> None:
        await _never()

    @newest.autocomplete("word")
    async def words(interaction: Any, typed: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name="secret", value="secret")]

    return newest


async def _an_interaction(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An interaction of Alice's in the server, answered already."""
    seen: list[Any] = []
    enter = Access.enter

    async def note(access: Access, feature: str, interaction: Any) -> None:
        seen.append(interaction)
        await enter(access, feature, interaction)

    with monkeypatch.context() as patch:
        patch.setattr(Access, "enter", note)
        await scene.alice.slash(scene.channel, "help")
    return seen[0]


def _record_handlers(bot: Glassbox, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have every handler do nothing; gives a list that their actions will be in."""
    called: list[str] = []

    def recorder(action: str) -> Callable[..., Awaitable[None]]:
        async def record(*_: Any) -> None:
            called.append(action)

        return record

    monkeypatch.setattr(bot, "_action_handlers", {action: recorder(action) for action in bot._action_handlers})
    return called


async def test_nothing_that_is_heard_of_is_answered(open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages, also during a maintenance, reactions, and posts, also those of an absence."""
    monkeypatch.setattr("bot.tasks.chat.MOST_NEW_TOKENS", 2)
    async with open_scene(message_content=True) as scene:
        forum = await Forum.open(scene)
        await set_topics(scene, chat=ChatSettings(mentions=True))
        await scene.bot.servers.change(scene.guild.id, reactions())
        await forum.set(bug=ALWAYS, question=ALWAYS, idea=ALWAYS)
        stimuli = _stimuli(scene, forum)
        assert len(stimuli) + 1 == sum(way == ASKS for way in LISTENERS.values())  # shards are ready as servers are
        for name, stimulus in stimuli.items():
            assert await _written_by(scene, stimulus), name
        await prohibit(scene, EVERYTHING)
        for name, stimulus in stimuli.items():
            assert not await _written_by(scene, stimulus), name


def _stimuli(scene: Scene, forum: Forum) -> Mapping[str, Callable[[], Awaitable[Any]]]:
    async def in_maintenance() -> None:
        await scene.bot.maintenance.begin(Notice("a new disk", None))
        unheard_of = scene.guild.create_text_channel("another")  # nobody is told twice in one
        await scene.alice.send(unheard_of, at(scene, "Hello"))
        await scene.bot.maintenance.end()

    async def after_an_outage() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("bot.forums.tagger.Tagger.welcome", _never_mind)
            thread = await forum.post(scene.alice, "It crashes again")
        guild: Any = scene.bot.get_guild(scene.guild.id)
        assert guild.get_thread(thread.id) is not None
        cog: Any = scene.bot.cogs["ForumTags"]
        await cog.on_guild_available(guild)
        await scene.until(lambda: not len(cog._tagger._line))

    return {
        "message": lambda: scene.alice.send(scene.channel, at(scene, "Hello")),
        "message in a maintenance": in_maintenance,
        "reaction": lambda: flagged(scene, GERMANY),
        "post": lambda: forum.post(scene.alice, "It crashes"),
        "post of an outage": after_an_outage,
    }


async def _never_mind(*_: Any) -> None:
    """A post is created while the bot is away."""


async def _written_by(scene: Scene, stimulus: Callable[[], Awaitable[Any]]) -> int:
    """How many calls of the bot change something at Discord when something happens."""
    before = len(scene.env.http_requests)
    await stimulus()
    await scene.env.settle()
    return sum(one.method != "GET" for one in scene.env.http_requests[before:])

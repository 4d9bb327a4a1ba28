"""`/settings`, and what it changes, as different people meet it."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import discord
import pytest
import simcord
from simcord import interactions
from simcord.backend import serializers
from simcord.backend.errors import SetupError
from simcord.components import walk_components
from sqlalchemy import text as sa_text

from bot.errors import SettingsUnknown, ShuttingDown
from bot.replies.components.genuine import PRIVATE
from bot.replies.settings.page import NotSaved, OutdatedPage
from bot.replies.settings.pages import PAGES
from bot.servers.features import MessageFeature
from bot.servers.settings import ServerSettings
from bot.servers.topics.access import EVERYTHING, Rule, Subject
from bot.servers.topics.answers import AnswerSettings
from bot.servers.topics.quotas import DAY, Quota, QuotaSettings
from cogs.settings import MANAGERS_ONLY
from tests.cogs.conftest import BUTTON, MESSAGE_COMPONENT, OpenScene, Scene

SELECT, MODAL_SUBMIT = 3, 5
MANAGER = discord.Permissions(manage_guild=True, view_channel=True, send_messages=True)


@dataclass
class Page:
    """The page of `/settings` that a moderator has opened."""

    scene: Scene
    moderator: Any
    message: Any = field(default=None)

    async def open(self) -> Page:
        result = await self.moderator.slash(self.scene.channel, "settings")
        assert result.ephemeral
        self.message = result.response
        return self

    async def turn_to(self, topic: str) -> None:
        await self.select("topic:topic::", topic)

    async def select(self, custom_id: str, *values: Any) -> Any:
        return await self.moderator.select(self.message, list(values), custom_id=f"glassbox-settings:{custom_id}")

    async def click(self, custom_id: str) -> Any:
        return await self.moderator.click(self.message, custom_id=f"glassbox-settings:{custom_id}")

    async def forge(self, who: Any, custom_id: str, *values: str) -> str:
        """Somebody sends a press of a component that was never offered; gives the sentence that they read."""
        kind = SELECT if values else BUTTON
        backend = self.scene.env.backend
        message = dict(
            serializers.message_payload(backend, backend.get_message(self.message.channel_id, self.message.id))
        )
        forged: dict[str, Any] = {"type": kind, "custom_id": custom_id, "id": 90}
        forged |= (
            {"options": [{"label": one, "value": one} for one in values]} if values else {"style": 1, "label": "x"}
        )
        # First, because the page may have a component of the same id, with what it really offers.
        message["components"] = [{"type": 1, "id": 91, "components": [forged]}, *message["components"]]
        data = {"custom_id": custom_id, "component_type": kind} | ({"values": list(values)} if values else {})
        return await self._send(who, MESSAGE_COMPONENT, data, message=message)

    async def forge_modal(self, who: Any, custom_id: str, text: str) -> str:
        """Somebody submits a modal that was never shown; gives the sentence that they read."""
        field = {"type": 4, "id": 2, "custom_id": "texts", "value": text}
        return await self._send(
            who, MODAL_SUBMIT, {"custom_id": custom_id, "components": [{"type": 18, "id": 1, "component": field}]}
        )

    async def _send(self, who: Any, kind: int, data: dict[str, Any], **more: Any) -> str:
        scene = self.scene
        record, payload = interactions.base_payload(
            scene.env.backend,
            type=kind,
            channel_id=scene.channel.id,
            guild_id=scene.guild.id,
            user_id=who.id,
            data=data,
        )
        if "message" in more:
            record.source_message_id = self.message.id
        scene.env.backend.emit("INTERACTION_CREATE", payload | more)
        await scene.env.settle()
        result = simcord.InteractionResult(scene.env, record)
        [said] = [one.content for one in (result.response, *result.followups) if one is not None and one.content]
        return str(said)

    async def now(self) -> ServerSettings:
        """Return what the server has set."""
        return await self.scene.bot.servers.settings(self.scene.guild.id)

    def components(self) -> list[dict[str, Any]]:
        stored = self.scene.env.backend.get_message(self.message.channel_id, self.message.id)
        return list(walk_components(stored.components))

    def text(self) -> str:
        return "\n".join(one["content"] for one in self.components() if "content" in one)

    def chosen(self, custom_id: str) -> list[str]:
        """Return what is chosen in a menu."""
        [menu] = [one for one in self.components() if one.get("custom_id") == f"glassbox-settings:{custom_id}"]
        if "options" in menu:
            return [option["value"] for option in menu["options"] if option.get("default")]
        return [str(one["id"]) for one in menu.get("default_values", ())]

    def is_valid(self) -> bool:
        """Return whether Discord takes the page."""
        components = self.components()
        ids = [one["custom_id"] for one in components if "custom_id" in one]
        return (
            len(components) <= 40
            and len(ids) == len(set(ids))
            and len(self.text()) <= 4_000
            and all(len(one) <= 100 for one in ids)
            and all(len(one.get("options", [1])) in range(1, 26) for one in components)
        )


OpenPage = Callable[..., Any]


@pytest.fixture
def open_page(open_scene: OpenScene, make_preset: Any) -> OpenPage:
    """Open a scene with a moderator, who has opened `/settings`."""

    @asynccontextmanager
    async def open_page(**options: Any) -> AsyncIterator[Page]:
        async with open_scene(make_preset(sentiment="distilbert", translate="t5"), **options) as scene:
            role = scene.guild.create_role("Moderators", permissions=MANAGER)
            moderator = scene.guild.add_member(scene.env.create_user("mod"), roles=[role])
            yield await Page(scene, moderator).open()

    return open_page


async def set_up(scene: Scene, **topics: Any) -> None:
    """Set some topics of the server."""
    await scene.bot.servers.change(scene.guild.id, lambda now: now.model_copy(update=topics))


def rule(allow: bool, identity: int, feature: str = EVERYTHING, subject: Subject = Subject.PLACE) -> Rule:
    return Rule(feature=feature, subject=subject, id=identity, allow=allow)


async def test_every_page_is_shown_and_changed_and_survives_a_restart(open_page: OpenPage) -> None:
    async with open_page() as page:
        scene, guild = page.scene, page.scene.guild
        for topic in PAGES:
            await page.turn_to(topic.name)
            assert page.text().startswith(f"## Settings: {topic.title}\n")
            assert page.chosen("topic:topic::") == [topic.name]
            assert page.is_valid()

        await page.turn_to("answers")
        assert "everybody in the channel sees the answers" in page.text()
        await page.click("answers:private::on")
        assert "only the person who asks sees the answers.\n-# Set for this server" in page.text()
        await page.select("answers:language::", "fr")
        assert "**Language: French (français)**" in page.text()
        await scene.restart()
        await page.select("answers:language::", "de")
        await page.click("answers:private::off")
        assert (await page.now()).answers == AnswerSettings(language="de")
        assert page.chosen("answers:language::") == ["de"]
        await page.select("answers:language::", "discord")
        assert "**Language: English**" in page.text()
        assert "-# Discord's setting of this server" in page.text()

        await page.turn_to("retention")
        await page.select("retention:days::", "7")
        assert "**Kept for 7 days.**\n-# Set for this server" in page.text()
        await page.select("retention:days::", "default")
        assert "**Kept for 30 days.**\n-# The bot's default" in page.text()

        await page.turn_to("quotas")
        students = guild.create_role("Students")
        await page.select("quotas:answers::", "20")
        await page.select("quotas:period::", str(DAY))
        await page.select("quotas:role::", students)
        assert f"**<@&{students.id}>:** as everybody" in page.text()
        await page.select(f"quotas:answers:{students.id}:", "none")
        assert f"- <@&{students.id}>: no quota" in page.text()
        await page.select(f"quotas:answers:{students.id}:", "100")
        quotas = QuotaSettings(everybody=Quota(answers=20, seconds=DAY), roles={students.id: Quota(answers=100)})
        assert (await page.now()).quotas == quotas
        assert page.chosen(f"quotas:answers:{students.id}:") == ["100"]
        assert page.is_valid()
        await page.select(f"quotas:answers:{students.id}:", "everybody")
        await page.select("quotas:role::")
        await page.select("quotas:answers::", "none")
        assert (await page.now()).quotas == QuotaSettings()


async def test_chat_and_its_system_prompts(open_page: OpenPage) -> None:
    async with open_page() as page:
        scene, bots = page.scene, page.scene.guild.create_text_channel("bots")
        await page.turn_to("chat")
        for name in ("mentions::off", "threads::on", "other-bots::on"):
            await page.click(f"chat:{name}")
        shown = await page.click("chat:prompt::")
        await page.moderator.submit_modal(shown, {"texts": "Be *brief*.\nBe kind."})
        assert "**In this server**\n-# Set for this server\n> Be \\*brief\\*.\n> Be kind." in page.text()
        await page.select("chat:channel::", bots)
        assert f"**In <#{bots.id}>**\n-# Set for this server\n> Be" in page.text()
        await scene.restart()
        shown = await page.click(f"chat:prompt:{bots.id}:")
        await page.moderator.submit_modal(shown, {"texts": "Talk like a pirate."})
        assert f"**In <#{bots.id}>**\n-# Set for <#{bots.id}>\n> Talk like a pirate." in page.text()
        await page.click(f"chat:threads:{bots.id}:off")
        assert f"**In <#{bots.id}>**" in page.text()  # the page is still about it

        chat = (await page.now()).chat
        assert (chat.mentions, chat.threads, chat.other_bots) == (False, False, True)
        assert (chat.system_prompt, chat.channel_prompts) == ("Be *brief*.\nBe kind.", {bots.id: "Talk like a pirate."})
        assert page.is_valid()
        shown = await page.click(f"chat:prompt:{bots.id}:")
        await page.moderator.submit_modal(shown, {"texts": " "})
        assert (await page.now()).chat.channel_prompts == {}


async def test_access_rules_are_made_and_hold(open_page: OpenPage) -> None:
    async with open_page() as page:
        scene, guild = page.scene, page.scene.guild
        bots, guests = guild.create_text_channel("bots"), guild.create_role("Guests")
        carol = guild.add_member(scene.env.create_user("carol"), roles=[guests])
        await page.turn_to("access")
        assert "Here, for you: allowed\n-# No rule" in page.text()
        await page.select("access:feature::", "sentiment")
        await page.select("access:places-others:sentiment:", "prohibited")
        await page.select("access:places-allowed:sentiment:", bots)
        await page.select("access:roles-denied:sentiment:", guests)
        assert (
            "Here, for you: **not allowed**\n-# Because of the rule about `sentiment` for all other channels"
            in page.text()
        )
        assert page.chosen("access:places-others:sentiment:") == ["prohibited"]
        assert page.chosen("access:places-allowed:sentiment:") == [str(bots.id)]
        assert page.is_valid()
        assert set((await page.now()).access.rules) == {
            rule(False, guild.id, "sentiment"),
            rule(True, bots.id, "sentiment"),
            rule(False, guests.id, "sentiment", Subject.ROLE),
        }
        answered = await scene.alice.slash(bots, "sentiment", text="I love apples")
        assert answered.response.embeds
        refusals = [
            await one.slash(channel, "sentiment", text="x")
            for one, channel in ((scene.alice, scene.channel), (carol, bots))
        ]
        assert [(one.ephemeral, one.deferred) for one in refusals] == [(True, False)] * 2
        assert "/sentiment is switched off here for this channel." in refusals[0].response.content
        assert "/sentiment is switched off here for your roles, or for you." in refusals[1].response.content

        # The same channel in the opposite list moves there.
        await page.select("access:places-denied:sentiment:", bots)
        assert page.chosen("access:places-allowed:sentiment:") == []
        # What has been answered is not opened any more, at use.
        pressed = await scene.alice.click(answered.response, label="Show the work")
        assert "/sentiment is switched off here" in pressed.response.content

        await page.select("access:feature::", EVERYTHING)
        await page.select(f"access:members-denied:{EVERYTHING}:", carol)
        assert not await scene.bot.access.allows_in(
            MessageFeature.MENTIONS, discord.Object(guild.id), scene.channel, carol
        )
        assert await scene.bot.access.allows_in(
            MessageFeature.MENTIONS, discord.Object(guild.id), scene.channel, scene.bob
        )
        await page.select(f"access:members-denied:{EVERYTHING}:")
        assert len((await page.now()).access.rules) == 3


async def test_who_may_not_see_and_change_settings(open_page: OpenPage) -> None:
    async with open_page() as page:
        scene = page.scene
        with pytest.raises(SetupError):  # Discord does not even offer the command
            await scene.alice.slash(scene.channel, "settings")
        for custom_id, values in (
            ("glassbox-settings:answers:private::on", ()),
            ("glassbox-settings:topic:topic::", ("access",)),
            ("glassbox-settings:quotas:answers::", ("1",)),
        ):
            assert await page.forge(scene.alice, custom_id, *values) in {str(MANAGERS_ONLY), str(PRIVATE)}
        assert await page.forge_modal(scene.alice, "glassbox-settings-prompt:", "Obey me.") == str(MANAGERS_ONLY)
        assert await page.now() == ServerSettings()

        # A moderator who has lost the permission since.
        scene.env.backend.get_guild(scene.guild.id).members[page.moderator.id].role_ids.clear()
        assert await page.forge(page.moderator, "glassbox-settings:answers:private::on") == str(MANAGERS_ONLY)
        assert await page.now() == ServerSettings()


FORGED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("answers:private::maybe", ()),
    ("answers:language::", ("tlh",)),
    ("nothing:private::on", ()),
    ("topic:topic::", ("nothing",)),
    ("answers:nothing::on", ()),
    ("access:places-others:nothing:", ("prohibited",)),
    ("access:places-others:settings:", ("prohibited",)),
    ("access:places-others:*:", ("often",)),
    ("access:nothing:*:", ("1",)),
    ("quotas:answers::", ("-1",)),
    ("quotas:answers::", ("99999",)),
    ("quotas:period::", ("0",)),
    ("quotas:answers:123:", ("10",)),
    ("quotas:nothing::", ("10",)),
    ("chat:nothing::on", ()),
    ("chat:prompt:123:", ()),
    ("reactions:translate::on", ()),  # the operator has not switched the intent on
    ("forum-tags:nothing::on", ()),
    ("retention:days::", ("0",)),
    ("retention:days::", ("3650",)),
)


async def test_what_was_never_offered_changes_nothing(open_page: OpenPage) -> None:
    async with open_page() as page:
        for custom_id, values in FORGED:
            told = await page.forge(page.moderator, f"glassbox-settings:{custom_id}", *values)
            assert told == str(OutdatedPage.SENTENCE), custom_id
        elsewhere = await page.forge(page.moderator, "glassbox-settings:access:places-denied:*:", "123456789012345678")
        assert elsewhere.startswith("I cannot see one of these.")
        for custom_id, text in (("123", "x"), ("", "x" * 2_001), ("abc", "")):
            told = await page.forge_modal(page.moderator, f"glassbox-settings-prompt:{custom_id}", text)
            assert told == str(OutdatedPage.SENTENCE)
        assert await page.now() == ServerSettings()
        page.scene.env.errors.clear()


async def test_if_it_cannot_be_saved_the_page_shows_what_holds(open_page: OpenPage) -> None:
    async with open_page() as page:
        await page.turn_to("answers")
        await page.click("answers:private::on")
        database = page.scene.store.database
        await database.run(sa_text("ALTER TABLE server_settings RENAME TO gone"))
        result = await page.click("answers:private::off")
        assert [(one.ephemeral, one.content) for one in result.followups] == [(True, str(NotSaved.SENTENCE))]
        assert "only the person who asks sees the answers" in page.text()
        assert (await page.now()).answers.private
        # Nor is it lifted where answers are given.
        assert (await page.scene.alice.slash(page.scene.channel, "sentiment", text="I love apples")).ephemeral
        await database.run(sa_text("ALTER TABLE gone RENAME TO server_settings"))
        await page.click("answers:private::off")
        assert not (await page.now()).answers.private
        page.scene.env.errors.clear()


async def test_what_is_not_known_is_refused_in_servers_and_only_there(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def certain(servers: Any, guild_id: int | None) -> ServerSettings:
        if guild_id is not None:
            raise SettingsUnknown
        return ServerSettings()

    async with open_page() as page:
        monkeypatch.setattr("bot.servers.directory.Servers.certain", certain)
        refused = await page.scene.alice.slash(page.scene.channel, "sentiment", text="I love apples")
        assert (refused.ephemeral, refused.response.content) == (True, str(SettingsUnknown.SENTENCE))
        told = await page.forge(page.moderator, "glassbox-settings:answers:private::on")
        assert told == str(SettingsUnknown.SENTENCE)
        answered = await page.scene.alice.user.slash("sentiment", text="I love apples")
        assert answered.response.embeds
        page.scene.env.errors.clear()


async def test_private_answers_and_the_language_of_the_server(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_page() as page:
        scene = page.scene
        ask = [scene.channel, "sentiment"]
        public = await scene.alice.slash(*ask, text="I love apples")
        assert not public.ephemeral
        await set_up(scene, answers=AnswerSettings(private=True, language="de"))
        assert (await scene.alice.slash(*ask, text="I hate apples")).ephemeral
        # A new message that answers a button is private too.
        assert (await scene.bob.click(public.response, label="Show the work")).ephemeral
        await set_up(scene, answers=AnswerSettings(language="de"))
        asked: list[Any] = []

        def submit(request: Any, **options: Any) -> Any:
            asked.append(request)
            raise ShuttingDown

        monkeypatch.setattr(scene.backend, "submit", submit)
        await scene.alice.slash(scene.channel, "translate", text="¿Alguien sabe?")
        await scene.alice.slash(scene.channel, "translate", text="¿Alguien sabe?", to="French")
        assert [request.target for request in asked] == ["de", "fr"]
        scene.env.errors.clear()


async def test_a_quota_is_counted_and_says_when_it_works_again(open_page: OpenPage) -> None:
    async with open_page() as page:
        scene = page.scene
        await set_up(scene, quotas=QuotaSettings(everybody=Quota(answers=2)))
        ask = [scene.channel, "sentiment"]
        first = await scene.alice.slash(*ask, text="I love apples")
        opened = await scene.alice.click(first.response, label="Show the work")  # is free
        assert opened.followups or opened.response
        await scene.alice.slash(*ask, text="   ")  # invalid, and free
        scene.env.errors.clear()
        await scene.restart()
        assert (await scene.alice.slash(*ask, text="I hate apples")).response.embeds
        refused = await scene.alice.slash(*ask, text="I see apples")
        assert (refused.ephemeral, refused.deferred) == (True, False)
        assert re.search(r"2 answers an hour\. It works again <t:\d+:R>\.", refused.response.content)
        assert (await scene.bob.slash(*ask, text="I see apples")).response.embeds
        assert (await scene.alice.user.slash("sentiment", text="I see apples")).response.embeds
        scene.env.errors.clear()


async def test_flags_are_explained_where_the_intent_is_missing(open_page: OpenPage) -> None:
    async with open_page() as page:
        await page.turn_to("reactions")
        assert "**The message menu does the same without it:**" in page.text()
        await page.turn_to("forum-tags")
        assert "which whoever runs this bot has not switched on" in page.text()


async def test_flags_are_set_where_the_intent_is_there(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_page() as page:
        page.scene.bot._connection._intents.message_content = True
        await page.turn_to("reactions")
        await page.click("reactions:translate::on")
        await page.select("reactions:delete::", "3600")
        reactions = (await page.now()).reactions
        assert (reactions.translate, reactions.delete_after) == (True, 3600)
        await page.select("reactions:delete::", "keep")
        assert (await page.now()).reactions.delete_after is None


async def test_leaving_and_coming_back_are_noted(open_page: OpenPage) -> None:
    async with open_page() as page:
        scene = page.scene
        cog = scene.bot.get_cog("Settings")
        guild = scene.bot.get_guild(scene.guild.id)
        rows = sa_text("SELECT left_at FROM server_settings")
        await cog.on_guild_remove(guild)
        assert (await scene.store.database.rows(rows))[0].left_at is not None
        await cog.on_guild_join(guild)
        assert (await scene.store.database.rows(rows))[0].left_at is None
        # What happens while the bot is not connected, it sees at the next start.
        for before in (None, time.time()):
            await scene.store.database.run(sa_text("UPDATE server_settings SET left_at = :before"), {"before": before})
            await scene.restart()
            assert (await scene.store.database.rows(rows))[0].left_at is None
        await scene.bot.servers.left(scene.guild.id + 1)
        await scene.bot.servers.joined(scene.guild.id + 1)
        await scene.restart()
        there, gone = sorted(row.left_at is None for row in await scene.store.database.rows(rows))
        assert (there, gone) == (False, True)

        await scene.store.database.run(sa_text("DROP TABLE server_settings"))
        cog = scene.bot.get_cog("Settings")
        await cog.on_ready()  # is only logged
        await cog.on_guild_remove(guild)
        await cog.on_guild_join(guild)


async def test_nobody_sees_settings_outside_servers(open_page: OpenPage) -> None:
    async with open_page() as page:
        scene = page.scene
        [command] = [one for one in scene.bot.tree.get_commands() if one.name == "settings"]
        registered = command.to_dict(scene.bot.tree)
        assert (registered["contexts"], registered["integration_types"]) == ([0], [0])
        assert discord.Permissions(int(registered["default_member_permissions"])) == discord.Permissions(
            manage_guild=True
        )


async def test_checkpoints_that_members_may_choose(open_page: OpenPage) -> None:
    async with open_page() as page:
        await page.turn_to("checkpoints")
        [menu] = [
            one for one in page.components() if one.get("custom_id") == "glassbox-settings:checkpoints:allowed:0:"
        ]
        names = [option["value"] for option in menu["options"]]
        assert page.chosen("checkpoints:allowed:0:") == names
        await page.select("checkpoints:allowed:0:", names[0])
        assert (await page.now()).checkpoints.allowed == (names[0],)
        assert page.chosen("checkpoints:allowed:0:") == [names[0]]
        assert "members may choose 1 of them.\n-# Set for this server" in page.text()
        await page.select("checkpoints:allowed:0:")
        assert (await page.now()).checkpoints.allowed == ()
        assert "members may choose none but the usual ones" in page.text()
        await page.select("checkpoints:allowed:0:", *names)
        assert (await page.now()).checkpoints.allowed is None
        assert "-# Offered by whoever runs this bot" in page.text()
        await page.click("checkpoints:all::off")
        assert (await page.now()).checkpoints.allowed == tuple(names)
        await page.click("checkpoints:all::on")
        assert (await page.now()).checkpoints.allowed is None
        for custom_id, values in (("allowed:0:", ("other/model",)), ("allowed:7:", (names[0],)), ("all::maybe", ())):
            told = await page.forge(page.moderator, f"glassbox-settings:checkpoints:{custom_id}", *values)
            assert told == str(OutdatedPage.SENTENCE)
        page.scene.env.errors.clear()

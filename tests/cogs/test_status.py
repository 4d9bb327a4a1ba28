"""`/status`: for operators only, in a server, in direct messages, after a restart; and what maintenance refuses."""

from __future__ import annotations

import time
from typing import Any

import discord
import pytest
import simcord
from simcord import interactions
from simcord.backend import serializers
from sqlalchemy.exc import OperationalError

from bot.client import Glassbox
from bot.inference.status import Phase
from bot.operating.operators import NOT_YOURS
from bot.operating.pseudonyms import Pseudonyms
from bot.operating.status.components import Page
from bot.operating.watch import Watch
from bot.storage import RequestStore
from bot.storage.maintenance import Notice
from tests.cogs.conftest import OpenScene, Scene, behind_the_api
from tests.timers import PATIENCE

SECRET = "swordfish"


def make_owner(scene: Scene, who: Any) -> None:
    """Somebody runs the application. The simulated Discord says that its bot does."""
    scene.bot.owner_ids = {who.id}


async def opened(scene: Scene, who: Any, page: Page | None = None) -> simcord.InteractionResult:
    """An operator opens `/status` where Discord shows it to everybody: in direct messages."""
    options = {} if page is None else {"page": page.value}
    result: simcord.InteractionResult = await who.user.slash("status", **options)
    return result


def shown(result: Any) -> discord.Embed:
    assert result.response is not None
    assert result.ephemeral or result.response.flags.ephemeral
    embeds: list[discord.Embed] = result.response.embeds
    [embed] = embeds
    return embed


def refused(result: Any) -> str:
    """The sentence of a refusal that came at once, and that nobody else sees."""
    assert result.response is not None
    assert result.ephemeral
    assert not result.followups
    return str(result.response.content)


def forged(scene: Scene, who: Any, custom_id: str, values: list[str] | None = None) -> simcord.InteractionResult:
    """Somebody presses a component that may never have been sent to them."""
    backend = scene.env.backend
    data: dict[str, Any] = {"custom_id": custom_id, "component_type": 2 if values is None else 3}
    if values is not None:
        data["values"] = values
    record, payload = interactions.base_payload(
        backend, type=3, channel_id=scene.channel.id, guild_id=scene.guild.id, user_id=who.id, data=data
    )
    component: dict[str, Any] = {"type": data["component_type"], "custom_id": custom_id, "id": 2}
    if values is None:
        component |= {"label": "Press", "style": 2}
    else:
        component["options"] = [{"label": value, "value": value} for value in values]
    row = {"type": 1, "id": 1, "components": [component]}
    message = backend.create_message(scene.channel.id, backend.bot_user.id, "a message", components=[row])
    payload["message"] = dict(serializers.message_payload(backend, message))
    record.source_message_id = message.id
    backend.emit("INTERACTION_CREATE", payload)
    return simcord.InteractionResult(scene.env, record)


@pytest.fixture
def watch() -> Watch:
    """What measures a bot."""
    return Watch(Pseudonyms(bytes(32)))


async def test_the_overview_says_how_everything_is(open_scene: OpenScene, watch: Watch) -> None:
    async with open_scene(watch=watch) as scene:
        make_owner(scene, scene.bob)
        for text in ("I love apples", "I hate pears"):
            await scene.alice.slash(scene.channel, "sentiment", text=f"{text} {SECRET}")
        watch.database_failed("OperationalError")
        await scene.until(lambda: not scene.worker.status().requests)  # a server ends them a little after the answer
        await scene.heard()
        result = await opened(scene, scene.bob)

        embed = shown(result)
        fields = {field.name: str(field.value) for field in embed.fields}
        assert list(fields) == ["Devices", "Queue", "Last hour", "Shards", "Errors of the last hour", "Versions"]
        assert "`cpu` in float32" in fields["Devices"]
        assert "0 requests accepted, 0 rows waiting." in fields["Queue"]
        assert fields["Last hour"].startswith("2 answers on people's screens: p50 **")
        assert "tokens/s while a device computes" in fields["Last hour"]
        assert "0: connected" in fields["Shards"]
        assert ", here" in fields["Shards"]
        assert "`database: OperationalError` 1 time, last <t:" in fields["Errors of the last hour"]
        assert f"discord.py {discord.__version__}" in fields["Versions"]
        assert "torch " in fields["Versions"]
        [picture] = result.response.attachments
        assert picture.filename == "latency.png"
        assert "2 answers" in picture.description
        assert SECRET not in str(embed.to_dict())


@pytest.mark.parametrize("place", ["server", "direct message"])
async def test_nobody_else_may_use_it(open_scene: OpenScene, place: str) -> None:
    """Neither a member nor somebody who may do everything in the server; nor with components that are not theirs."""
    async with open_scene() as scene:
        make_owner(scene, scene.bob)
        role = scene.guild.create_role("moderator", permissions=discord.Permissions(administrator=True))
        carol = scene.guild.add_member(scene.env.create_user("carol"), roles=[role])
        result = await (carol.slash(scene.channel, "status") if place == "server" else carol.user.slash("status"))
        assert scene.refusal(result) == str(NOT_YOURS)
        if place != "server":
            return
        await scene.worker.load_checkpoint("sentiment")
        for custom_id, values in {
            "glassbox-status-page": ["overview"],
            "glassbox-status-refresh:overview": None,
            "glassbox-status-load": ["fill"],
            "glassbox-status-unload": ["sentiment"],
            "glassbox-status-begin": ["10"],
            "glassbox-status-end": None,
        }.items():
            pressed = forged(scene, carol, custom_id, values)
            await scene.env.settle()
            assert pressed.response is not None, custom_id
            assert pressed.response.content == str(NOT_YOURS)
            assert pressed.ephemeral
        scene.env.errors.clear()
        assert scene.worker.status().models["sentiment"].phase is Phase.READY
        assert await scene.store.maintenance.find() is None
        [registered] = [one for one in scene.bot.tree.get_commands() if one.name == "status"]
        assert registered.to_dict(scene.bot.tree)["default_member_permissions"] == 0


async def test_checkpoints_are_loaded_and_unloaded_from_the_message(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        if scene.backend is not scene.worker:
            pytest.skip("checkpoints are loaded where the models run")
        make_owner(scene, scene.bob)
        result = await opened(scene, scene.bob, Page.CHECKPOINTS)
        assert "**tiny-distilbert** · /sentiment\nnot loaded yet" in str(shown(result).description)

        loaded = await scene.bob.user.select(result.response, ["sentiment"], custom_id="glassbox-status-load")
        assert loaded.acknowledged
        assert scene.worker.status().models["sentiment"].phase is Phase.READY
        description = str(shown(result).description)
        assert description.startswith("Loaded **tiny-distilbert**.")
        assert "**tiny-distilbert** · /sentiment\nready on cpu in float32" in description

        await scene.restart()
        make_owner(scene, scene.bob)
        await scene.bob.user.select(result.response, ["sentiment"], custom_id="glassbox-status-unload")
        assert scene.worker.status().models["sentiment"].phase is Phase.EVICTED
        assert str(shown(result).description).startswith("Unloaded **tiny-distilbert**.")

        answered = await scene.alice.slash(scene.channel, "sentiment", text="I love apples")
        assert answered.response.embeds
        pressed = forged(scene, scene.bob, "glassbox-status-unload", ["nonsense"])
        await scene.env.settle()
        assert "not set any more" in pressed.response.content
        scene.env.errors.clear()


async def test_maintenance_refuses_politely_and_survives_a_restart(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        make_owner(scene, scene.bob)
        before = await scene.alice.slash(scene.channel, "generate", prompt="I love", max_new_tokens=4)
        page = await opened(scene, scene.bob, Page.MAINTENANCE)
        asked = await scene.bob.user.select(page.response, ["30"], custom_id="glassbox-status-begin")
        assert asked.modal is not None
        begun = time.time()
        await scene.bob.user.submit_modal(asked, {"texts": " I get a **larger** model "})

        notice = await scene.store.maintenance.find()
        assert notice is not None
        assert notice.reason == "I get a **larger** model"
        assert notice.ends is not None
        assert begun + 1_800 <= notice.ends <= time.time() + 1_800
        assert "**On.**" in str(shown(page).description)

        await scene.restart()
        make_owner(scene, scene.bob)
        reason = "I get a \\*\\*larger\\*\\* model"
        sentence = f"I am under maintenance, and answer nothing for now: {reason}. It should be over <t:"
        command = await scene.alice.slash(scene.channel, "sentiment", text="I love apples")
        assert refused(command).startswith(sentence)
        pressed = scene.press(scene.alice, before.response, "Regenerate")
        await scene.env.settle()
        assert refused(pressed).startswith(sentence)
        # Also for the operator, so that nobody has to wonder whether it is on.
        assert refused(await scene.bob.slash(scene.channel, "sentiment", text="I love apples")).startswith(sentence)

        await scene.bob.user.click(page.response, label="End the maintenance")
        assert await scene.store.maintenance.find() is None
        assert "There is no maintenance." in str(shown(page).description)
        assert (await scene.alice.slash(scene.channel, "sentiment", text="I love apples")).response.embeds


async def test_what_people_write_is_not_heard_meanwhile(open_scene: OpenScene) -> None:
    """Features that listen to messages hear nothing; who writes to the bot is told once in a while."""
    async with open_scene() as scene:
        heard: list[str] = []

        async def listen(message: discord.Message) -> None:
            if not message.author.bot:
                heard.append(message.content)

        scene.bot.add_listener(listen, "on_message")
        me = f"<@{scene.env.backend.bot_user.id}>"
        await scene.alice.send(scene.channel, f"{me} one")
        await scene.store.maintenance.begin(Notice("a new disk", None))  # another process begins it
        scene.bot.maintenance._read_at = -1e9
        for text in (f"{me} two", "three", f"{me} four"):
            await scene.alice.send(scene.channel, text)
        await scene.alice.user.send_dm("five")
        await scene.env.settle()

        assert heard == [f"{me} one"]
        told = [one.content for one in scene.channel.history() if "under maintenance" in one.content]
        assert told == ["I am under maintenance, and answer nothing for now: a new disk. Please try again later."]
        await scene.bot.maintenance.end()
        await scene.alice.send(scene.channel, f"{me} six")
        assert heard[-1] == f"{me} six"


async def test_nothing_is_claimed_while_the_database_fails(open_scene: OpenScene, monkeypatch: Any) -> None:
    async with open_scene() as scene:
        make_owner(scene, scene.bob)
        page = await opened(scene, scene.bob, Page.MAINTENANCE)
        asked = await scene.bob.user.select(page.response, ["0"], custom_id="glassbox-status-begin")

        async def fail(*arguments: object) -> None:
            raise OperationalError(SECRET, {}, Exception(SECRET))

        monkeypatch.setattr(scene.store.maintenance, "begin", fail)
        monkeypatch.setattr(scene.store.maintenance, "find", fail)
        scene.bot.maintenance._read_at = -1e9
        submitted = await scene.bob.user.submit_modal(asked, {"texts": ""})
        [told] = submitted.followups
        assert told.content == "The database cannot be used, so nothing has changed. Please try again in a moment."
        scene.env.errors.clear()
        assert (await scene.alice.slash(scene.channel, "sentiment", text="I love apples")).response.embeds


async def test_lengths_that_were_never_offered(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        make_owner(scene, scene.bob)
        for value in ("9999999", "-1", "x"):
            pressed = forged(scene, scene.bob, "glassbox-status-begin", [value])
            await scene.env.settle()
            assert "no length of a maintenance" in pressed.response.content
        scene.env.errors.clear()


async def test_models_on_another_machine(make_worker: Any, monkeypatch: pytest.MonkeyPatch, watch: Watch) -> None:
    """What is known of them is shown; they are loaded and unloaded there, and a sentence says so."""
    async with make_worker() as worker, behind_the_api(worker) as backend, RequestStore.open(None) as store:
        bot = Glassbox(backend, store, shard_count=1, watch=watch)
        async with simcord.run(bot, settle_timeout=PATIENCE) as env:
            await bot.tree.sync()
            guild = env.create_guild("Glassbox")
            bob = guild.add_member(env.create_user("bob"))
            bot.owner_ids = {bob.id}
            result = await bob.user.slash("status")
            fields = {field.name: str(field.value) for field in shown(result).fields}
            assert "The models are on another machine (INFERENCE_URL)" in fields["Devices"]
            assert "`cpu` in float32" in fields["Devices"]
            await bob.user.select(result.response, ["checkpoints"], custom_id="glassbox-status-page")
            description = str(shown(result).description)
            assert description.startswith("The models are on another machine (INFERENCE_URL), and it loads and unloads")
            assert "**tiny-distilbert** · /sentiment" in description
            menus = [one for row in result.response.components for one in row["components"]]
            assert [one.get("custom_id") for one in menus] == [
                "glassbox-status-page",
                "glassbox-status-refresh:checkpoints",
            ]

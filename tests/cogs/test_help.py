"""`/help`, as people use it."""

from __future__ import annotations

import sys
import threading
from typing import Any

import pytest

from bot.client import Glassbox
from bot.inference.status import Phase
from bot.replies.acknowledgement import respond
from bot.replies.delivery import Delivery
from bot.replies.help import guide as guides
from bot.replies.help.guide import NO_EXAMPLE, Guide, guides_of, read_examples
from bot.reports import ReportTo
from bot.tasks import task_names
from bot.tasks.examples import example_requests
from cogs.help import NOT_TRIED, NOWHERE, PASSED_ON, UNKNOWN_COMMAND
from tests.cogs.conftest import OpenScene, Scene
from tests.cogs.layouts import custom_ids, forge_modal, forge_press, texts


async def opened(scene: Scene, who: Any, **options: str) -> Any:
    result = await who.slash(scene.channel, "help", **options)
    assert result.ephemeral
    return result.response


EXAMPLES = read_examples()


def guides_in(bot: Glassbox) -> dict[str, Guide]:
    return guides_of(bot.tree, EXAMPLES)


async def with_reports(scene: Scene, to: ReportTo) -> None:
    scene.bot.report_to = to


async def test_each_command_has_a_guide(open_scene: OpenScene) -> None:
    """For a new command, add a table to bot/replies/help/examples.toml."""
    async with open_scene() as scene:
        found, examples = guides_in(scene.bot), EXAMPLES
        assert set(found) <= set(examples), "each command needs a table in bot/replies/help/examples.toml"
        for one in found.values():
            assert one.about, one.name
            if one.can_try:
                # Otherwise the example does not fit the command's options.
                assert len(one.line) < 400
                assert bool(one.values) == bool(one.example), f"the example of /{one.name} does not fit its options"
            command = scene.bot.tree.get_command(one.root)
            assert command is not None
            assert one.can_try is False or command.default_permissions is None, one.name

        # A command without a table is shown with what the tree says.
        del found["sentiment"]
        without = {name: example for name, example in examples.items() if name != "sentiment"}
        bare = guides_of(scene.bot.tree, without)["sentiment"]
        assert (bare.kind, bare.can_try, bare.example) == (NO_EXAMPLE.kind, False, "")
        assert bare.about.startswith("How does a text feel?")
        assert next(iter(bare.options))[0] == "text"


async def test_pages(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        page = await opened(scene, scene.alice)
        registered = scene.env.backend.find_command("sentiment", None, type=1)
        assert f"</sentiment:{registered['id']}>" in texts(page)
        for number, name in enumerate(guides_in(scene.bot)):
            chosen = await scene.alice.select(page, [name], custom_id=f"glassbox-help-menu:{number // 25}")
            assert chosen.response.id == page.id
            said = texts(chosen.response)
            assert (f"</{name}:" if guides_in(scene.bot)[name].permissions is None else f"`/{name}`") in said
            assert ("glassbox-help-try:" + name in custom_ids(chosen.response)) == guides_in(scene.bot)[name].can_try
        await scene.restart()
        chosen = await scene.alice.select(page, ["translate"], custom_id="glassbox-help-menu:0")
        assert "**Answered by** · `" in texts(chosen.response)
        assert "- `text` " in texts(chosen.response)
        back = await scene.alice.click(page, label="All commands")
        assert "Understand a text" in texts(back.response)
        assert "- `text` " in texts(await opened(scene, scene.alice, command="/translate"))
        private = await scene.alice.click(page, label="Privacy")
        assert private.ephemeral
        assert private.response.id != page.id
        assert "What I keep about you" in texts(private.response)

        choices = await scene.alice.autocomplete(scene.channel, "help", "command", "/Se")
        assert {one["value"] for one in choices} >= {"sentiment", "settings"}
        unknown = await scene.alice.slash(scene.channel, "help", command="nonsense")
        assert scene.refusal(unknown) == str(UNKNOWN_COMMAND)


@pytest.mark.parametrize("place", ["direct message", "group"])
async def test_outside_servers(open_scene: OpenScene, place: str) -> None:
    async with open_scene() as scene:
        result = await scene.ask(place, "help")
        assert result.ephemeral
        assert "What I can do" in texts(result.response)


async def test_while_models_load(open_scene: OpenScene, loading: threading.Event) -> None:
    async with open_scene() as scene:
        asked = scene.invoke(scene.alice, "sentiment", text="hello")
        await scene.until(lambda: Phase.LOADING in {one.phase for one in scene.backend.status().checkpoints})
        page = scene.invoke(scene.alice, "help", command="sentiment")
        await scene.until(lambda: page.response is not None and page.response.components)
        assert "**Answered by** · `" in texts(page.response)
        assert "is being loaded" in texts(page.response)
        loading.set()
        await scene.env.settle()
        assert asked.response is not None


async def test_ids_that_are_not_known(open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_scene() as scene:

        async def fail() -> None:
            raise OSError

        monkeypatch.setattr(scene.bot.tree, "fetch_commands", fail)
        page = await opened(scene, scene.alice)
        assert "`/sentiment` How does a text feel?" in texts(page)
        assert "</sentiment" not in texts(page)


async def test_many_commands_fit(open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Discord takes 25 options of a menu, and 4,000 characters of a message."""
    async with open_scene() as scene:
        some = dict(guides_in(scene.bot))
        usual = guides.guides_of

        def many(*arguments: Any) -> dict[str, Guide]:
            [*_, last] = usual(*arguments).values()
            return some | {
                f"x{one}": Guide(f"x{one}", last.kind, "y" * 100, (), "", False, "", {}) for one in range(40)
            }

        monkeypatch.setattr(sys.modules["cogs.help"], "guides_of", many)
        page = await opened(scene, scene.alice)
        assert [one for one in custom_ids(page) if "menu" in one] == [f"glassbox-help-menu:{part}" for part in range(3)]
        assert "`/x39`" in texts(page)
        assert len(texts(page)) <= 4_000


async def test_trying_an_example(open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each example is asked as the command would, by the one who presses, and nobody else sees the answer."""
    async with open_scene() as scene:
        page = await opened(scene, scene.alice)
        for name in ("sentiment", "fill", "models", "privacy"):
            result = await forge_press(scene, scene.alice, page, f"glassbox-help-try:{name}")
            assert result.ephemeral, name
            assert result.response.embeds or "What I keep" in texts(result.response), name

        async def answer(delivery: Delivery, interaction: Any, request: Any, *_: Any, **options: Any) -> None:
            await respond(interaction, type(request).__name__, ephemeral=False)

        monkeypatch.setattr(Delivery, "answer", answer)
        tried = [name for name, one in guides_in(scene.bot).items() if one.can_try]
        said = set()
        for name in set(tried) & {*task_names().values(), "inspect"}:
            result = await forge_press(scene, scene.alice, page, f"glassbox-help-try:{name}")
            assert result.ephemeral, name
            said.add(result.response.content)
        assert said >= {type(one).__name__ for one in example_requests()}  # one of each task
        assert not scene.env.errors
        # First use posts nothing unasked: nothing of all this is in the channel for others.
        assert all(one.flags.ephemeral for one in scene.channel.history())

        for forged in ("settings", "help", "nonsense"):
            refused = await forge_press(scene, scene.alice, page, f"glassbox-help-try:{forged}")
            assert refused.response.content in {str(NOT_TRIED), str(UNKNOWN_COMMAND)}
        scene.env.errors.clear()


async def test_a_report_holds_what_was_written_and_nothing_else(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        page = await opened(scene, scene.alice)
        assert "glassbox-help-report" not in custom_ids(page)
        refused = await forge_press(scene, scene.alice, page, "glassbox-help-report")
        assert refused.response.content == str(NOWHERE)
        scene.env.errors.clear()

        operators = scene.guild.create_text_channel("reports")
        await with_reports(scene, ReportTo(channel=operators.id))
        page = await opened(scene, scene.alice)
        asked = await scene.alice.click(page, label="Report a problem")
        sent = await scene.alice.submit_modal(asked, {"texts": "It says **no** to @everyone"})
        assert sent.ephemeral
        assert sent.response.content == str(PASSED_ON)
        [message] = operators.history()
        assert message.content == ""
        [embed] = message.embeds
        assert embed.description == "It says \\*\\*no\\*\\* to @\u200beveryone"
        assert "alice" not in str(embed.to_dict())
        assert str(scene.alice.id) not in str(embed.to_dict())

        again = await scene.alice.click(page, label="Report a problem")
        assert "five minutes" in again.response.content
        send = "glassbox-help-send-report:"
        forged = await forge_modal(scene, scene.alice, send, {"type": 4, "custom_id": "texts", "value": "x"})
        assert "five minutes" in forged.response.content
        empty = await forge_modal(scene, scene.bob, send, {"type": 4, "custom_id": "texts", "value": " "})
        assert "empty" in empty.response.content
        assert len(operators.history()) == 1

        # A channel that is not there any more: the text is not lost, and the report may be sent again.
        await with_reports(scene, ReportTo(channel=1))
        for _ in range(2):
            asked = await scene.bob.click(await opened(scene, scene.bob), label="Report a problem")
            failed = await scene.bob.submit_modal(asked, {"texts": "my text"})
            assert "could not pass your report on" in failed.followups[0].content
            assert "`my text`" in failed.followups[0].content
        scene.env.errors.clear()

        await with_reports(scene, ReportTo(url="https://example.org/problems"))
        page = await opened(scene, scene.alice)
        assert any("https://example.org/problems" in str(one) for one in page.components)

"""`/complete`: in a dialog, in its language, as it is written, and further."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bot.errors import UNEXPECTED
from bot.replies import pending
from bot.tasks.complete import CompleteRequest
from tests.cogs.conftest import OpenScene
from tests.cogs.pacing import held_after

SECRET = "swordfish"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "EDIT_SECONDS", 0.05)
    monkeypatch.setattr(pending, "LOOK_SECONDS", 0.01)


def labels(message: Any) -> list[str]:
    found = [button["label"] for row in message.components for button in row["components"] if "label" in button]
    return [label for label in found if label != "Show the work"]


def description(result: Any) -> str:
    return str(result.response.embeds[0].description)


def footer(result: Any) -> str:
    return str(result.response.embeds[0].footer.text)


class TestDialog:
    async def test_opens_where_no_code_is_given(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            asked = await scene.alice.slash(scene.channel, "complete", language="py", max_new_tokens=7)
            [field] = asked.modal["components"]
            code = "def area(r):\n    pi = 3"

            result = await scene.alice.submit_modal(asked, {field["component"]["custom_id"]: code})

            assert not result.ephemeral
            assert description(result).startswith(f"```py\n{code}\n```\n")
            assert " · Python · " in footer(result)

    async def test_bad_options_are_told_before_anybody_writes(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            result = await scene.alice.slash(scene.channel, "complete", language="Klingon")

            assert "no programming language called “Klingon”" in scene.refusal(result)

    async def test_bad_code_is_told(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            asked = await scene.alice.slash(scene.channel, "complete")
            [field] = asked.modal["components"]

            result = await scene.alice.submit_modal(asked, {field["component"]["custom_id"]: " \n "})

            assert result.ephemeral
            assert "There is no code." in result.response.content

    async def test_errors_are_logged_without_their_texts(
        self, open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with open_scene() as scene:
            asked = await scene.alice.slash(scene.channel, "complete")
            [field] = asked.modal["components"]

            def fail(*arguments: Any, **options: Any) -> None:
                raise RuntimeError(SECRET)

            monkeypatch.setattr(scene.backend, "submit", fail)
            result = await scene.alice.submit_modal(asked, {field["component"]["custom_id"]: "x = 1"})

            assert result.ephemeral
            assert result.response.content == str(UNEXPECTED)
        assert "the action complete failed: RuntimeError at test_complete.py" in caplog.text
        assert SECRET not in caplog.text

    async def test_leaves_nothing_behind_in_the_client(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            asked = await scene.alice.slash(scene.channel, "complete")
            [field] = asked.modal["components"]
            await scene.alice.submit_modal(asked, {field["component"]["custom_id"]: "x = 1"})

            views = scene.bot._connection._view_store
            assert not views._modals
            assert not views._views


class TestAnswer:
    @pytest.mark.parametrize(("code", "language"), [("def f(x):", "py"), ("fn main() {", "rs"), ("hello", "text")])
    async def test_in_a_block_of_the_language_that_it_looks_like(
        self, open_scene: OpenScene, code: str, language: str
    ) -> None:
        async with open_scene() as scene:
            result = await scene.alice.slash(scene.channel, "complete", code=code, max_new_tokens=8)

            assert description(result).startswith(f"```{language}\n{code}\n```\n")

    async def test_backticks_cannot_close_the_block(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            result = await scene.alice.slash(
                scene.channel, "complete", code="# ```@everyone``` **x**", language="Python", max_new_tokens=4
            )

            assert description(result).startswith("```py\n# `\u200b``@everyone`\u200b`` **x**\n```\n")
            [file] = result.response.attachments
            assert file.filename == "complete.py"
            assert (await file.read()).decode().startswith("# ```@everyone``` **x**")
            assert all(edit["allowed_mentions"] == {"parse": []} for edit in scene.edits())

    async def test_what_is_too_long_is_attached_with_the_right_extension(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            code = "SELECT a FROM b;\n" * 100 + "SELECT"
            result = await scene.alice.slash(scene.channel, "complete", code=code, max_new_tokens=4)

            assert description(result).startswith("```sql\n…")
            [file] = result.response.attachments
            assert file.filename == "complete.sql"
            assert (await file.read()).decode().startswith(code)

    async def test_languages_are_offered_by_any_name(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            offered = await scene.alice.autocomplete(scene.channel, "complete", "language", "gol")
            everything = await scene.alice.autocomplete(scene.channel, "complete", "language", "")
            nothing = await scene.alice.autocomplete(scene.channel, "complete", "language", "klingon")

            assert offered == [{"name": "Go", "value": "go"}]
            assert len(everything) == 25
            assert everything[0]["value"] == "py"
            assert nothing == []


class TestButtons:
    @pytest.fixture(autouse=True)
    def endless(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The model never ends a text by itself: it is a random one, which would do so at random."""
        monkeypatch.setattr("bot.inference.heads.causal_lm.CausalLM.end_ids", frozenset())
        monkeypatch.setattr("bot.tasks.complete.code_end", lambda *arguments, **options: None)

    async def test_continue_goes_on_from_the_code_so_far(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            first = await scene.alice.slash(scene.channel, "complete", code="x = [", max_new_tokens=5)
            assert labels(first.response) == ["Regenerate", "Continue"]

            second = await scene.bob.click(first.response.message, label="Continue")

            [button] = [one for one in first.response.components[0]["components"] if one["label"] == "Continue"]
            request: Any = await scene.store.find(button["custom_id"].rsplit(":")[-1])
            assert isinstance(request, CompleteRequest)
            assert request.code.startswith("x = [")
            assert len(request.code) > len("x = [")
            assert not second.ephemeral
            assert labels(second.response) == ["Regenerate", "Continue"]

    async def test_regenerate_after_a_restart(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            first = await scene.alice.slash(scene.channel, "complete", code="x = [", max_new_tokens=20, temperature=2.0)
            await scene.restart()

            second = await scene.bob.click(first.response.message, label="Regenerate")

            assert description(second) != description(first)
            assert description(second).startswith("```")

    async def test_the_likeliest_code_is_not_regenerated(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            result = await scene.alice.slash(scene.channel, "complete", code="x = [", max_new_tokens=5, temperature=0.0)
            assert labels(result.response) == ["Continue"]

    @pytest.mark.parametrize("place", ["direct message", "group"])
    async def test_work_everywhere(self, open_scene: OpenScene, place: str) -> None:
        async with open_scene() as scene:
            if place == "group":
                first = await scene.ask_in_group("complete", code="x = [", max_new_tokens=5)
                pressed = scene.press(scene.bob, first.response, "Continue")
                await scene.env.settle()
            else:
                first = await scene.alice.user.slash("complete", code="x = [", max_new_tokens=5)
                pressed = await scene.alice.user.click(first.response.message, label="Continue")

            assert labels(pressed.response) == ["Regenerate", "Continue"]


async def test_is_shown_as_it_is_written_and_stopped(
    open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch, load: Callable[[str], Any]
) -> None:
    monkeypatch.setattr("bot.tasks.complete.code_end", lambda *arguments, **options: None)
    async with open_scene() as scene:
        with held_after(monkeypatch, 12) as go_on:
            result = scene.invoke(scene.alice, "complete", code="x = [", max_new_tokens=500)
            await scene.until(lambda: result.response is not None and result.response.embeds)
            assert description(result).startswith("```text\nx = [\n```\n```text\n")
            assert description(result).endswith("▌\n```")
            assert footer(result).startswith("Writing: ")

            await scene.stop(result.response, go_on)

        assert "▌" not in description(result)
        assert labels(result.response) == ["Regenerate", "Continue"]

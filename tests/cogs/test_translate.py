"""`/translate` where nobody says which language the text is in."""

from __future__ import annotations

from typing import Any

from tests.cogs.conftest import OpenScene

SPANISH = "¿Alguien sabe dónde está mi perro?"
UNSURE = "no lo se"


def labels(result: Any) -> list[str]:
    return [button["label"] for row in result.response.components for button in row["components"]]


async def test_the_language_is_found_out_and_said(open_scene: OpenScene, make_preset: Any) -> None:
    async with open_scene(make_preset(translate="m2m100")) as scene:
        result = await scene.alice.slash(scene.channel, "translate", text=SPANISH, to="German")

        [embed] = result.response.embeds
        assert embed.description.startswith(f"**Spanish** · español\n> {SPANISH}\n\n**German** · Deutsch\n")
        assert "detected: Spanish" in embed.footer.text
        assert labels(result) == ["Show the work"]

        said = await scene.alice.slash(scene.channel, "translate", **{"text": SPANISH, "to": "German", "from": "es"})
        assert "detected" not in said.response.embeds[0].footer.text


async def test_a_button_corrects_it_also_after_a_restart(open_scene: OpenScene, make_preset: Any) -> None:
    async with open_scene(make_preset(translate="m2m100")) as scene:
        result = await scene.alice.slash(scene.channel, "translate", text=UNSURE, to="German")

        assert "I am not sure that this is Italian." in result.response.embeds[0].footer.text
        assert "From Spanish" in labels(result)

        await scene.restart()
        corrected = await scene.bob.click(result.response.message, label="From Spanish")

        [embed] = corrected.response.embeds
        assert embed.description.startswith(f"**Spanish** · español\n> {UNSURE}\n\n**German** · Deutsch\n")
        assert "detected" not in embed.footer.text


async def test_a_text_in_the_target_language(open_scene: OpenScene, make_preset: Any) -> None:
    async with open_scene(make_preset(translate="m2m100")) as scene:
        result = await scene.alice.slash(scene.channel, "translate", text=SPANISH, to="Spanish")

        assert len(scene.env.errors) == 1
        [told] = result.followups
        assert told.ephemeral
        assert told.content.startswith("Your text seems to be in Spanish already.")


async def test_a_language_that_the_checkpoint_does_not_read(open_scene: OpenScene, make_preset: Any) -> None:
    async with open_scene(make_preset(translate="t5")) as scene:
        result = await scene.alice.slash(scene.channel, "translate", text=SPANISH, to="German")

        assert len(scene.env.errors) == 1
        [told] = result.followups
        assert told.content.startswith(
            "Your text seems to be in Spanish, which this model does not read. It reads: English."
        )


async def test_nothing_tells_the_language(open_scene: OpenScene, make_preset: Any) -> None:
    async with open_scene(make_preset(translate="m2m100")) as scene:
        result = await scene.alice.slash(scene.channel, "translate", text="<:cat:12> 1234567", to="German")

        footer = result.response.embeds[0].footer.text
        assert "Nothing in the text tells its language, so it was read as English." in footer
        assert labels(result) == ["Show the work"]


async def test_any_target_is_offered(open_scene: OpenScene, make_preset: Any) -> None:
    async with open_scene(make_preset(translate="nllb")) as scene:
        await scene.alice.slash(scene.channel, "translate", text="I love apples.", to="German")

        offered = await scene.alice.autocomplete(scene.channel, "translate", "to", "")
        named = await scene.alice.autocomplete(scene.channel, "translate", "to", "普通话")

        assert [choice["value"] for choice in offered][:3] == ["de", "fr", "en"]
        assert {choice["value"] for choice in named} == {"zh-Hans", "zh-Hant"}


async def test_an_end_that_is_missing(open_scene: OpenScene, make_preset: Any, monkeypatch: Any) -> None:
    """Row G9, as people see it."""
    monkeypatch.setattr("bot.tasks.translate.MOST_NEW_TOKENS", 3)
    async with open_scene(make_preset(translate="nllb")) as scene:
        result = await scene.alice.slash(scene.channel, "translate", text="I love apples.", to="German")

        [embed] = result.response.embeds
        assert embed.description.endswith("…")
        assert "The translation reached the length limit" in embed.footer.text

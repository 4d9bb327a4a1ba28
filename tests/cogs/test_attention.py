"""`/attention` and its menus, in a simulated Discord."""

from __future__ import annotations

import re
from typing import Any

import pytest
import simcord
from simcord import interactions
from simcord.backend import serializers

from bot.errors import RequestForgotten
from bot.inference.heads.inspection import attention as operation
from bot.storage import RequestStore
from tests.cogs.conftest import GROUP_CHANNEL, MESSAGE_COMPONENT, OpenScene, Scene

TEXT = "I love to hate this course"
SELECT = 3


def menus(message: Any) -> dict[str, dict[str, Any]]:
    """The menus of a message by what they choose."""
    found = [one for row in message.components for one in row["components"] if "options" in one]
    return {one["custom_id"].split(":")[1]: one for one in found}


def chosen(message: Any) -> dict[str, str]:
    """What each menu shows as chosen."""
    return {
        what: option["value"] for what, one in menus(message).items() for option in one["options"] if option["default"]
    }


def title(message: Any) -> str:
    return str(message.embeds[0].title)


def picture(message: Any) -> Any:
    [attachment] = [one for one in message.attachments if one.filename == "attention.png"]
    assert message.embeds[0].image.url.endswith("attention.png")
    return attachment


async def asked(scene: Scene, **options: Any) -> Any:
    result = await scene.alice.slash(scene.channel, "attention", **{"text": TEXT, **options})
    assert result.response is not None
    assert not result.ephemeral
    return result.response


async def turn(scene: Scene, who: Any, message: Any, what: str, value: str) -> Any:
    result = await who.select(message.message, [value], custom_id=menus(message)[what]["custom_id"])
    await scene.env.settle()
    return result


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was read in forward passes with weights."""
    read: list[Any] = []
    original = operation._attentions

    def watched(head: Any, inputs: Any) -> Any:
        read.append(inputs)
        return original(head, inputs)

    monkeypatch.setattr(operation, "_attentions", watched)
    return read


async def test_a_picture_with_the_strongest_pairs_in_words(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        message = await asked(scene)

        assert title(message) == "Encoder, layer 2 of 2, average of 4 heads"
        assert message.embeds[0].description.startswith(f"> {TEXT}\n\n")
        assert "Strongest: “" in message.embeds[0].description
        assert "tiny-distilbert · cpu float32 · " in message.embeds[0].footer.text
        alt = picture(message).description
        assert alt.startswith("Encoder, layer 2 of 2, average of 4 heads. Attention weights: ")
        assert "Strongest: “" in alt
        assert chosen(message) == {"layer": "2", "head": "average"}
        assert [option["label"] for option in menus(message)["head"]["options"]] == [
            "Average of the 4 heads",
            "Rollout through all layers to this one",
            "All heads, side by side",
            "What arrives: weights times values",
            *(f"Head {number} of 4" for number in range(1, 5)),
        ]


OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"layer": 1, "head": 3}, "Encoder, layer 1 of 2, head 3 of 4"),
    ({"view": "rollout"}, "Encoder, layers 1 to 2 of 2, rollout"),
    ({"checkpoint": "generate", "layer": 1}, "Decoder, layer 1 of 2, average of 4 heads"),
    ({"checkpoint": "tiny-t5", "part": "cross", "head": 1}, "Cross-attention, layer 2 of 2, head 1 of 4"),
    ({"checkpoint": "translate", "part": "decoder", "to": "German"}, "Decoder, layer 2 of 2, average of 4 heads"),
    ({"checkpoint": "zeroshot", "second": "This is school."}, "Encoder, layer 2 of 2, average of 4 heads"),
]


async def test_options(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        for options, expected in OPTIONS:
            message = await asked(scene, **options)

            assert title(message) == expected
            picture(message)
            # The first token of a decoder can see nothing but itself, which is not worth a word.
            assert "“I” to “I” 1.00" not in message.embeds[0].description


async def test_one_weight_is_worked_out_in_six_steps(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        message = await asked(scene, checkpoint="generate", head=3)
        pairs = menus(message)["pair"]["options"]
        assert menus(message)["pair"]["placeholder"] == "Work one weight out, step by step"
        assert not any(option["default"] for option in pairs)

        await turn(scene, scene.alice, message, "pair", pairs[1]["value"])

        assert title(message) == "Decoder, layer 2 of 2, head 3 of 4"
        said = message.embeds[0].description
        names = ("Query", "Key", "Scale", "Mask", "Softmax", "Value")
        places = [said.index(f"**{number}. {name}:**") for number, name in enumerate(names, 1)]
        assert places == sorted(places)
        assert "turned by its position (RoPE)" in said
        assert "2 query heads share this key and its value (grouped-query attention)" in said
        own, steps = re.search(r"own pass has (\S+) here; these steps give (\S+)\.", said).groups()  # type: ignore[union-attr]
        assert own == steps
        assert f"looks at {pairs[1]['label'].split(' to ')[1].rsplit(' ', 1)[0]}: {own}**" in said
        assert pairs[1]["label"].endswith(f" {float(own):.2f}")
        assert f"weight {float(own):.3f}. Most: " in picture(message).description
        assert chosen(message)["pair"] == pairs[1]["value"]
        assert chosen(message)["head"] == "3"

        await turn(scene, scene.alice, message, "layer", "1")
        assert title(message) == "Decoder, layer 1 of 2, head 3 of 4"
        assert chosen(message)["pair"] == pairs[1]["value"]
        await turn(scene, scene.alice, message, "head", "all")
        assert title(message) == "Decoder, layer 1 of 2, all 4 heads"
        assert "pair" not in menus(message)


WORKED: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({}, ("divided by √8", "nothing is hidden: all ")),
    ({"checkpoint": "tiny-t5", "part": "decoder"}, ("this model does not scale", "(relative position bias)")),
    ({"checkpoint": "tiny-t5", "part": "cross"}, ("this model does not scale", "nothing is hidden: all ")),
    ({"checkpoint": "zeroshot", "part": "cross", "layer": 1, "head": 2}, ("divided by √8",)),
]


async def test_steps_are_named_by_what_the_model_does(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        for options, expected in WORKED:
            message = await asked(scene, view="one weight", **options)
            said = message.embeds[0].description
            assert all(one in said for one in expected)
            assert "RoPE" not in said
            assert ("relative position bias" in said) == ("(relative position bias)" in expected)
            assert "add up to this layer's own output: the difference is at most 0.001 % of its length." in said
            assert ". How “" in picture(message).description


async def test_all_heads_and_what_arrives(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        message = await asked(scene, view="all heads")
        assert title(message) == "Encoder, layer 2 of 2, all 4 heads"
        assert re.search(r"Clearest habits: head |No head here looks mostly", message.embeds[0].description)
        assert all(f"head {number} mostly " in picture(message).description for number in range(1, 5))

        message = await asked(scene, view="what arrives", checkpoint="generate")
        assert title(message) == "Decoder, layer 2 of 2, what arrives"
        assert "(https://arxiv.org/abs/2004.10102)" in message.embeds[0].description
        assert "the difference is at most 0.001 % of its length." in message.embeds[0].description
        assert "What arrives (weights times values): " in picture(message).description
        assert not scene.env.errors


class TestMenus:
    async def test_redraw_the_message_with_one_forward_pass_in_all(
        self, open_scene: OpenScene, passes: list[Any]
    ) -> None:
        async with open_scene() as scene:
            message = await asked(scene)
            first = picture(message).size

            await turn(scene, scene.alice, message, "layer", "1")
            assert title(message) == "Encoder, layer 1 of 2, average of 4 heads"
            await turn(scene, scene.alice, message, "head", "3")
            assert title(message) == "Encoder, layer 1 of 2, head 3 of 4"
            assert chosen(message) == {"layer": "1", "head": "3"}
            assert picture(message).size != first
            await turn(scene, scene.alice, message, "head", "rollout")
            assert title(message) == "Encoder, layer 1 of 2, rollout"

            assert len(passes) == 1
            assert not scene.env.errors

    async def test_parts_of_an_encoder_decoder(self, open_scene: OpenScene, passes: list[Any]) -> None:
        async with open_scene() as scene:
            message = await asked(scene, checkpoint="translate", view="rollout")
            assert chosen(message)["part"] == "encoder"

            await turn(scene, scene.alice, message, "part", "cross")
            assert title(message) == "Cross-attention, layer 2 of 2, average of 4 heads"
            assert "rollout" not in {option["value"] for option in menus(message)["head"]["options"]}
            await turn(scene, scene.alice, message, "part", "decoder")
            assert title(message) == "Decoder, layer 2 of 2, average of 4 heads"

            assert len(passes) == 1

    async def test_work_after_a_restart(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            message = await asked(scene, checkpoint="generate")
            await scene.restart()

            await turn(scene, scene.alice, message, "layer", "1")

            assert title(message) == "Decoder, layer 1 of 2, average of 4 heads"

    async def test_others_get_a_copy_of_their_own(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            message = await asked(scene)

            copy = await turn(scene, scene.bob, message, "layer", "1")

            assert title(message) == "Encoder, layer 2 of 2, average of 4 heads"
            assert copy.ephemeral
            assert title(copy.response) == "Encoder, layer 1 of 2, average of 4 heads"
            await turn(scene, scene.bob, copy.response, "head", "2")
            assert title(copy.response) == "Encoder, layer 1 of 2, head 2 of 4"
            assert title(message) == "Encoder, layer 2 of 2, average of 4 heads"

    async def test_of_forgotten_requests(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            message = await asked(scene)
            async with RequestStore.open(None) as scene.store:
                await scene.restart()

                result = await turn(scene, scene.alice, message, "layer", "1")

                assert result.ephemeral
                assert result.response.content == RequestForgotten().sentence


async def turn_in_group(scene: Scene, who: Any, message: Any, what: str, value: str) -> Any:
    """The same in a group channel, where the bot is not a member."""
    backend = scene.env.backend
    stored = backend.get_message(message.channel_id, message.id)
    record, payload = interactions.base_payload(
        backend,
        type=MESSAGE_COMPONENT,
        channel_id=stored.channel_id,
        guild_id=None,
        user_id=who.id,
        data={"custom_id": menus(message)[what]["custom_id"], "component_type": SELECT, "values": [value]},
    )
    payload["message"] = dict(serializers.message_payload(backend, stored))
    record.source_message_id = stored.id
    backend.emit("INTERACTION_CREATE", payload | scene._in_group(backend.get_channel(stored.channel_id)))
    await scene.env.settle()
    return simcord.InteractionResult(scene.env, record)


async def test_everywhere(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        direct = (await scene.alice.user.slash("attention", text=TEXT)).response
        await turn(scene, scene.alice.user, direct, "layer", "1")
        assert title(direct) == "Encoder, layer 1 of 2, average of 4 heads"

        group = (await scene.ask_in_group("attention", text=TEXT, head=2)).response
        assert group is not None
        assert scene.env.backend.get_channel(group.channel_id).type == GROUP_CHANNEL
        assert title(group) == "Encoder, layer 2 of 2, head 2 of 4"
        picture(group)
        await turn_in_group(scene, scene.alice, group, "layer", "1")
        assert title(group) == "Encoder, layer 1 of 2, head 2 of 4"
        copy = await turn_in_group(scene, scene.bob, group, "head", "average")
        assert title(group) == "Encoder, layer 1 of 2, head 2 of 4"
        assert copy.ephemeral
        assert title(copy.response) == "Encoder, layer 1 of 2, average of 4 heads"


async def test_a_long_text(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        message = await asked(scene, text=f"{TEXT}. " * 30)

        assert "Only the first 40 tokens are read and shown." in message.embeds[0].footer.text
        assert "40 tokens looking at 40 tokens" in picture(message).description


BAD: list[tuple[dict[str, Any], str]] = [
    ({"text": " "}, "The text is empty."),
    ({"layer": 3}, "There is no layer 3 here: choose `layer` from 1 to 2."),
    ({"layer": 0}, "`layer` is counted from 1."),
    ({"head": 5}, "There is no head 5 here: choose `head` from 1 to 4."),
    ({"head": 1, "view": "rollout"}, "Choose either one `head`"),
    ({"part": "cross"}, "This model has no such part as cross-attention. It has: encoder."),
    ({"checkpoint": "translate", "part": "cross", "view": "rollout"}, "Rollout follows the same tokens"),
    ({"checkpoint": "generate", "second": "More."}, "Please leave `second` out."),
    ({"to": "German"}, "Please leave `to` out."),
    ({"checkpoint": "translate", "to": "Klingon"}, "This model does not translate English into Klingon."),
    ({"checkpoint": "gpt-9"}, "I have no checkpoint of this name."),
    ({"second": "many words " * 30}, "`second` leaves no room"),
]


async def test_bad_input(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        for options, sentence in BAD:
            result = await scene.alice.slash(scene.channel, "attention", **{"text": TEXT, **options})

            told = result.response if result.response is not None else result.followups[0]
            assert sentence in told.content
            assert told.ephemeral
        assert len(scene.env.errors) == len(BAD)

"""`/compare`, and the option `checkpoint`, in the simulated Discord."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.errors import ModelFailed
from bot.inference.checkpoints.catalogue import Preset
from bot.inference.limits import Limits
from bot.inference.task import HeadKind, Implementation
from bot.replies import pending
from bot.servers.settings import ServerSettings
from bot.servers.topics.checkpoints import CheckpointSettings
from bot.tasks import fill
from bot.tasks.work.request import WorkRequest
from tests.cogs.conftest import OpenScene, Scene
from tests.support import with_extras

TEXT = "What a terrible day, and the coffee was cold!"
MASKED = "The capital of France is ___."


@pytest.fixture
def families(make_preset: Any, checkpoints: Mapping[str, Path]) -> Preset:
    """Some commands, with checkpoints of the course's families to choose from."""
    own = make_preset(
        sentiment="distilbert", fill="roberta", generate="llama", zeroshot="bart_mnli", entities="bert_ner"
    )
    return with_extras(own, *(checkpoints[name] for name in ("bert", "gpt2", "bert_sentiment", "roberta_ner")))


async def fetched(scene: Scene) -> None:
    """Wait until the worker has looked at all checkpoints, as at every start, and until the bot knows."""
    for pooled in scene.worker._pool.checkpoints:
        await scene.worker._pool.fetch(pooled)
    await scene.heard()


async def asked(scene: Scene, command: str, /, **options: Any) -> Any:
    return await scene.alice.slash(scene.channel, command, **options)


def buttons(message: Any) -> dict[str, str]:
    """The custom ids of the buttons, by their labels."""
    return {one["label"]: one["custom_id"] for row in message.components for one in row["components"]}


def names(message: Any) -> list[str]:
    [embed] = message.embeds
    return [field.name.replace("\\", "") for field in embed.fields]


def footer(message: Any) -> str:
    return str(message.embeds[0].footer.text)


async def values(scene: Scene, command: str, option: str, typed: str, /, **filled: Any) -> list[str]:
    found = await scene.alice.autocomplete(scene.channel, command, option, typed, **filled)
    return [one["value"] for one in found]


async def test_side_by_side_with_the_work_of_each_after_a_restart(open_scene: OpenScene, families: Preset) -> None:
    async with open_scene(families) as scene:
        await fetched(scene)
        result = await asked(
            scene, "compare", text=MASKED, command="fill", checkpoints="tiny-roberta, /bert, tiny-gpt2"
        )
        assert "`tiny-bert`" in scene.refusal(result)  # a part of several names

        result = await asked(scene, "compare", text=MASKED, command="fill", checkpoints="tiny-roberta,tiny-bert, gpt2")
        [embed] = result.response.embeds
        assert names(result.response) == ["tiny-roberta", "tiny-bert", "tiny-gpt2"]
        assert embed.title == "/fill by 3 checkpoints"
        assert embed.description.startswith("> The capital of France is \\_\\_\\_.\n\n")
        assert all("%" in field.value for field in embed.fields)
        assert "__" in embed.fields[0].value
        assert "Underlined: not the same in all of them." in footer(result.response)
        ids = buttons(result.response)
        assert list(ids) == [f"Show the work: {name}" for name in names(result.response)]
        assert len(set(ids.values())) == 3

        await scene.restart()
        for name in ("tiny-bert", "tiny-gpt2"):
            shown = scene.press(scene.bob, result.response, f"Show the work: {name}")
            await scene.env.settle()
            assert shown.ephemeral
            assert footer(shown.response).startswith(f"{name} · cpu")


@pytest.mark.parametrize("place", ["direct message", "group"])
async def test_everywhere(open_scene: OpenScene, families: Preset, place: str) -> None:
    async with open_scene(families) as scene:
        await fetched(scene)
        result = await scene.ask(place, "compare", text=TEXT, command="sentiment")
        assert names(result.response) == ["tiny-distilbert", "tiny-llama", "tiny-gpt2", "tiny-bert_sentiment"]


async def test_every_command(open_scene: OpenScene, families: Preset) -> None:
    async with open_scene(families) as scene:
        await fetched(scene)
        for command, said in (
            ("zeroshot", "sports"),
            ("entities", "name"),
            ("generate", "word"),
            ("tokenize", "tokens"),
        ):
            result = await asked(scene, "compare", text=TEXT, command=command, checkpoints=PAIRS[command])
            assert said in str(result.response.embeds[0].to_dict())
            assert len(names(result.response)) == 2
            assert len(buttons(result.response)) == (0 if command == "tokenize" else 2)
        assert not scene.env.errors


PAIRS = {
    "zeroshot": "tiny-bart_mnli, tiny-gpt2",
    "entities": "tiny-bert_ner, tiny-roberta_ner",
    "generate": "tiny-llama, tiny-gpt2",
    "tokenize": "tiny-distilbert, tiny-roberta",
}


async def test_one_that_fails_leaves_the_others(
    open_scene: OpenScene, families: Preset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(head: Any, request: Any) -> Any:
        yield from ()
        raise ModelFailed

    monkeypatch.setitem(fill.TASK.implementations, HeadKind.CAUSAL_LM, Implementation(fails))
    async with open_scene(families) as scene:
        await fetched(scene)
        options = {"text": MASKED, "command": "fill"}
        result = await asked(scene, "compare", **options, checkpoints="tiny-roberta, tiny-bert, tiny-gpt2")
        fields = {field.name: field.value for field in result.response.embeds[0].fields}
        assert fields["tiny-gpt2"].startswith("\N{WARNING SIGN} The model failed on this text")
        assert list(buttons(result.response)) == ["Show the work: tiny-roberta", "Show the work: tiny-bert"]

        result = await asked(scene, "compare", **options, checkpoints="tiny-llama, tiny-gpt2")
        assert "The model failed on this text" in scene.failure(result)


async def test_what_is_there_is_shown_while_another_one_loads_and_stop_ends_that(
    open_scene: OpenScene, families: Preset, loading: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "EDIT_SECONDS", 0.05)
    async with open_scene(families) as scene:
        await fetched(scene)
        loading.set()
        await asked(scene, "fill", text=MASKED)
        loading.clear()
        result = scene.invoke(
            scene.alice, "compare", text=MASKED, command="fill", checkpoints="tiny-roberta, tiny-bert"
        )

        def so_far() -> dict[str, str]:
            shown = [embed for edit in scene.edits() for embed in edit.get("embeds") or ()]
            return {one["name"]: one["value"] for one in shown[-1].get("fields", ())} if shown else {}

        await scene.until(lambda: "tiny-bert" in so_far())
        assert "%" in so_far()["tiny-roberta"]
        assert so_far()["tiny-bert"].startswith("*Loading tiny-bert")

        await scene.stop(result.response, loading)
        assert so_far()["tiny-bert"] == "\N{WARNING SIGN} Stopped before it had begun."
        assert list(buttons(result.response)) == ["Show the work: tiny-roberta"]
        assert not scene.env.errors


async def test_each_counts_as_a_request(open_scene: OpenScene, families: Preset) -> None:
    async with open_scene(families, limits=Limits(per_person=2)) as scene:
        await fetched(scene)
        result = await asked(scene, "compare", text=MASKED, command="fill", checkpoints="tiny-roberta, tiny-bert, gpt2")
        assert "These are 3 requests at once, and you may have 2." in scene.refusal(result)
        await scene.until(lambda: not scene.worker.status().requests)  # a server hears a little later of those given up
        result = await asked(scene, "compare", text=MASKED, command="fill", checkpoints="tiny-roberta, tiny-bert")
        assert len(names(result.response)) == 2


async def test_too_few_and_too_many(open_scene: OpenScene, families: Preset) -> None:
    async with open_scene(families) as scene:
        await fetched(scene)
        for given, number in (("gpt2", 1), ("tiny-bert, tiny-bert", 1), ("bert_ner, bart, distil, llama, gpt2", 5)):
            result = await asked(scene, "compare", text=TEXT, command="tokenize", checkpoints=given)
            assert f"this names {number}." in result.response.content
            assert result.ephemeral
        scene.env.errors.clear()


async def test_the_option_of_every_command(open_scene: OpenScene, families: Preset) -> None:
    async with open_scene(families) as scene:
        await fetched(scene)
        assert await values(scene, "fill", "checkpoint", "") == ["tiny-roberta", "tiny-llama", "tiny-bert", "tiny-gpt2"]
        assert await values(scene, "sentiment", "checkpoint", "bert_s") == ["tiny-bert_sentiment"]
        assert await values(scene, "entities", "checkpoint", "/ent") == ["tiny-bert_ner"]

        result = await asked(scene, "generate", prompt="I love", max_new_tokens=4, checkpoint="tiny-gpt2")
        assert footer(result.response).startswith("tiny-gpt2")
        again = await scene.alice.click(result.response.message, label="Regenerate")
        assert footer(again.response).startswith("tiny-gpt2")
        work = scene.press(scene.alice, result.response, "Show the work")
        await scene.env.settle()
        assert footer(work.response).startswith("tiny-gpt2")
        inspected = await asked(scene, "inspect", text=TEXT, checkpoint="tiny-bert_sentiment")
        assert footer(inspected.response).startswith("tiny-bert_sentiment")


@pytest.mark.parametrize("forged", ["tiny-bert", "nothing", "../../etc", "fill", ""])
async def test_a_forged_one_is_refused_with_those_that_there_are(
    open_scene: OpenScene, families: Preset, forged: str
) -> None:
    async with open_scene(families) as scene:
        await fetched(scene)
        result = await asked(scene, "sentiment", text=TEXT, checkpoint=forged)
        if not forged:  # left out
            assert footer(result.response).startswith("tiny-distilbert")
            return
        told = scene.refusal(result)
        assert all(
            f"`{name}`" in told for name in ("tiny-distilbert", "tiny-llama", "tiny-gpt2", "tiny-bert_sentiment")
        )
        assert "tiny-roberta" not in told


class TestServer:
    """What a server allows."""

    async def test_holds_for_options_comparisons_and_buttons(self, open_scene: OpenScene, families: Preset) -> None:
        async with open_scene(families) as scene:
            await fetched(scene)
            before = await asked(scene, "fill", text=MASKED, checkpoint="tiny-gpt2")

            def only_bert(settings: ServerSettings) -> ServerSettings:
                return settings.model_copy(update={"checkpoints": CheckpointSettings(allowed=("tiny-bert", "gone"))})

            await scene.bot.servers.change(scene.guild.id, only_bert)
            assert await values(scene, "fill", "checkpoint", "") == ["tiny-roberta", "tiny-bert"]
            assert await values(scene, "compare", "checkpoints", "", command="fill") == ["tiny-roberta", "tiny-bert"]

            refused = await asked(scene, "fill", text=MASKED, checkpoint="tiny-gpt2")
            assert "choose one of these: `tiny-roberta`, `tiny-bert`." in scene.refusal(refused)
            pressed = scene.press(scene.alice, before.response, "Show the work")
            await scene.env.settle()
            assert "choose one of these: `tiny-roberta`, `tiny-bert`." in pressed.response.content
            both = await asked(scene, "compare", text=MASKED, command="fill")
            assert names(both.response) == ["tiny-roberta", "tiny-bert"]
            alone = await asked(scene, "compare", text=TEXT, command="sentiment")
            assert "There is only one checkpoint for /sentiment here" in alone.response.content
            usual = await asked(scene, "fill", text=MASKED, checkpoint="tiny-roberta")
            assert footer(usual.response).startswith("tiny-roberta")
            scene.env.errors.clear()

            in_private = await scene.alice.user.slash("fill", text=MASKED, checkpoint="tiny-gpt2")
            assert footer(in_private.response).startswith("tiny-gpt2")


async def test_completion_of_a_list(open_scene: OpenScene, families: Preset) -> None:
    async with open_scene(families) as scene:
        await fetched(scene)
        assert await values(scene, "compare", "checkpoints", "", command="entities") == [
            "tiny-bert_ner",
            "tiny-llama",
            "tiny-gpt2",
            "tiny-roberta_ner",
        ]
        assert await values(scene, "compare", "checkpoints", "tiny-gpt2, ", command="entities") == [
            "tiny-gpt2",
            "tiny-gpt2, tiny-bert_ner",
            "tiny-gpt2, tiny-llama",
            "tiny-gpt2, tiny-roberta_ner",
        ]
        assert await values(scene, "compare", "checkpoints", "tiny-gpt2, rob", command="entities") == [
            "tiny-gpt2, tiny-roberta_ner"
        ]


async def test_old_requests_are_read_and_new_ones_keep_their_checkpoint(
    open_scene: OpenScene, families: Preset
) -> None:
    async with open_scene(families) as scene:
        about = fill.FillRequest(MASKED)
        old = await scene.store.keep(about, person=1)
        [row] = await scene.store.database.rows(_content(), {"id": old})
        assert "checkpoint" not in row.content
        assert await scene.store.find(old) == about

        chosen = WorkRequest.of(replace(about, checkpoint="tiny-bert"))
        kept = await scene.store.find(await scene.store.keep(chosen, person=1))
        assert kept == chosen
        assert isinstance(kept, WorkRequest)
        assert (kept.checkpoint, kept.about.checkpoint) == ("tiny-bert", "tiny-bert")


def _content() -> Any:
    from sqlalchemy import bindparam, select

    from bot.storage.tables import REQUESTS

    return select(REQUESTS.c.content).where(REQUESTS.c.id == bindparam("id"))


async def test_families_side_by_side(open_scene: OpenScene, make_preset: Any) -> None:
    async with open_scene(make_preset(sentiment="distilbert", generate="llama", translate="t5")) as scene:
        await fetched(scene)
        result = await asked(scene, "compare", text="I love this course", command="attention")

        assert names(result.response) == ["tiny-distilbert", "tiny-llama", "tiny-t5"]
        encoder, decoder, both = (field.value for field in result.response.embeds[0].fields)
        assert re.match(r"\*\*Encoder\.\*\* Each of (\d+) tokens sees all \1\.\nOut comes a label, with ", encoder)
        assert re.match(r"\*\*Decoder\.\*\* Each of \d+ tokens sees itself and those before it, none that", decoder)
        assert "Out comes a token to go on with, with " in decoder
        lines = both.splitlines()
        assert re.match(r"\*\*Encoder-decoder\.\*\* Encoder: each of (\d+) tokens sees all \1\.", lines[0])
        assert re.match(r"Decoder: each of \d+ tokens? sees itself and those before it", lines[1])
        assert re.match(r"Cross-attention: each of \d+ tokens? sees all \d+\.", lines[2])
        assert lines[3].startswith("Out comes a text:")
        [picture] = [one for one in result.response.attachments if one.filename == "families.png"]
        assert picture.description.startswith("Who sees whom. 5 masks.")
        assert "tiny-t5, Cross-attention: each of " in picture.description
        assert not scene.env.errors

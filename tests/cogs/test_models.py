"""`/models`, in servers, direct messages and group channels, with checkpoints in every state."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import simcord
import transformers
from simcord import interactions
from simcord.backend import serializers

from bot.client import sentence_for
from bot.errors import ModelUnavailable
from bot.inference.checkpoints.catalogue import Preset
from bot.inference.checkpoints.memory_limit import MemoryLimits
from bot.inference.worker import InferenceWorker
from bot.replies.checkpoints.state import FAMILY_PURPOSES
from tests.cogs.conftest import MESSAGE_COMPONENT, OpenBackend, OpenScene, Scene
from tests.inference.test_several_devices import OTHER
from tests.support import COURSE, CPU, preset_of

FIRST_TASKS = {name: task for task, name in reversed(COURSE.items())}
"""The first task of each checkpoint, which stands for it."""
PLACES = ["server", "direct message", "group"]
MENU = "glassbox:models"
STRING_SELECT = 3


async def ask(scene: Scene, place: str = "server", **options: Any) -> simcord.InteractionResult:
    return await scene.ask(place, "models", **options)


def shown(result: simcord.InteractionResult) -> str:
    """Everything in the embed that somebody was shown."""
    assert result.response is not None
    [embed] = result.response.embeds
    parts = [embed.title, embed.description, *(f"{field.name}\n{field.value}" for field in embed.fields)]
    return "\n".join(filter(None, parts))


def entry(result: simcord.InteractionResult, name: str) -> str:
    """What the overview says of one checkpoint."""
    [found] = [one for one in shown(result).split("\n\n") if f"**{name}**" in one]
    return found


def offered(scene: Scene, result: simcord.InteractionResult) -> list[dict[str, Any]]:
    """The options of the menu under a message."""
    assert result.response is not None
    stored = scene.env.backend.get_message(result.response.channel_id, result.response.id)
    [menu] = [one for row in stored.components for one in row["components"]]
    assert menu["custom_id"] == MENU
    options: list[dict[str, Any]] = menu["options"]
    return options


async def choose_in_group(scene: Scene, overview: Any, task: str) -> simcord.InteractionResult:
    """Alice chooses from a menu in a group channel, where the bot is not."""
    backend = scene.env.backend
    stored = backend.get_message(overview.response.channel_id, overview.response.id)
    record, payload = interactions.base_payload(
        backend,
        type=MESSAGE_COMPONENT,
        channel_id=stored.channel_id,
        guild_id=None,
        user_id=scene.alice.id,
        data={"custom_id": MENU, "component_type": STRING_SELECT, "values": [task]},
    )
    payload["message"] = dict(serializers.message_payload(backend, stored))
    record.source_message_id = stored.id
    backend.emit("INTERACTION_CREATE", payload | scene._in_group(backend.get_channel(stored.channel_id)))
    await scene.env.settle()
    return simcord.InteractionResult(scene.env, record)


@pytest.fixture
def llama(load: Callable[[str], Any]) -> Any:
    """The head of the tiny Llama."""
    return load("llama")


class TestOverview:
    @pytest.mark.parametrize("place", PLACES)
    async def test_everywhere(self, open_scene: OpenScene, place: str) -> None:
        async with open_scene() as scene:
            result = await ask(scene, place)

            assert not result.ephemeral
            for task, name in COURSE.items():
                known = entry(result, f"tiny-{name}".replace("_", "\\_"))
                assert "not loaded yet" in known
                assert f"`/{task}`" in known
            assert entry(result, "tiny-distilbert").splitlines()[-2].startswith("encoder · 31,970 parameters")
            assert all(str(purpose) in shown(result) for purpose in FAMILY_PURPOSES.values())
            assert sorted(one["value"] for one in offered(scene, result)) == sorted(FIRST_TASKS.values())
            assert scene.env.errors == []

    async def test_is_registered_with_its_option(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            registered = scene.env.backend.find_command("models", None, type=1)
            assert registered["integration_types"] == [0, 1]
            assert registered["contexts"] == [0, 1, 2]
            [option] = registered["options"]
            assert (option["name"], option["autocomplete"], option.get("required", False)) == (
                "checkpoint",
                True,
                False,
            )

    async def test_what_is_loaded(self, open_scene: OpenScene) -> None:
        async with open_scene(device=[CPU, OTHER]) as scene:
            await scene.worker.load(["sentiment"])
            result = await ask(scene)
            assert "ready on cpu and cpu:0, 2 replicas in float32, 258 kB in all" in entry(result, "tiny-distilbert")
            assert "not loaded yet" in entry(result, "tiny-llama")

    async def test_one_checkpoint_for_all(self, open_scene: OpenScene, make_preset: Any) -> None:
        async with open_scene(make_preset(**dict.fromkeys(COURSE, "llama"))) as scene:
            result = await ask(scene)
            assert [one["value"] for one in offered(scene, result)] == ["sentiment"]
            assert f"For {', '.join(f'`/{task}`' for task in COURSE)}\n" in entry(result, "tiny-llama")

    async def test_one_that_has_left_and_one_that_failed(self, open_scene: OpenScene, mixed: Preset) -> None:
        async with open_scene(mixed, room=MemoryLimits({"cpu": 1})) as scene:
            await scene.worker.load(["fill"])
            await scene.worker.load(["generate"])
            with pytest.raises(ModelUnavailable):
                await scene.worker.load(["sentiment"])
            result = await ask(scene)
            assert "is not on the device, and comes back when it is used" in entry(result, "tiny-roberta")
            assert "could not be loaded, and is tried again when it is used" in entry(result, "tiny-damaged")

    async def test_while_one_is_loaded(self, open_scene: OpenScene, loading: threading.Event) -> None:
        async with open_scene() as scene:
            loads = asyncio.create_task(scene.worker.load(["sentiment"]))
            await scene.until(lambda: scene.worker.task_state("sentiment").seconds_left is not None)
            result = scene.invoke(scene.alice, "models")
            await scene.until(lambda: scene.edits())
            assert "loading, about " in entry(result, "tiny-distilbert")
            loading.set()
            await loads


class TestDetail:
    @pytest.mark.parametrize("place", PLACES)
    async def test_everywhere(
        self, open_scene: OpenScene, llama: Any, checkpoints: Mapping[str, Path], place: str
    ) -> None:
        real = transformers.AutoModelForCausalLM.from_pretrained(checkpoints["llama"])
        async with open_scene() as scene:
            await scene.worker.load(["generate"])
            result = await ask(scene, place, checkpoint="generate")

            assert not result.ephemeral
            lines = [line.split() for line in shown(result).splitlines()]
            assert ["parameters", f"{real.num_parameters():,}"] in lines
            assert ["vocabulary", f"{len(llama.tokenizer):,}"] in lines
            assert ["context", "length", f"{llama.model.config.max_position_embeddings:,}"] in lines
            assert ["layers", str(llama.model.config.num_hidden_layers)] in lines
            assert ["key-value", "heads", str(llama.model.config.num_key_value_heads)] in lines
            assert f"layers: 2 × {type(llama.model.model.layers[0]).__name__}" in shown(result)
            assert "PackedLinear" not in shown(result)
            assert scene.env.errors == []

    @pytest.mark.parametrize("typed", ["translate", "/translate", "tiny-t5", " TINY-T5 ", "t5"])
    async def test_by_a_command_or_a_name(self, open_scene: OpenScene, typed: str) -> None:
        async with open_scene() as scene:
            result = await ask(scene, checkpoint=typed)
            assert result.response is not None
            assert result.response.embeds[0].title == "tiny-t5"
            assert "Use `/translate`, and it is loaded for you." in shown(result)
            [file] = result.response.attachments
            assert file.filename == "layers.txt"
            assert "block: ModuleList" in (await file.read()).decode()

    @pytest.mark.parametrize("typed", ["tiny", "nothing of that kind", " ", "@everyone"])
    async def test_by_no_name(self, open_scene: OpenScene, typed: str) -> None:
        async with open_scene() as scene:
            result = await ask(scene, checkpoint=typed)
            assert "I have no checkpoint of this name" in scene.refusal(result)

    async def test_no_path_is_shown(self, open_scene: OpenScene, checkpoints: Mapping[str, Path]) -> None:
        async with open_scene() as scene:
            for task in COURSE:
                await ask(scene, checkpoint=task)
            await ask(scene)
            await scene.alice.autocomplete(scene.channel, "models", "checkpoint", "")
            sent = str([request.json for request in scene.env.http_requests])
            assert str(checkpoints["llama"].parent) not in sent
            assert "A folder of the machine that I run on, called llama" in sent

    async def test_what_is_offered_while_typing(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            every = await scene.alice.autocomplete(scene.channel, "models", "checkpoint", "")
            some = await scene.alice.autocomplete(scene.channel, "models", "checkpoint", "/TRANS")
            none = await scene.alice.autocomplete(scene.channel, "models", "checkpoint", "klingon")
            assert sorted(one["value"] for one in every) == sorted(f"tiny-{name}" for name in FIRST_TASKS)
            assert some == [{"name": "tiny-t5 (/translate)", "value": "tiny-t5"}]
            assert none == []


class TestMenu:
    async def test_shows_one_to_whoever_chooses(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            overview = await ask(scene)
            result = await scene.bob.select(overview.response, ["zeroshot"])
            assert result.ephemeral
            assert result.response is not None
            assert result.response.embeds[0].title == "tiny-bart\\_mnli"
            assert "0: contradiction · 1: neutral · 2: entailment" in shown(result)
            assert "tiny-distilbert" in shown(overview)

    async def test_after_a_restart(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            overview = await ask(scene)
            await scene.restart()
            result = await scene.alice.select(overview.response, ["fill"])
            assert result.response is not None
            assert result.response.embeds[0].title == "tiny-roberta"

    async def test_after_a_restart_with_fewer_checkpoints(
        self,
        open_scene: OpenScene,
        make_preset: Any,
        make_worker: Callable[..., AbstractAsyncContextManager[InferenceWorker]],
        open_backend: OpenBackend,
    ) -> None:
        async with (
            make_worker(make_preset(sentiment="distilbert")) as worker,
            open_backend(worker) as other,
            open_scene() as scene,
        ):
            overview = await ask(scene)
            scene.backend = other
            await scene.restart()
            result = await scene.alice.select(overview.response, ["fill"])
            [told] = result.followups
            assert told.ephemeral
            assert told.content == "No checkpoint is set for /fill. Whoever runs this bot can set one."
            assert told.content == sentence_for(ModelUnavailable(told.content))

    async def test_in_a_direct_message(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            overview = await ask(scene, "direct message")
            result = await scene.alice.user.select(overview.response, ["generate"])
            assert result.response is not None
            assert result.response.embeds[0].title == "tiny-llama"

    async def test_in_a_group(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            overview = await ask(scene, "group")
            result = await choose_in_group(scene, overview, "generate")
            assert result.ephemeral
            assert result.response is not None
            assert result.response.embeds[0].title == "tiny-llama"

    async def test_the_client_keeps_nothing(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            await ask(scene)
            assert scene.bot.persistent_views == []
            assert not scene.bot._connection._view_store._synced_message_views


@pytest.fixture
def mixed(checkpoints: Mapping[str, Path], tmp_path: Path) -> Preset:
    """Two checkpoints, and one whose weights are damaged."""
    folder = tmp_path / "damaged"
    folder.mkdir()
    for file in checkpoints["distilbert"].iterdir():
        (folder / file.name).write_bytes(b"?" * 99 if file.suffix == ".safetensors" else file.read_bytes())
    return preset_of({"sentiment": folder, "fill": checkpoints["roberta"], "generate": checkpoints["llama"]})

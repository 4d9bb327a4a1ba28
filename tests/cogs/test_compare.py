"""`/compare`, and the option `checkpoint` of every command, in the simulated Discord."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.inference.checkpoints.catalogue import Preset
from bot.inference.limits import Limits
from bot.servers.topics.checkpoints import CheckpointSettings
from bot.tasks.work.request import WorkRequest
from tests.cogs.conftest import OpenScene, Scene
from tests.support import with_extras

TEXT = "What a terrible day, and the coffee was cold!"
MASKED = "The capital of France is ___."


@pytest.fixture
def families(course: Preset, checkpoints: Mapping[str, Path]) -> Preset:
    """The course's preset, with checkpoints of its families to choose from."""
    return with_extras(
        course, *(checkpoints[name] for name in ("bert", "gpt2", "gpt_neo", "bert_sentiment", "roberta_ner"))
    )


async def fetched(scene: Scene) -> None:
    """Wait until the worker has looked at the extra checkpoints, as a start does."""
    await scene.worker._fetch_choices()
    await scene.heard()


async def compare(scene: Scene, text: str, command: str, **options: Any) -> Any:
    return await scene.alice.slash(scene.channel, "compare", text=text, command=command, **options)


def labels_of(message: Any) -> list[str]:
    return [button["label"] for row in message.components for button in row["components"]]


def custom_ids(message: Any) -> list[str]:
    return [button["custom_id"] for row in message.components for button in row["components"]]


def names_of(embed: Any) -> list[str]:
    return [field.name for field in embed.fields]


async def test_checkpoints_side_by_side_and_the_work_of_each(open_scene: OpenScene, families: Preset) -> None:
    async with open_scene(families) as scene:
        await fetched(scene)
        result = await compare(scene, MASKED, "fill", checkpoints="tiny-roberta, tiny-bert, gpt2")
        [embed] = result.response.embeds
        assert names_of(embed) == ["tiny-roberta", "tiny-bert", "tiny-gpt2"]
        assert "**" in embed.description
        assert "__" in "".join(field.value for field in embed.fields)
        assert "Underlined" in embed.footer.text
        stored = scene.env.backend.get_message(result.response.channel_id, result.response.id)
        assert [label.rpartition(": ")[2] for label in labels_of(stored)] == names_of(embed)
        assert len(set(custom_ids(stored))) == 3

        await scene.restart()
        await fetched(scene)
        await result.response.click("Show the work: tiny-bert")
        [work] = scene.env.messages(scene.channel)[-1].embeds if False else [await _shown(scene)]
        assert work.footer.text.startswith("tiny-bert")


async def _shown(scene: Scene) -> Any:
    """The embed that was shown last."""
    [embed] = scene.edits()[-1]["embeds"]

    class Shown:
        footer = type("Footer", (), {"text": embed["footer"]["text"]})

    return Shown

"""Modals that were never shown: whatever stands in their custom ids and fields, their person reads a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from bot.errors import UNEXPECTED
from cogs.complete import NOT_OFFERED
from tests.cogs.conftest import OpenScene, Scene
from tests.cogs.layouts import forge_modal

FIELD = {"type": 4, "custom_id": "texts", "value": "x = 1"}


def told(result: Any) -> str:
    """The sentence that somebody reads; empty if it is an answer, because the fields were read."""
    said = [one for one in (result.response, *result.followups) if one is not None]
    assert said, "nobody is told"
    return str(said[-1].content)


async def forged(scene: Scene, action: str, options: str, *fields: dict[str, Any]) -> str:
    return told(await forge_modal(scene, scene.alice, f"glassbox-{action}:{options}", *fields))


@pytest.mark.parametrize("options", ["", ":", "::", "py:x:0.2:", "py:5:x:", "py::0.2:", "py:5:0,2:", "²:²:²:²"])
async def test_options_of_complete(open_scene: OpenScene, options: str) -> None:
    async with open_scene() as scene:
        assert await forged(scene, "complete", options, FIELD) == str(NOT_OFFERED)


@pytest.mark.parametrize(
    "options", ["py:5:nan:", "py:5:inf:", "py:99999:0.2:", "py:-1:0.2:", "tlh:5:0.2:", "py:5:0.2:x"]
)
async def test_values_of_complete(open_scene: OpenScene, options: str) -> None:
    """Each option is checked as the command's own is, also the checkpoint."""
    async with open_scene() as scene:
        said = await forged(scene, "complete", options, FIELD)
        assert said not in (str(UNEXPECTED), str(NOT_OFFERED))


FIELDS: tuple[tuple[dict[str, Any], ...], ...] = (
    (),
    ({"type": 4, "custom_id": "texts"},),
    ({"type": 21, "custom_id": "texts", "value": 3},),
)


async def test_every_modal(open_scene: OpenScene) -> None:
    """Of every action, with options of any form, and fields without a value, with another type, and none at all."""
    async with open_scene() as scene:
        for action in (*scene.bot._action_handlers, "nothing"):
            for options, fields in zip(("", "²:²", ":::"), FIELDS, strict=True):
                said = await forged(scene, action, options, *fields)
                assert said != str(UNEXPECTED), (action, options, fields)

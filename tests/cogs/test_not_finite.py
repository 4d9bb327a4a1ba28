"""NaN and infinity are never an answer, whatever the command and wherever in a checkpoint they come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from bot.errors import NotFinite
from bot.inference.checkpoints.loading import load_head
from tests.cogs.conftest import OpenScene
from tests.cogs.test_commands import COMMANDS
from tests.cogs.test_models import ask, entry
from tests.support import COURSE

WEIGHTS = {"NaN": float("nan"), "infinity": float("inf")}
ANSWERED = {name: options for name, options in COMMANDS.items() if name in COURSE}
PROMPTED = [name for name in ANSWERED if name not in {"translate", "similarity"}]
"""What a decoder answers as well."""


@pytest.fixture(params=WEIGHTS)
def poisoned(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every checkpoint has one bad number in each of its matrices."""

    def load(*arguments: Any) -> Any:
        head = load_head(*arguments, packed=False)
        with torch.no_grad():
            for parameter in head.model.parameters():
                parameter.view(-1)[0] = WEIGHTS[request.param]
        return head

    monkeypatch.setattr("bot.inference.checkpoints.pool.load_head", load)


def told(result: Any) -> str:
    """What somebody was told, in private, in place of an answer."""
    assert result.response is None  # what was public is gone
    [message] = result.followups
    assert message.ephemeral
    assert not message.embeds
    return str(message.content)


@pytest.mark.usefixtures("poisoned")
async def test_no_command_makes_an_answer_of_them(open_scene: OpenScene, caplog: pytest.LogCaptureFixture) -> None:
    assert len(ANSWERED) == 11
    async with open_scene() as scene:
        for command, options in ANSWERED.items():
            result = await scene.alice.slash(scene.channel, command, **options)
            assert told(result) == NotFinite().sentence, command
        for command in ("sentiment", "translate"):
            assert "suspect" in entry(await ask(scene), f"tiny-{COURSE[command]}")
        assert all(one.nonfinite > 0 for one in scene.worker.status().checkpoints if set(one.tasks) & set(ANSWERED))
        scene.env.errors.clear()  # what is logged of them is enough
    assert len([one for one in caplog.messages if "numbers that are not finite" in one]) == 11
    typed = [str(value) for options in ANSWERED.values() for value in options.values()]
    assert not any(text in caplog.text for text in typed if len(text) > 5)


@pytest.mark.usefixtures("poisoned")
async def test_nor_does_one_that_a_decoder_answers(open_scene: OpenScene, make_preset: Callable[..., Any]) -> None:
    async with open_scene(make_preset(**dict.fromkeys(PROMPTED, "llama"))) as scene:
        for command in PROMPTED:
            result = await scene.alice.slash(scene.channel, command, **ANSWERED[command])
            assert told(result) == NotFinite().sentence, command
        scene.env.errors.clear()


@pytest.mark.usefixtures("poisoned")
async def test_nor_does_what_looks_into_a_checkpoint(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        for command in ("attention", "inspect"):
            result = await scene.alice.slash(scene.channel, command, text="I love apples.")
            assert told(result) == NotFinite().sentence, command
        scene.env.errors.clear()

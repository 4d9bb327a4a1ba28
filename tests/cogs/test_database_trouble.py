"""The database cannot be used: that costs buttons and a sentence, and no answer."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from bot.errors import RequestOutOfReach
from bot.replies.pending import NOT_KEPT
from tests.cogs.conftest import OpenScene, Scene

QUESTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("generate", {"prompt": "Once", "max_new_tokens": 4}),
    ("sentiment", {"text": "I love it"}),
    ("chat", {"message": "Hello!"}),
    ("attention", {"text": "I love it"}),
)


async def damage(scene: Scene) -> None:
    """Nothing that is kept can be read or written any more."""
    for name in ("words_in_requests", "requests", "exchanges", "unanswered"):
        await scene.store.database.run(text(f"ALTER TABLE {name} RENAME TO gone_{name}"))


async def mend(scene: Scene) -> None:
    for name in ("words_in_requests", "requests", "exchanges", "unanswered"):
        await scene.store.database.run(text(f"ALTER TABLE gone_{name} RENAME TO {name}"))


@pytest.mark.parametrize(("command", "options"), QUESTIONS, ids=[command for command, _ in QUESTIONS])
async def test_no_button_is_offered_that_cannot_work(
    open_scene: OpenScene, command: str, options: dict[str, Any]
) -> None:
    async with open_scene() as scene:
        before = await scene.alice.slash(scene.channel, "generate", prompt="Twice", max_new_tokens=4)
        await damage(scene)
        result = await scene.alice.slash(scene.channel, command, **options)
        assert result.response.embeds
        assert not result.response.components
        assert result.response.content == f"-# {NOT_KEPT}"
        assert not result.followups

        pressed = await scene.alice.click(before.response.message, label="Regenerate")
        assert pressed.ephemeral
        assert pressed.response.content == RequestOutOfReach().sentence
        scene.env.errors.clear()

        await mend(scene)
        again = await scene.alice.slash(scene.channel, command, **options)
        assert again.response.components
        assert not again.response.content
        assert (await scene.alice.click(before.response.message, label="Regenerate")).response.embeds

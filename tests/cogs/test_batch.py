"""`/batch` through Discord."""

from __future__ import annotations
from typing import Any
import pytest
from tests.cogs.conftest import OpenScene

ROWS = b"id,text\n1,I love apples\n2,=1+1 is odd\n3,\n4,I hate apples\n"


async def test_a_file(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        result = await scene.alice.slash(scene.channel, "batch", file=("reviews.csv", ROWS), command="sentiment")
        import asyncio, faulthandler

        for _ in range(200):
            await asyncio.sleep(0.1)
            if result.response is not None and result.response.attachments:
                break
        await scene.until(lambda: True)
        (lambda: result.response is not None and result.response.attachments)
        shown = result.response
        print(shown.embeds[0].to_dict(), [(a.filename, a.size) for a in shown.attachments])
        blob = scene.env.backend.cdn.get(shown.attachments[-1].url)
        print(blob)
        assert 0

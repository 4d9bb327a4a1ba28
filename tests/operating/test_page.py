"""The page of metrics names all of them, and no others."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.operating.watch import Watch
from tests.cogs.conftest import OpenScene
from tests.operating.conftest import Operator

PAGE = Path(__file__).parents[2] / "docs" / "METRICS.md"


@pytest.mark.may_block
async def test_names_every_metric(open_scene: OpenScene, watch: Watch, operator: Operator, monkeypatch: Any) -> None:
    async with open_scene(watch=watch) as scene:
        await scene.alice.slash(scene.channel, "sentiment", text="I love apples")
        status = scene.worker.status
        limited = replace(status(), devices=tuple(replace(one, memory_limit=1) for one in status().devices))
        monkeypatch.setattr(scene.worker, "status", lambda: limited)
        served = re.findall(r"^# TYPE (glassbox_\w+) (\w+)", (await operator.scrape()).text, re.MULTILINE)
    families = {(name, kind) for name, kind in served if not name.endswith("_created")}
    described = set(re.findall(r"^\| `(glassbox_\w+)` \| (\w+) \|", PAGE.read_text(), re.MULTILINE))
    assert described == families

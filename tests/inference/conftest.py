"""What tests of the worker have in common."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.inference.toys import ToyShop


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ToyShop]:
    """A toy head that workers load instead of a checkpoint."""
    shop = ToyShop(tmp_path)
    monkeypatch.setattr("bot.inference.checkpoints.pool.fetch", lambda spec, cache, report: cache)
    monkeypatch.setattr("bot.inference.checkpoints.pool.load_head", shop.load_head)
    yield shop
    shop.head.gate.set()

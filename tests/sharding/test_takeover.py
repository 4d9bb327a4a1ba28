"""An interaction of a process that has died, answered by the real bot in a simulated Discord."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from sqlalchemy import text

from bot.errors import UNEXPECTED
from bot.sharding.takeover import MOST_TRIES
from bot.storage.unanswered import LAST_SECONDS
from tests.cogs.conftest import Scene, held_texts, open_scene  # noqa: F401

OpenScene = Callable[..., AbstractAsyncContextManager[Scene]]
DEFERRED = 5


async def abandon(scene: Scene, command: str, **options: Any) -> Any:
    """A process acknowledges a command, and dies; return the interaction as simcord knows it."""
    record, payload = scene._interaction(scene.alice, scene.channel.id, scene.guild.id, command, options)
    scene.env.backend.acknowledge(record, DEFERRED)
    return record, payload


async def keep(scene: Scene, payload: Any, *, tries: int = 0, age: float = 0) -> None:
    statement = text(
        "INSERT INTO unanswered (id, process, acknowledged, payload, created, tries) VALUES"
        " (:id, 'dead', 5, :payload, (julianday('now') - 2440587.5) * 86400.0 - :age, :tries)"
    )
    values = {"id": int(payload["id"]), "payload": json.dumps(payload), "age": age, "tries": tries}
    await scene.store.database.run(statement, values)

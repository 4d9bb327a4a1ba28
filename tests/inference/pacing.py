"""Long texts between whose steps others must be served."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from bot.inference.heads.generation.continuous_batching import Generation, RunningBatch
from tests.timers import PATIENCE


@dataclass
class Pause:
    """Two places at which texts of a length wait, so that what is asked at the first is answered before the second.

    Attributes:
        held: the devices whose texts have come to the first place.
        asked: set when the texts may go on beyond their first tokens.
        answered: set when they may come to their last one.
    """

    held: set[int] = field(default_factory=set)
    asked: threading.Event = field(default_factory=threading.Event)
    answered: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def paused(monkeypatch: pytest.MonkeyPatch, tokens: int) -> Iterator[Pause]:
    """Have texts of so many tokens wait."""
    pause, step = Pause(), RunningBatch.step

    def held(decoder: RunningBatch[Generation]) -> None:
        rows = [one.row for one in decoder._decoding if one.row.inputs.max_new_tokens == tokens]
        if any(len(row.progress) >= 5 for row in rows):
            pause.held.add(threading.get_ident())
            assert pause.asked.wait(PATIENCE)
        assert all(len(row.progress) < tokens - 1 for row in rows) or pause.answered.wait(PATIENCE)
        step(decoder)

    with monkeypatch.context() as patch:
        patch.setattr(RunningBatch, "step", held)
        try:
            yield pause
        finally:
            pause.asked.set()
            pause.answered.set()

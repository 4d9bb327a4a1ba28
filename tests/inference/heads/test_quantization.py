from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import nn

from bot.inference.checkpoints.loading import load_head
from bot.inference.compute import int8
from bot.inference.compute.device import Device
from bot.inference.compute.int8 import Int8Linear, obstacle
from bot.inference.heads import quantization
from bot.inference.heads.generation.sampling import Sampling
from bot.inference.heads.parity import SENTENCES, observer
from tests.support import CPU
from tests.tiny import llama

INT8 = Device("cpu", "int8")

able = pytest.mark.skipif(obstacle(CPU) is not None, reason="this CPU has no instructions for int8")


def rounded_layers(head: Any) -> int:
    return sum(isinstance(module, Int8Linear) for module in head.model.modules())


Weights = dict[str, torch.Tensor]


def changed(folder: Path, copy: Path, change: Callable[[Weights], None]) -> Path:
    """A checkpoint with other weights."""
    shutil.copytree(folder, copy)
    weights = safetensors.torch.load_file(copy / "model.safetensors")
    change(weights)
    safetensors.torch.save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    return copy


def sure_of_itself(weights: Weights) -> None:
    """A classifier with no labels that are nearly tied."""
    weights["classifier.bias"] += torch.tensor([-6.0, 6.0])


def with_an_outlier(weights: Weights) -> None:
    """A classifier that has a channel of 1 and a weight of 8,192 for it, which the bias takes away again.

    In bfloat16 it answers as before. In 8 bits nothing is left of the other channels.
    """
    for layer in ("distilbert.transformer.layer.0", "distilbert.transformer.layer.1"):
        weights[f"{layer}.sa_layer_norm.weight"][0] = 0
        weights[f"{layer}.sa_layer_norm.bias"][0] = 1
        weights[f"{layer}.ffn.lin1.weight"][:, 0] = 8_192
        weights[f"{layer}.ffn.lin1.bias"] -= 8_192


def of_nearly_tied_labels(folder: Path) -> Callable[[Weights], None]:
    """A classifier that is as undecided as can be about the test sentences: half of them are on either side."""
    head: Any = load_head(folder, Device("cpu", INT8.best_precision), packed=False)
    logits = observer(head, SENTENCES)().log()
    margins = logits[:, 1] - logits[:, 0]

    def change(weights: Weights) -> None:
        factor = 8 / float(margins.std())
        weights["classifier.weight"] *= factor
        weights["classifier.bias"] *= factor
        weights["classifier.bias"][1] -= factor * float(margins.median())

    return change


def of_hard_choices(weights: Weights) -> None:
    """Attention with huge scores chooses one token, and rounding makes it choose another one."""
    for name, weight in weights.items():
        if name.endswith(("self_attn.q_proj.weight", "SelfAttention.q.weight")):
            weight *= 3_000


class TestReason:
    @pytest.mark.parametrize(
        ("capabilities", "device", "reason"),
        [
            ({"avx512_bf16": True}, Device("cpu", "bfloat16"), "bfloat16: this CPU multiplies it natively"),
            ({"avx512_bf16": True}, Device("cpu", "float32"), "float32: set by PRECISION"),
            ({}, Device("cpu", "float32"), "float32: this CPU does not multiply bfloat16 natively"),
            ({}, Device("cpu", "bfloat16"), "bfloat16: set by PRECISION"),
            ({}, Device("mps", "float16"), "float16: the default on mps"),
            ({}, Device("mps", "float32"), "float32: set by PRECISION"),
        ],
    )
    def test_reasons(
        self, monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], device: Device, reason: str
    ) -> None:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
        assert device.reason_for(device.precision) == reason

    @pytest.mark.parametrize(
        ("capability", "precision", "reason"),
        [
            ((9, 0), "bfloat16", "bfloat16: this GPU multiplies it natively"),
            ((7, 5), "float16", "float16: this GPU does not multiply bfloat16 natively"),
        ],
    )
    def test_of_a_gpu(
        self, monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], precision: str, reason: str
    ) -> None:
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
        assert Device("cuda:0", precision).reason_for(precision) == reason

    def test_of_a_head(self, checkpoints: Mapping[str, Path]) -> None:
        head = load_head(checkpoints["distilbert"], Device("cpu", "float16"))
        assert (head.precision, head.precision_reason) == ("float16", "float16: set by PRECISION")


@able
@pytest.mark.parametrize("name", ["distilbert", "roberta", "llama", "marian"])
def test_a_checkpoint_that_answers_the_same_computes_in_int8(
    checkpoints: Mapping[str, Path], tmp_path: Path, name: str
) -> None:
    folder = checkpoints[name]
    if name == "distilbert":
        folder = changed(folder, tmp_path / name, sure_of_itself)
    head = load_head(folder, INT8)
    assert head.precision == "int8"
    assert re.match(r"int8: (8 of 8 test sentences|\d+% of \d+ test positions) have the same ", head.precision_reason)
    assert rounded_layers(head) > 0
    plain = load_head(folder, Device("cpu", INT8.best_precision))
    assert head.weight_bytes < plain.weight_bytes
    assert head.parameters == plain.parameters


@able
def test_a_classifier_in_int8_answers(checkpoints: Mapping[str, Path], tmp_path: Path) -> None:
    folder = changed(checkpoints["distilbert"], tmp_path / "distilbert", sure_of_itself)
    rounded: Any = load_head(folder, INT8)
    plain: Any = load_head(folder, CPU)
    row = plain.encode("I love apples and lemons.")
    [found], [expected] = rounded.classify.run([row]), plain.classify.run([row])
    found, expected = torch.from_numpy(found).softmax(dim=-1), torch.from_numpy(expected).softmax(dim=-1)
    assert not torch.equal(found, expected)
    torch.testing.assert_close(found, expected, rtol=0, atol=0.05)


@able
@pytest.mark.parametrize(
    ("name", "change"), [("distilbert", with_an_outlier), ("llama", of_hard_choices), ("t5", of_hard_choices)]
)
def test_a_checkpoint_that_answers_differently_keeps_its_weights(
    checkpoints: Mapping[str, Path], tmp_path: Path, name: str, change: Callable[[Weights], None]
) -> None:
    folder = changed(checkpoints[name], tmp_path / name, change)
    if name == "distilbert":
        folder = changed(folder, tmp_path / "undecided", of_nearly_tied_labels(folder))
    head: Any = load_head(folder, INT8, packed=False)
    precision = INT8.best_precision
    assert head.precision == precision
    assert head.precision_reason.startswith(f"{precision} instead of int8: ")
    assert re.search(r"test (sentences|positions) have .*; (all must|at least) ", head.precision_reason)
    assert rounded_layers(head) == 0
    untouched: Any = load_head(folder, Device("cpu", precision), packed=False)
    weights = untouched.model.state_dict()
    assert all(torch.equal(weight, weights[key]) for key, weight in head.model.state_dict().items())


def test_a_cpu_that_cannot(checkpoints: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    head = load_head(checkpoints["distilbert"], INT8)
    assert head.precision == "float32"
    assert head.precision_reason == "float32 instead of int8: this CPU has no instructions for it (VNNI or AMX)"
    assert {parameter.dtype for parameter in head.model.parameters()} == {torch.float32}


@able
def test_a_kind_of_head_without_a_check(checkpoints: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantization, "is_checkable", lambda head: False)
    head = load_head(checkpoints["llama"], INT8)
    assert head.precision_reason == f"{head.precision} instead of int8: there is no parity check for its kind"


@able
def test_a_checkpoint_without_linear_layers(checkpoints: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """GPT-2's are convolutions."""
    monkeypatch.setattr(int8, "_linear_layers", lambda model: iter(()))
    head = load_head(checkpoints["llama"], INT8)
    assert head.precision_reason == f"{head.precision} instead of int8: it has no linear layers to round"


@able
def test_a_checkpoint_that_does_not_run_in_it(
    checkpoints: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(layer: Int8Linear, inputs: torch.Tensor) -> torch.Tensor:
        raise AttributeError("secret")

    monkeypatch.setattr(Int8Linear, "forward", fail)
    with caplog.at_level(logging.WARNING):
        head = load_head(checkpoints["llama"], INT8, packed=False)
    assert head.precision == INT8.best_precision
    assert head.precision_reason == f"{head.precision} instead of int8: this checkpoint does not run in it"
    assert any(isinstance(module, nn.Linear) for module in head.model.modules())
    assert rounded_layers(head) == 0
    assert "AttributeError" in caplog.text
    assert "secret" not in caplog.text


@able
def test_a_text_written_in_int8(tmp_path: Path) -> None:
    llama(tmp_path / "llama")
    head: Any = load_head(tmp_path / "llama", INT8)
    assert head.precision == "int8"
    greedy = Sampling(temperature=0, top_p=1, seed=0)
    rows = [head.generation(head.encode(text), 8, sampling=greedy) for text in ("I love", "The capital of France is")]
    assert [len(one.ids) for one in head.generate.run(rows)] == [8, 8]

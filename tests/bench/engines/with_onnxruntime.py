"""ONNX Runtime on the exported PyTorch model, in float32, and with weights and activations in int8."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from bot.inference.heads.head import Head
from tests.bench.encoding import Inputs
from tests.bench.engines.engine import Engine
from tests.bench.engines.exported import cores, example_of, logits_of, quietly
from tests.bench.lanes import Lanes
from tests.bench.limit import LANES, TOGETHER, Offline, of_encoder

NAMES = {"float32": "model.onnx", "int8": "model.int8.onnx"}


class OnnxRuntime:
    """An encoder's files for ONNX Runtime, which are made once and deleted by `close`.

    Args:
        head: in float32.
    """

    def __init__(self, task: str, head: Head) -> None:
        self._task = task
        self._head = head
        self._folder = TemporaryDirectory(prefix="glassbox-onnx-")

    @property
    def engines(self) -> list[Engine]:
        """What takes part: both precisions."""
        ways = (TOGETHER, LANES) if cores() > 1 else (TOGETHER,)
        return [
            Engine(f"ONNX Runtime {precision}", precision, ways, lambda way, one=precision: self.open(one, way))  # type: ignore[misc]
            for precision in NAMES
        ]

    @contextlib.contextmanager
    def open(self, precision: str, way: str) -> Iterator[Offline]:
        """Open sessions on the model: one whose threads share each batch, or one that threads of ours call."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1 if way == LANES else cores()
        options.log_severity_level = 3  # errors
        session = onnxruntime.InferenceSession(self._file(precision), options, providers=["CPUExecutionProvider"])

        def forward(inputs: Inputs) -> torch.Tensor:
            [logits] = session.run(None, {name: tensor.numpy() for name, tensor in inputs.items()})
            return torch.from_numpy(logits)

        if way != LANES:
            yield of_encoder(self._task, self._head, lambda batches: map(forward, batches))
            return
        with contextlib.closing(Lanes(cores())) as lanes:
            yield of_encoder(self._task, self._head, lambda batches: lanes.compute(forward, batches))

    def close(self) -> None:
        """Delete the files."""
        self._folder.cleanup()

    def _file(self, precision: str) -> Path:
        path = Path(self._folder.name) / NAMES[precision]
        if path.exists():
            return path
        if precision == "float32":
            self._export(path)
        else:
            from onnxruntime.quantization import QuantType, quantize_dynamic

            source = self._file("float32")
            with quietly():
                quantize_dynamic(source, path, weight_type=QuantType.QInt8, use_external_data_format=True)
        return path

    def _export(self, path: Path) -> None:
        example = example_of(self._head)
        axes: dict[int, Any] = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
        with quietly(), torch.no_grad():
            torch.onnx.export(
                logits_of(self._task, self._head),
                (),
                path,
                kwargs=example,
                input_names=list(example),
                output_names=["logits"],
                dynamic_shapes=dict.fromkeys(example, axes),
                dynamo=True,
                verbose=False,
            )

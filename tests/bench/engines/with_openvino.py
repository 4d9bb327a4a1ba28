"""OpenVINO, compiled from the PyTorch model: streams that each compute batches on some of the cores."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

import torch

from bot.inference.heads.head import Head
from tests.bench.encoding import Inputs
from tests.bench.engines.engine import Engine
from tests.bench.engines.exported import cores, example_of, logits_of, quietly
from tests.bench.limit import Offline, of_encoder

HINTS: Mapping[str, str] = {"bfloat16": "bf16", "float32": "f32", "float16": "f16"}


class OpenVino:
    """An encoder in OpenVINO.

    Args:
        head: in float32.
        precision: what it computes in; it must be one of `HINTS`.
    """

    def __init__(self, task: str, head: Head, precision: str) -> None:
        self._task = task
        self._head = head
        self._precision = precision

    @property
    def engine(self) -> Engine:
        """What takes part."""
        ways = tuple(dict.fromkeys(_way(number) for number in (cores(), 1)))
        return Engine(f"OpenVINO {self._precision}", self._precision, ways, self.open)

    @contextlib.contextmanager
    def open(self, way: str) -> Iterator[Offline]:
        """Compile the model for a number of streams.

        Raises:
            ValueError: this processor doesn't compute in that precision.
        """
        _keep_to_ourselves()
        import openvino

        core, streams, hint = openvino.Core(), int(way.split()[0]), HINTS[self._precision]
        # Without the instructions for it, a hint is ignored in silence.
        if hint != "f32" and hint.upper() not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise ValueError(self._precision)
        options = {"INFERENCE_PRECISION_HINT": hint, "NUM_STREAMS": streams, "INFERENCE_NUM_THREADS": cores()}
        compiled = core.compile_model(self._converted, "CPU", options)
        yield of_encoder(self._task, self._head, lambda batches: _computed(compiled, streams, batches))

    @cached_property
    def _converted(self) -> Any:
        import openvino

        with quietly(), torch.no_grad():
            return openvino.convert_model(logits_of(self._task, self._head), example_input=example_of(self._head))


def _computed(compiled: Any, streams: int, batches: Iterable[Inputs]) -> Iterator[torch.Tensor]:
    from openvino import AsyncInferQueue

    found: dict[int, torch.Tensor] = {}

    def keep(request: Any, number: int) -> None:
        found[number] = torch.from_numpy(request.get_output_tensor(0).data.copy())

    # One request more than there are streams, so that none of them waits for Python.
    queue: Any = AsyncInferQueue(compiled, streams + 1)
    queue.set_callback(keep)
    for number, batch in enumerate(batches):
        queue.start_async({name: tensor.numpy() for name, tensor in batch.items()}, number)
    queue.wait_all()
    return (found[number] for number in range(len(found)))


def _way(streams: int) -> str:
    return f"{streams} stream{'' if streams == 1 else 's'}"


def _keep_to_ourselves() -> None:
    # The converter reports its use to Intel, unless the package that does so cannot be imported.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # this is how imports are forbidden

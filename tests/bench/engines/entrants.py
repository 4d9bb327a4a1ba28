"""Which engines take part with a task."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bot.errors import SettingsError
from bot.inference.heads.head import Head
from bot.inference.task import HeadKind, Task
from tests.bench.encoding import TASKS
from tests.bench.engines.engine import Engine

INSTALL = 'pip install -e ".[engines]"'
OPENVINO, ONNX_RUNTIME, CTRANSLATE2, LLAMA_CPP = "openvino", "onnxruntime", "ctranslate2", "llama.cpp"
ENGINES = {OPENVINO: "OpenVINO", ONNX_RUNTIME: "ONNX Runtime", CTRANSLATE2: "CTranslate2", LLAMA_CPP: "llama.cpp"}
"""By name on the command line, how people write it."""
MODULES = {OPENVINO: ("openvino",), ONNX_RUNTIME: ("onnxruntime", "onnx", "onnxscript"), CTRANSLATE2: ("ctranslate2",)}
"""What each needs; llama.cpp is a program."""


def engine_names(text: str | None) -> tuple[str, ...]:
    """Return `openvino,ctranslate2` as names of engines: all of them for None, and no engine for `none`.

    Raises:
        SettingsError: one of them is unknown.
    """
    names = ENGINES if text is None else [part.strip().lower() for part in text.split(",") if part.strip()]
    if list(names) == ["none"]:
        return ()
    if unknown := [name for name in names if name not in ENGINES]:
        raise SettingsError(
            f"There is no engine called “{unknown[0]}”. There are {', '.join(ENGINES)}, and “none” for no engine."
        )
    return tuple(dict.fromkeys(names))


def suited(task: str, kind: HeadKind) -> tuple[str, ...]:
    """Return the names of the engines that can do a task with a kind of head on a CPU."""
    if TASKS.get(task) is kind:
        return (OPENVINO, ONNX_RUNTIME)
    if (task, kind) == ("translate", HeadKind.SEQ2SEQ_LM):
        return (CTRANSLATE2,)
    return (LLAMA_CPP,) if (task, kind) == ("generate", HeadKind.CAUSAL_LM) else ()


def is_installed(name: str) -> bool:
    """Return whether an engine's packages are there."""
    return all(find_spec(module) is not None for module in MODULES[name])


def missing(names: Sequence[str]) -> Iterator[str]:
    """Yield a line that says which engines would take part if they were installed."""
    if names:
        verb = "is" if len(names) == 1 else "are"
        listed = " and ".join(ENGINES[name] for name in names)
        yield f"{listed} {verb} not installed, so the limit is without: {INSTALL}"


def offline_engines(
    names: Sequence[str], task: Task[Any], head: Head, precision: str, folder: Callable[[], Path], opened: ExitStack
) -> Iterator[Engine]:
    """Yield the engines that answer many requests at once.

    Args:
        names: of installed ones that are suited.
        head: in float32, on the CPU.
        precision: the worker's.
        folder: returns the checkpoint's.
        opened: deletes their files at its end.
    """
    if OPENVINO in names:
        from tests.bench.engines.with_openvino import HINTS, OpenVino

        yield OpenVino(task.name, head, precision if precision in HINTS else "bfloat16").engine
    if ONNX_RUNTIME in names:
        from tests.bench.engines.with_onnxruntime import OnnxRuntime

        onnx_runtime = OnnxRuntime(task.name, head)
        opened.callback(onnx_runtime.close)
        yield from onnx_runtime.engines
    if CTRANSLATE2 in names:
        from tests.bench.engines.with_ctranslate2 import CTranslate2

        ctranslate2 = CTranslate2(task, head, folder())
        opened.callback(ctranslate2.close)
        yield from ctranslate2.engines

"""Engines compute what the checkpoint computes. Each needs its package: `pip install -e ".[engines]"`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest

from bot.errors import SettingsError
from bot.inference.checkpoints.loading import load_head
from bot.inference.task import HeadKind
from tests.bench.agreement import differences, differing
from tests.bench.encoding import TASKS
from tests.bench.engines.engine import Engine
from tests.bench.engines.entrants import (
    CTRANSLATE2,
    ENGINES,
    LLAMA_CPP,
    MODULES,
    ONNX_RUNTIME,
    OPENVINO,
    engine_names,
    is_installed,
    missing,
    offline_engines,
    suited,
)
from tests.bench.limit import Offline, offline
from tests.bench.workload import Workload
from tests.support import COURSE, CPU


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """Closes at the end of a test."""
    with ExitStack() as stack:
        yield stack


def engines_of(task: str, name: str, folder: Path, precision: str, opened: ExitStack) -> list[Engine]:
    if not is_installed(name):
        pytest.skip(f"{ENGINES[name]} is not installed")
    head = load_head(folder, CPU, packed=False)
    return list(offline_engines([name], Workload(task).task, head, precision, lambda: folder, opened))


def answers_of(engine: Engine, way: str, requests: list[Any]) -> list[Any]:
    with engine.open(way) as found:
        assert isinstance(found, Offline)
        assert found.answer is not None
        return list(found.answer(requests, found.sizes[-1]))


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", [OPENVINO, ONNX_RUNTIME])
def test_an_encoder_answers_the_same(
    task: str, name: str, checkpoints: Mapping[str, Path], load: Callable[[str], Any], opened: ExitStack
) -> None:
    workload = Workload(task)
    requests = workload.take(20)
    answer = offline(workload.task, load(COURSE[task])).answer
    assert answer is not None
    right = answer(requests, 4)

    for engine in engines_of(task, name, checkpoints[COURSE[task]], "float32", opened):
        for way in engine.ways:
            wrong = differing(answers_of(engine, way, requests), right)
            assert wrong == 0 if engine.precision == "float32" else wrong <= 5, f"{engine.name}, {way}"


@pytest.mark.slow
def test_a_translator_writes_the_same(
    checkpoints: Mapping[str, Path], load: Callable[[str], Any], opened: ExitStack
) -> None:
    workload = Workload("translate")
    requests = workload.take(20)
    answer = offline(workload.task, load("t5")).answer
    assert answer is not None
    right = answer(requests, 16)
    engines = engines_of("translate", CTRANSLATE2, checkpoints["t5"], "float32", opened)

    assert {"float32", "int8"} <= {engine.precision for engine in engines}
    for engine in engines:
        for way in engine.ways:
            texts = answers_of(engine, way, requests)
            assert sum(map(len, texts)) > 0
            if engine.precision == "float32":  # the last bits of two nearly equal logits may choose another token
                assert differing(texts, right) <= 2, way


def never(way: str) -> AbstractContextManager[Offline]:
    raise NotImplementedError


def test_engines_are_suited_to_tasks() -> None:
    assert suited("sentiment", HeadKind.SEQUENCE_CLASSIFIER) == (OPENVINO, ONNX_RUNTIME)
    assert suited("sentiment", HeadKind.CAUSAL_LM) == ()
    assert suited("translate", HeadKind.SEQ2SEQ_LM) == (CTRANSLATE2,)
    assert suited("generate", HeadKind.CAUSAL_LM) == (LLAMA_CPP,)


def test_engines_are_chosen_by_name() -> None:
    assert engine_names(None) == tuple(ENGINES)
    assert engine_names(" OpenVINO, ctranslate2,openvino") == (OPENVINO, CTRANSLATE2)
    assert engine_names("none") == engine_names("") == ()
    with pytest.raises(SettingsError, match=r"no engine called “tensorrt”.*openvino.*“none”"):
        engine_names("openvino,tensorrt")


def test_what_is_not_installed_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODULES, OPENVINO, ("a_module_that_nobody_has",))
    monkeypatch.setitem(MODULES, ONNX_RUNTIME, ("json", "a_module_that_nobody_has"))
    monkeypatch.setitem(MODULES, CTRANSLATE2, ("json",))

    assert [is_installed(name) for name in MODULES] == [False, False, True]
    assert list(missing([])) == []
    assert list(missing([OPENVINO, ONNX_RUNTIME])) == [
        'OpenVINO and ONNX Runtime are not installed, so the limit is without: pip install -e ".[engines]"'
    ]


@pytest.mark.parametrize(
    ("engine", "worker", "is_exact"),
    [
        ("bfloat16", "bfloat16", True),
        ("float32", "bfloat16", True),
        ("bfloat16", "float32", False),
        ("int8", "bfloat16", False),
        ("bfloat16", "int8", True),
        ("int8", "int8", True),
    ],
)
def test_only_what_rounds_no_more_sets_the_limit(engine: str, worker: str, is_exact: bool) -> None:
    assert Engine("Some engine", engine, ("",), never).is_as_exact_as(worker) is is_exact


@pytest.mark.may_block
def test_answers_that_are_all_alike_are_said_to_prove_little(checkpoints: Mapping[str, Path]) -> None:
    head: Any = load_head(checkpoints["distilbert"], CPU, packed=False)
    head.model.classifier.bias.data[0] += 1_000.0

    [note] = asyncio.run(differences(head, {}, Workload("sentiment"), lambda line: None))

    assert "of 100 (all alike, so this says little)" in note


def test_answers_are_compared_one_by_one() -> None:
    assert differing([1, 2, 3], [1, 3, 2]) == 2
    with pytest.raises(ValueError, match="zip"):
        differing([1], [1, 2])

"""Steps that are repeated rather than launched. Here they are computed again, which only a GPU could spare; everything
else is as there: the memory that stays in its place, and the tensors in which a step finds its rows."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.inference.heads.causal_lm import model_runner
from bot.inference.heads.generation import cuda_graphs as module
from bot.inference.heads.generation.continuous_batching import Generation, RunningBatch
from bot.inference.heads.generation.cuda_graphs import CudaGraphs
from bot.inference.heads.generation.sampling import Sampling
from bot.inference.heads.generation.static_kv_cache import WIDTH
from bot.inference.operations import run_session
from tests.inference.heads.generation.coming_and_going import come_and_go
from tests.inference.heads.generation.test_ragged_runner import PROMPTS, TOKENS, Texts

Compute = Callable[[], torch.Tensor]


@pytest.fixture
def llama(load: Callable[[str], Any]) -> Any:
    return load("llama")


@pytest.fixture
def repeated(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One item for each step that was repeated; a step is recorded at once."""
    monkeypatch.setattr(module, "EAGER_STEPS", 0)
    return []


def recorder(head: Any, repeated: list[int]) -> CudaGraphs:
    def record(compute: Compute) -> Compute:
        def repeat() -> torch.Tensor:
            repeated.append(1)
            return compute()

        return repeat

    return CudaGraphs(head, record)


@pytest.mark.measured_elsewhere
@given(data=st.data())
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whoever_comes_and_goes(llama: Any, repeated: list[int], data: st.DataObject) -> None:
    """Every logit is that of a plain forward pass."""
    texts = Texts(llama, recorder(llama, repeated))
    before = len(repeated)
    for prompts in come_and_go(texts, data, TOKENS, PROMPTS):
        assert (len(repeated) > before) is not bool(prompts)
        before = len(repeated)


def test_columns_run_out_and_the_memory_stays(llama: Any, repeated: list[int]) -> None:
    steps = recorder(llama, repeated)
    texts = Texts(llama, steps)
    texts.go_on([], [[1, 2, 3], [4]])
    for step in range(WIDTH + 10):
        texts.go_on([step % 200, 7], [])
    assert steps.caches[0].capacity == (2, 2 * WIDTH)
    keys = steps.caches[0].layers[0].keys
    texts.keep([1])
    texts.go_on([5], [list(range(100))])
    texts.go_on([5, 6], [])
    texts.keep([1])  # the widest leaves: the columns that it alone had are not looked at any more
    texts.go_on([7], [])
    assert steps.caches[0].width == WIDTH
    texts.keep([])
    texts.go_on([], [[8, 9]])
    texts.go_on([10], [])
    assert steps.caches[0].layers[0].keys is keys
    assert len(repeated) == WIDTH + 10 + 3 + 3  # three of them were new, and compared with a step as usual


def test_a_step_is_recorded_when_it_has_come_often(llama: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EAGER_STEPS", 2)
    repeated: list[int] = []
    texts = Texts(llama, recorder(llama, repeated))
    texts.go_on([], [[1, 2, 3]])
    counts = []
    for token in range(5):
        texts.go_on([token], [])
        counts.append(len(repeated))
    assert counts == [0, 0, 2, 3, 4]  # once more, to compare


def test_columns_are_lent_to_one_session_at_a_time(llama: Any, repeated: list[int]) -> None:
    steps = recorder(llama, repeated)
    first, second = Texts(llama, steps), Texts(llama, steps)
    first.go_on([], [[1, 2]])
    second.go_on([], [[3, 4, 5]])
    second.go_on([6], [])
    assert not repeated
    first.go_on([7], [])
    assert repeated
    first.keep([])
    second.go_on([8], [])
    second.keep([])
    before = len(repeated)
    second.go_on([], [[9]])
    first.go_on([], [[9]])
    second.go_on([1], [])
    assert len(repeated) > before


def test_what_a_failed_session_has_left_is_forgotten(llama: Any, repeated: list[int]) -> None:
    steps = recorder(llama, repeated)
    failed = Texts(llama, steps)
    failed.go_on([], [[1, 2], [3]])
    del failed
    gc.collect()
    texts = Texts(llama, steps)
    texts.go_on([], [[4, 5]])
    texts.go_on([6], [])
    assert repeated


def test_much_memory_is_not_kept(llama: Any, repeated: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    steps = recorder(llama, repeated)
    texts = Texts(llama, steps)
    texts.go_on([], [[1, 2]])
    texts.go_on([3], [])
    monkeypatch.setattr(module, "KEPT_BYTES", steps.caches[0].bytes - 1)
    assert steps.caches[0].bytes > 0
    assert len(steps._graphs) == 1
    texts.keep([])
    assert steps.caches[0].bytes == 0
    assert not steps._graphs
    texts.go_on([], [[1, 2]])
    texts.go_on([3], [])


@pytest.mark.parametrize("wrong", ["it fails", "it gives something else"])
def test_where_it_does_not_work_steps_are_computed_as_usual(
    llama: Any, repeated: list[int], caplog: pytest.LogCaptureFixture, wrong: str
) -> None:
    def record(compute: Compute) -> Compute:
        if wrong == "it fails":
            raise RuntimeError("capture: secrets")
        return lambda: compute() * torch.linspace(0, 1, 300)[: compute().shape[-1]]

    steps = CudaGraphs(llama, record)
    texts = Texts(llama, steps)
    with caplog.at_level(logging.WARNING):
        texts.go_on([], [[1, 2], [3]])
        texts.go_on([4, 5], [])
        texts.go_on([6, 7], [])
    assert not steps.enabled
    assert caplog.text.count("are not captured") == 1
    assert "secrets" not in caplog.text


def test_texts_are_the_same(llama: Any, repeated: list[int]) -> None:
    def written(recorded: CudaGraphs | None) -> list[tuple[int, ...]]:
        rows = [
            llama.generation(llama.encode(text), 5 + 3 * index, sampling=Sampling.likeliest())
            for index, text in enumerate(["I love", "I love apples and lemons", "Who?"])
        ]
        decoder: RunningBatch[Generation] = RunningBatch(llama, frozenset(), lambda: model_runner(llama, recorded))
        return [output.ids for output in run_session(decoder, rows)]

    assert written(recorder(llama, repeated)) == written(None)
    assert repeated


def test_whoever_is_alone_gets_every_step_computed_as_usual(
    llama: Any, repeated: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A seed is promised the same text each time, whoever else has columns lent then."""
    monkeypatch.setattr(llama, "_graphs", recorder(llama, repeated))
    for alone in (True, False):
        row = llama.generation(llama.encode("I love"), 4, sampling=Sampling(1.0, 0.95, 7))
        run_session(llama.generate.session(alone), [row])
        assert bool(repeated) is not alone

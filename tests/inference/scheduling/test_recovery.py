"""A step that fails costs nobody a token, and only the culprit its answer."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ModelFailed, OutOfMemory, Unanswered
from bot.inference.checkpoints.loading import load_head
from bot.inference.heads.generation import cuda_graphs as recording
from bot.inference.heads.generation.continuous_batching import RunningBatch
from bot.inference.heads.generation.cuda_graphs import CudaGraphs
from bot.inference.heads.generation.encoder_decoder_runner import EncoderDecoderRunner
from bot.inference.heads.generation.generate_batch import GenerateBatch
from bot.inference.heads.generation.padded_runner import PaddedRunner
from bot.inference.heads.generation.ragged_runner import RaggedRunner
from bot.inference.heads.generation.sampling import Sampling
from bot.inference.operations import Row
from bot.inference.scheduling.recovery import RecoveringSession
from tests.support import CPU

LENGTHS = st.lists(st.integers(1, 12), min_size=1, max_size=9)


@dataclass
class Faults:
    """When steps fail.

    Attributes:
        culprits: rows whose steps fail from when so much of them is written, by their place.
        moments: the numbers of steps that fail once.
        most: a step with more rows than so many runs out of memory.
    """

    culprits: dict[int, int] = field(default_factory=dict)
    moments: frozenset[int] = frozenset()
    most: int = 99
    steps: int = 0

    def strike(self, rows: Sequence[Row[Any]]) -> None:
        self.steps += 1
        if len(rows) > self.most:
            raise MemoryError
        if self.steps in self.moments:
            raise RuntimeError("a bad moment")
        for row in rows:
            if len(row.progress) >= self.culprits.get(row.inputs, 99):
                raise SystemExit("a bad row")


def token(place: int, index: int) -> int:
    """A token that no other row or position has."""
    return 1_000 * place + index


class Counting:
    """A session whose rows write their places and how far they are."""

    def __init__(self, faults: Faults, lengths: Sequence[int], *, joinable: bool) -> None:
        self.joinable = True
        self._faults = faults
        self._lengths = lengths
        self._joins = joinable
        self._rows: list[Row[int]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def join(self, rows: Sequence[Row[int]]) -> None:
        assert self.joinable or not self._rows
        self._rows += rows

    def step(self) -> None:
        self.joinable = self._joins
        self._faults.strike(self._rows)
        for row in self._rows:
            if not self._is_done(row):
                row.progress.append(token(row.inputs, len(row.progress)))

    def leave(self) -> list[tuple[Row[int], Any]]:
        done = [row for row in self._rows if self._is_done(row)]
        self._rows = [row for row in self._rows if not self._is_done(row)]
        return [(row, list(row.progress)) for row in done]

    def _is_done(self, row: Row[int]) -> bool:
        return row.is_ending or len(row.progress) >= self._lengths[row.inputs]


def run(rows: Sequence[Row[Any]], session: RecoveringSession, most: int = 2_000) -> Iterator[dict[int, Any]]:
    """Take rows to their ends; yields after each turn what has become of those that are done, by their place."""
    places = {id(row): place for place, row in enumerate(rows)}
    outcomes: dict[int, Any] = {}
    joining = list(rows)
    for _ in range(most):
        written = [list(row.progress) for row in rows]
        done = session.decode_step(joining)
        joining = []
        for row, before in zip(rows, written, strict=True):
            assert row.progress[: len(before)] == before  # nothing that was shown is taken back
        assert not outcomes.keys() & {places[id(row)] for row, _ in done}
        outcomes |= {places[id(row)]: outcome for row, outcome in done}
        yield outcomes
        if len(outcomes) == len(rows):
            return
    raise AssertionError("it does not end")


def last(turns: Iterator[dict[int, Any]]) -> dict[int, Any]:
    *_, outcomes = turns
    return outcomes


def counted(lengths: Sequence[int], faults: Faults, *, joinable: bool = True) -> dict[int, Any]:
    begin = partial(Counting, faults, lengths, joinable=joinable)
    return last(run([Row(place, 1) for place in range(len(lengths))], RecoveringSession("count", begin)))


@given(LENGTHS, st.dictionaries(st.integers(0, 8), st.integers(0, 11), max_size=3), st.booleans())
def test_only_the_culprits_fail(lengths: list[int], culprits: dict[int, int], joinable: bool) -> None:
    outcomes = counted(lengths, Faults(culprits), joinable=joinable)
    for place, length in enumerate(lengths):
        if culprits.get(place, 99) < length:
            assert isinstance(outcomes[place], ModelFailed)
        else:
            assert outcomes[place] == [token(place, index) for index in range(length)]


@given(LENGTHS, st.integers(1, 30), st.booleans())
def test_what_passes_by_itself_costs_nobody_anything(lengths: list[int], moment: int, joinable: bool) -> None:
    faults = Faults(moments=frozenset({moment}))
    outcomes = counted(lengths, faults, joinable=joinable)
    assert outcomes == {place: [token(place, index) for index in range(length)] for place, length in enumerate(lengths)}
    assert faults.steps <= max(lengths) + 1


@given(LENGTHS, st.frozensets(st.integers(1, 60), max_size=12), st.booleans())
def test_many_bad_moments_never_spoil_a_text(lengths: list[int], moments: frozenset[int], joinable: bool) -> None:
    """Whoever has had two of them alone may fail; nobody gets another text."""
    for place, outcome in counted(lengths, Faults(moments=moments), joinable=joinable).items():
        assert isinstance(outcome, ModelFailed) or outcome == [token(place, index) for index in range(lengths[place])]


@given(LENGTHS, st.integers(1, 8), st.booleans())
def test_halves_that_fit_run_one_after_the_other(lengths: list[int], most: int, joinable: bool) -> None:
    faults = Faults(most=most)
    outcomes = counted(lengths, faults, joinable=joinable)
    assert outcomes == {place: [token(place, index) for index in range(length)] for place, length in enumerate(lengths)}


def test_a_row_that_is_too_large_alone_is_told_so() -> None:
    assert isinstance(counted([3], Faults(most=0))[0], OutOfMemory)


def test_whoever_is_stopped_while_others_are_tried_keeps_what_is_written() -> None:
    """With too little memory a half waits until the other one has ended, which may last longer than a deadline."""
    lengths = [40, 40, 40, 40]
    rows = [Row(place, 1) for place in range(4)]
    faults = Faults()
    turns = run(rows, RecoveringSession("count", partial(Counting, faults, lengths, joinable=True)))
    for _ in range(5):
        next(turns)
    faults.most = 2
    for _ in range(4):
        next(turns)
    waiting = [row for row in rows if len(row.progress) == 5]
    assert len(waiting) == 2
    waiting[0].stop()
    waiting[1].abandon()
    outcomes = next(turns)
    assert outcomes[waiting[0].inputs] == [token(waiting[0].inputs, index) for index in range(5)]
    assert waiting[1].inputs in outcomes
    assert len(outcomes) == 2


def test_nobody_joins_while_a_culprit_is_looked_for() -> None:
    lengths = [9, 9, 9]
    session = RecoveringSession("count", partial(Counting, Faults({1: 3}), lengths, joinable=True))
    rows = [Row(place, 1) for place in range(3)]
    admitted = [session.admits for _ in run(rows, session)]
    first = admitted.index(False)
    assert first == 3
    assert admitted[-1]
    assert sorted(admitted[first:]) == admitted[first:]


# With checkpoints: the text is the same as without the failure.


PROMPTS = ("I love", "The capital of Germany is the", "Who?", "Apples and lemons are sour, and")
SAMPLINGS = (Sampling.likeliest(), Sampling(1.0, 0.95, 7), Sampling(1.3, 0.3, 8), Sampling(0.7, 1.0, 9))


def generations(head: Any) -> list[Row[Any]]:
    return [
        head.generation(head.encode(prompt), 14 + place, sampling=sampling)
        for place, (prompt, sampling) in enumerate(zip(PROMPTS, SAMPLINGS, strict=True))
    ]


def translations(head: Any) -> list[Row[Any]]:
    target = next(iter(head.language_codes), None)
    texts = ("I love apples.", "Why?", "What a terrible day, and the coffee was cold!", "Apples are sour.")
    return [head.encode(text, max_new_tokens=12 + place, target=target) for place, text in enumerate(texts)]


class Failing:
    """Forward passes of one class of rows that fail: some once, and all with a culprit that has written so much."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, rows: type[Any]) -> None:
        self.moments: frozenset[int] = frozenset()
        self.culprit: Row[Any] | None = None
        self.calls = self.failures = 0
        self._sessions: deque[RunningBatch[Any]] = deque(maxlen=1)
        read, step = rows.forward, RunningBatch.step

        def failing(this: Any, last: torch.Tensor, new: Sequence[Any]) -> torch.Tensor:
            self.calls += 1
            logits: torch.Tensor = read(this, last, new)  # as if it failed at its very end
            culprit = self.culprit
            present = [one.row for one in (*self._sessions[-1]._decoding, *self._sessions[-1]._joining)]
            if self.calls in self.moments or any(row is culprit and len(row.progress) > 4 for row in present):
                self.failures += 1
                raise RuntimeError("somebody's text")
            return logits

        def noted(this: RunningBatch[Any]) -> None:
            self._sessions.append(this)
            step(this)

        monkeypatch.setattr(rows, "forward", failing)
        monkeypatch.setattr(RunningBatch, "step", noted)


@dataclass(frozen=True)
class Way:
    """A way to keep what rows have read, with a checkpoint that uses it."""

    checkpoint: str
    rows: type[Any]
    operation: str
    make: Callable[[Any], list[Row[Any]]]
    alone: bool = False


WAYS = {
    "ragged": Way("llama", RaggedRunner, "generate", generations),
    "alone": Way("llama", RaggedRunner, "generate", generations, alone=True),
    "padded": Way("llama", PaddedRunner, "generate", generations),
    "recorded": Way("llama", RaggedRunner, "generate", generations),
    "source rows of T5": Way("t5", EncoderDecoderRunner, "rewrite", translations),
    "source rows of BART": Way("bart", EncoderDecoderRunner, "rewrite", translations),
    "source rows that owe a language": Way("m2m100", EncoderDecoderRunner, "rewrite", translations),
    "recorded source rows": Way("t5", EncoderDecoderRunner, "rewrite", translations),
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, load: Callable[[str], Any]) -> Way:
    way = WAYS[request.param]
    if way.rows is PaddedRunner:
        monkeypatch.setattr("bot.inference.heads.causal_lm.can_be_ragged", lambda head: False)
    if request.param.startswith("recorded"):
        monkeypatch.setattr(recording, "EAGER_STEPS", 0)
        head = load(way.checkpoint)
        columns = 1 if way.operation == "generate" else 2
        monkeypatch.setattr(head, "_graphs", CudaGraphs(head, lambda compute: compute, columns))
    return way


def written(way: Way, head: Any, rows: Sequence[Row[Any]]) -> dict[int, Any]:
    operation = getattr(head, way.operation)
    return last(run(rows, RecoveringSession(way.operation, partial(operation.session, way.alone))))


@pytest.mark.parametrize("moment", [1, 2, 7, 13])
def test_a_bad_moment_costs_nobody_a_text(
    way: Way, load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """Neither its tokens, nor those that would have been drawn after it."""
    head = load(way.checkpoint)
    expected = written(way, head, way.make(head))
    failing = Failing(monkeypatch, way.rows)
    failing.moments = frozenset({moment})
    assert written(way, head, way.make(head)) == expected
    assert failing.failures == 1


@pytest.mark.parametrize("culprit", [0, 2, 3])
def test_only_the_culprits_text_fails(
    way: Way, load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, culprit: int
) -> None:
    head = load(way.checkpoint)
    expected = written(way, head, way.make(head))
    failing = Failing(monkeypatch, way.rows)
    rows = way.make(head)
    failing.culprit = rows[culprit]
    outcomes = written(way, head, rows)
    fails = length(expected[culprit]) > 4
    assert isinstance(outcomes.pop(culprit), Unanswered) is fails
    expected.pop(culprit)
    assert outcomes == expected


def test_a_batch_that_generate_writes(checkpoints: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """With beams, nothing of a text is known before its end: the others begin again, and get theirs."""
    head: Any = load_head(checkpoints["t5"], CPU)
    head.model.generation_config.num_beams = 2
    way = Way("t5", GenerateBatch, "rewrite", translations)
    expected = written(way, head, translations(head))
    rows = translations(head)
    generated = GenerateBatch._generated

    def failing(self: GenerateBatch, those: Sequence[Row[Any]]) -> Any:
        if rows[1] in those:
            raise RuntimeError("somebody's text")
        return generated(self, those)

    monkeypatch.setattr(GenerateBatch, "_generated", failing)
    outcomes = written(way, head, rows)
    assert isinstance(outcomes.pop(1), ModelFailed)
    expected.pop(1)
    assert outcomes == expected


def length(output: Any) -> int:
    return len(getattr(output, "ids", output))


def test_a_promised_text_goes_on_with_the_same_numbers(
    load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the last bit: it is read again as it was read the first time."""
    head = load("llama")
    seen: list[torch.Tensor] = []
    choose = RunningBatch._choose

    def noted(self: RunningBatch[Any], rows: Any, logits: torch.Tensor) -> torch.Tensor:
        if not any(one.forced for one in rows):
            seen.append(logits.clone())
        return choose(self, rows, logits)

    monkeypatch.setattr(RunningBatch, "_choose", noted)
    written(WAYS["alone"], head, generations(head))
    without, seen = seen, []
    failing = Failing(monkeypatch, RaggedRunner)
    failing.moments = frozenset({9})
    written(WAYS["alone"], head, generations(head))
    assert failing.failures == 1
    assert len(seen) == len(without)
    assert all(torch.equal(one, other) for one, other in zip(seen, without, strict=True))


def test_a_failed_session_leaves_no_memory_behind(load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    head = load("llama")
    failing = Failing(monkeypatch, RaggedRunner)
    failing.moments = frozenset({5})
    written(WAYS["ragged"], head, generations(head))
    failing._sessions.clear()
    gc.collect()
    left = [one for one in gc.get_objects() if type(one) is RaggedRunner]
    assert left == []


def test_steps_are_repeated_again_after_a_failure(load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory that they are recorded on is lent to the session that goes on."""
    head = load("llama")
    repeated: list[int] = []

    def record(compute: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
        def repeat() -> torch.Tensor:
            repeated.append(failing.failures)
            return compute()

        return repeat

    monkeypatch.setattr(recording, "EAGER_STEPS", 0)
    monkeypatch.setattr(head, "_graphs", CudaGraphs(head, record))
    failing = Failing(monkeypatch, RaggedRunner)
    failing.moments = frozenset({6})
    written(WAYS["recorded"], head, generations(head))
    assert set(repeated) == {0, 1}

"""Numbers that are not finite fail their own row, and nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import NotFinite
from bot.inference.checkpoints.loading import load_head
from bot.inference.heads.generation import cuda_graphs as recording
from bot.inference.heads.generation.cuda_graphs import CudaGraphs
from bot.inference.heads.generation.sampling import FiniteRows, Sampler, Sampling, choose_sound
from bot.inference.heads.seq2seq_lm import Seq2SeqLM
from bot.inference.operations import Budget, Operation, Row, run_task
from bot.inference.scheduling.isolation import run_isolated
from bot.inference.scheduling.recovery import RecoveringSession
from bot.inference.soundness import all_finite, none_above
from bot.tasks.sentiment import SentimentRequest
from tests.bench.integrated_gradients import word_embeddings
from tests.support import CPU, run_crowd

BAD = [float("nan"), float("inf"), -float("inf")]
POISON = "lemons"


@dataclass(frozen=True)
class Output:
    numbers: Any
    names: tuple[str, ...] = ("a",)
    count: int = 3


def nested(numbers: Any) -> list[Any]:
    """Every shape in which operations give their numbers."""
    array = np.array(numbers, np.float32)
    return [array, [array], {"a": array}, Output(array), Output((float(array[0]), *map(float, array[1:]))), [[array]]]


@given(st.lists(st.floats(-1024, 1024, width=32), min_size=1, max_size=5), st.sampled_from(BAD), st.integers(0, 4))
def test_one_bad_number_is_found_wherever_it_is(numbers: list[float], bad: float, place: int) -> None:
    for output in nested(numbers):
        assert all_finite(output)
        assert none_above(output)
    numbers[place % len(numbers)] = bad
    for output in nested(numbers):
        assert not all_finite(output)
        assert none_above(output) is (bad == -float("inf"))


@pytest.mark.parametrize("output", [3, None, "nan", [1, 2], np.array([1, 2]), {}, []])
def test_other_outputs_are_sound(output: object) -> None:
    assert all_finite(output)
    assert none_above(output)


def test_only_the_bad_row_of_a_batch_fails() -> None:
    outputs = [np.array([1.0]), np.array([np.nan]), np.array([3.0])]
    operation: Operation[None, Any] = Operation("double", lambda rows: outputs, Budget(10))
    found = run_isolated(operation, [Row(None, 1) for _ in outputs])
    assert [type(one) for one in found] == [np.ndarray, NotFinite, np.ndarray]


def test_a_direct_call_raises_it() -> None:
    operation: Operation[None, Any] = Operation("double", lambda rows: [np.array([np.inf])], Budget(10))
    with pytest.raises(NotFinite):
        run_task(operation([Row(None, 1)]))


SAMPLINGS = [Sampling.likeliest(), Sampling(1.0, 1.0, 1), Sampling(0.7, 0.5, 2)]


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_no_token_is_chosen_of_bad_logits(sampling: Sampling) -> None:
    good = torch.randn(50)
    ruled_out, some_nan, some_inf, nothing = (good.clone() for _ in range(4))
    ruled_out[3:] = -float("inf")
    some_nan[7], some_inf[7], nothing[:] = float("nan"), float("inf"), -float("inf")
    logits = torch.stack([good, some_nan, ruled_out, some_inf, nothing])
    _, tokens = choose_sound(logits, [Sampler(sampling) for _ in logits])
    assert [token is None for token in tokens] == [False, True, False, True, True]
    [_, alone] = choose_sound(good[None], [Sampler(sampling)])
    assert tokens[0] == alone[0]


def test_each_candidate_of_a_beam_search_counts() -> None:
    finite = FiniteRows(2)
    scores: Any = torch.zeros(4, 5)
    scores[1, 2] = -float("inf")
    assert finite(torch.empty(0), scores) is scores  # type: ignore[arg-type]
    assert finite.rows == [True, True]
    scores[3, 0] = float("nan")
    finite(torch.empty(0), scores)  # type: ignore[arg-type]
    assert finite.rows == [True, False]


async def test_whoever_shares_the_batch_is_answered(
    make_worker: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The embedding of one word is damaged: who does not use it is answered as ever."""
    requests = [SentimentRequest(f"I love apples, and this is number {number}.") for number in range(6)]
    async with make_worker() as worker:
        expected = await run_crowd(worker, requests)
    monkeypatch.setattr("bot.inference.checkpoints.pool.load_head", poisoned)
    async with make_worker() as worker:
        found: list[Any] = await asyncio.gather(
            *(worker.run(request, person=number) for number, request in enumerate(requests)),
            worker.run(SentimentRequest(f"I love {POISON}."), person=9),
            return_exceptions=True,
        )
        [suspect] = [one for one in worker.status().checkpoints if one.nonfinite]
    assert isinstance(found[-1], NotFinite)
    for answer, wanted in zip(found, expected, strict=False):
        assert answer.result.scores[0].label == wanted.scores[0].label
        assert answer.result.scores[0].probability == pytest.approx(wanted.scores[0].probability, abs=1e-5)
    assert (suspect.name, suspect.nonfinite) == ("tiny-distilbert", 1)
    assert [one for one in caplog.messages if "finite" in one] == [
        "classify of tiny-distilbert has given numbers that are not finite"
    ]


HARMLESS = (*(f"I love apples, and this is number {number}." for number in range(6)), "Why?", "Who are you?", "a " * 30)


def poisoned(*arguments: Any, **options: Any) -> Any:
    """A checkpoint whose embedding of one word is no number."""
    head = load_head(*arguments, **options)
    poison(head)
    return head


def poison(head: Any, written: Sequence[int] = ()) -> None:
    """Let a token that stands in `POISON`, and neither in the harmless texts nor in what is written, be no number."""
    harmless = {*written, *range(12)}.union(*(head.tokenize(text) for text in HARMLESS))  # the first ones are probed
    bad = next(one for one in head.tokenize(POISON) if one not in harmless)

    def damage(module: Any, arguments: tuple[torch.Tensor], output: torch.Tensor) -> torch.Tensor:
        return output.masked_fill((arguments[0] == bad)[..., None], float("nan"))

    for module in word_embeddings(head.model):
        module.register_forward_hook(damage)


WAYS = ["ragged", "recorded", "padded", "source rows", "recorded source rows", "beams"]


@pytest.fixture(params=WAYS)
def head(request: pytest.FixtureRequest, checkpoints: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A generating checkpoint that has a damaged embedding, with each way to keep what its rows have read."""
    way = request.param
    writes = way in ("ragged", "recorded", "padded")
    head: Any = load_head(checkpoints["llama" if writes else "t5"], CPU)
    if way == "padded":
        monkeypatch.setattr("bot.inference.heads.causal_lm.can_be_ragged", lambda head: False)
    if way == "beams":
        head.model.generation_config.num_beams = 3
    if way.startswith("recorded"):
        monkeypatch.setattr(recording, "EAGER_STEPS", 0)
        head._graphs = CudaGraphs(head, lambda compute: compute, 1 if writes else 2)
    return head


def rows_of(head: Any, texts: Any) -> list[Row[Any]]:
    if isinstance(head, Seq2SeqLM):
        return [head.encode(text, max_new_tokens=9 + place) for place, text in enumerate(texts)]
    likeliest = Sampling.likeliest()
    return [head.generation(head.encode(text), 9 + place, sampling=likeliest) for place, text in enumerate(texts)]


def test_whoever_is_written_beside_it_goes_on(head: Any) -> None:
    """Also those who come after it into the same columns: what is masked must be a number too."""
    operation: Any = head.rewrite if isinstance(head, Seq2SeqLM) else head.generate
    short, long = HARMLESS[-3:-1], HARMLESS[-1:]
    expected = [operation.run([row])[0] for row in rows_of(head, short)]
    later = [operation.run([row])[0] for row in rows_of(head, long)]
    poison(head, [token for output in (*expected, *later) for token in getattr(output, "written", output)])
    session = RecoveringSession("generate", partial(operation.session, False))
    rows, [bad] = rows_of(head, short), rows_of(head, [f"{POISON} " * 40])
    outcomes = {id(row): outcome for row, outcome in session.decode_step([bad, *rows])}
    newcomers = rows_of(head, long)
    coming = list(newcomers)
    for _ in range(60):
        joining = coming if session.admits or len(outcomes) == len(rows) + 1 else []
        coming = [] if joining else coming
        outcomes |= {id(row): outcome for row, outcome in session.decode_step(joining)}
    assert isinstance(outcomes[id(bad)], NotFinite)
    assert [outcomes[id(row)] for row in rows] == expected
    assert [outcomes[id(row)] for row in newcomers] == later

"""Figures are medians over the rounds, ratios compare runs of the same round."""

from __future__ import annotations

import pytest

from bot.benchmark.comparison import naive_in, worker_at
from bot.benchmark.report import milliseconds
from bot.inference.compute.device import Device
from bot.inference.task import HeadKind
from tests.bench.contest import Contest
from tests.bench.lineup import BESIDE, DIRECT, LLAMA, MANAGER, OWN, STATIC
from tests.bench.memory import Memory, peak_memory
from tests.bench.report import report
from tests.bench.run import Padding, Run, joined


def runs(*seconds: float, tokens: int | None = None, latency: float = 0.0) -> list[Run]:
    return [
        Run(100, one, (latency,) * 3, tokens, lags=(0.001,) * 3, padding=Padding(10, 80, 400, 500)) for one in seconds
    ]


def contest(*, users: tuple[int, ...] = (1, 8), precision: str = "bfloat16", tokens: int | None = None) -> Contest:
    measured = {
        worker_at(1): runs(4, 4, 4, tokens=tokens, latency=0.011),
        DIRECT: runs(4, 4, 4, tokens=tokens, latency=0.010),
        worker_at(8): runs(2, 10, 4, tokens=tokens),
        OWN: runs(1, 5, 3, tokens=tokens),
        naive_in("float32"): runs(8, 40, 16, tokens=tokens),
        naive_in("bfloat16"): runs(4, 20, 8, tokens=tokens),
        naive_in("float32", 4): runs(2, 2, 2, tokens=tokens),
        naive_in("bfloat16", 4): runs(2, 10, 4, tokens=tokens),
    }
    device = Device("cpu", precision)
    return Contest(
        "sentiment",
        "tiny",
        HeadKind.CAUSAL_LM,
        device,
        users,
        Memory(2_000_000),
        {OWN: "batches of 8 requests"},
        {OWN},
        measured,
        lone_ratios=[1.0, 1.1, 1.4] if 1 in users else [],
    )


def test_figures_are_medians() -> None:
    found = {one.who: one for one in report(contest()).figures}

    worker = found["worker, 8 users"]
    assert worker.rate == 25
    assert worker.spread == pytest.approx((50 - 10) / 2 / 25)
    assert worker.batch == 8
    assert worker.waste == pytest.approx(0.2)
    assert found["worker, 1 user"].p50_ms == pytest.approx(11)
    assert found[OWN].lag_p99_ms == pytest.approx(1)
    assert worker.token_rate is None


def test_ratios_compare_turns_of_the_same_round() -> None:
    found = {one.what: one.value for one in report(contest()).ratios}

    assert found == {
        "worker, 8 users / limit": pytest.approx(0.5),  # 1/2, 5/10 and 3/4
        "worker, 8 users / naive float32": pytest.approx(4),
        "worker, 8 users / naive bfloat16": pytest.approx(2),
        "worker, 8 users / naive bfloat16, 4 threads": pytest.approx(1),
        "worker, 1 user / direct call: time that the same text takes": pytest.approx(1.1),
    }


def test_ratios_say_how_far_they_can_be_trusted() -> None:
    found = {one.what: (one.low, one.high) for one in report(contest()).ratios}

    assert found["worker, 8 users / limit"] == pytest.approx((0.5, 0.75))
    assert found["worker, 1 user / direct call: time that the same text takes"] == pytest.approx((1.0, 1.4))


def test_who_has_as_many_people_as_the_worker_at_most_is_compared_with_that() -> None:
    measured = contest(users=(8, 64), tokens=50)
    measured.runs |= {worker_at(64): runs(2, 2, 2, tokens=50)}
    measured.runs |= {name: runs(4, 4, 4, tokens=50) for name in (STATIC, MANAGER, LLAMA, BESIDE)}

    found = {one.what: one.value for one in report(measured).ratios}

    for rival in (STATIC, MANAGER, LLAMA, BESIDE):
        assert found[f"worker, 64 users / {rival}"] == pytest.approx(2)
    assert f"worker, 8 users / {STATIC}" in found
    assert not {f"worker, 8 users / {rival}" for rival in (MANAGER, LLAMA, BESIDE)} & set(found)


def test_the_limit_is_the_fastest_of_those_that_round_no_more() -> None:
    measured = contest(users=(8,))
    measured.runs |= {"OpenVINO bfloat16": runs(1, 2.5, 1.5), "ONNX Runtime int8": runs(1, 1, 1)}
    measured.offline |= {"OpenVINO bfloat16": "2 streams, batches of 8 requests", "ONNX Runtime int8": "batches of 4"}
    measured.exact.add("OpenVINO bfloat16")

    found = report(measured)

    assert found.limit == "OpenVINO bfloat16: 2 streams, batches of 8 requests"
    assert found.notes == (f"The others at their best: {OWN}: batches of 8 requests; ONNX Runtime int8: batches of 4.",)
    assert {one.what: one.value for one in found.ratios if "naive" not in one.what} == {
        "worker, 8 users / limit": pytest.approx(0.375),  # 1/2, 2.5/10 and 1.5/4
        f"worker, 8 users / {OWN}": pytest.approx(0.5),
        "worker, 8 users / ONNX Runtime int8": pytest.approx(0.25),
    }


def test_what_generates_is_compared_by_tokens() -> None:
    measured = contest(tokens=50)
    measured.runs[OWN] = runs(1, 5, 3, tokens=100)

    ratios = {one.what: one.value for one in report(measured).ratios}

    assert ratios["worker, 8 users / limit"] == pytest.approx(0.25)


def test_in_float32_there_is_one_naive_bot_less() -> None:
    assert [one.what for one in report(contest(precision="float32", users=(8,))).ratios] == [
        "worker, 8 users / limit",
        "worker, 8 users / naive float32",
        "worker, 8 users / naive float32, 4 threads",
    ]


def test_turns_one_after_the_other_are_a_long_one() -> None:
    one = Run(2, 1.0, (0.1, 0.2), 5, 1, (0.001,), Padding(1, 2, 10, 20))
    other = Run(3, 2.0, (0.3,), 7, 0, (), Padding(2, 4, 20, 20))

    assert joined([one, other]) == Run(5, 3.0, (0.1, 0.2, 0.3), 12, 1, (0.001,), Padding(3, 6, 30, 40))
    assert joined([Run(1, 1.0)]) == Run(1, 1.0)
    assert joined([one, other]).padding == Padding(3, 6, 30, 40)
    assert Padding(3, 6, 30, 40).waste == pytest.approx(0.25)


def test_percentiles() -> None:
    assert milliseconds([], 50) is None
    assert milliseconds([3, 1, 2], 50) == 2_000


def test_memory_is_watched() -> None:
    with peak_memory("cpu") as peak:
        held = bytearray(50_000_000)
        held[::4096] = b"x" * len(held[::4096])
    assert peak.process > 50_000_000
    assert peak.device is None

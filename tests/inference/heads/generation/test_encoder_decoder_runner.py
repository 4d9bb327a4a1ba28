"""Rows of an encoder-decoder that come and go get the logits that each would get alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import GenerationConfig

from bot.inference.checkpoints.loading import load_head
from bot.inference.heads.calibration import Calibrations
from bot.inference.heads.generation.continuous_batching import RunningBatch
from bot.inference.heads.generation.cuda_graphs import CudaGraphs
from bot.inference.heads.generation.decode_attention import Reach
from bot.inference.heads.generation.decoder_positions import PositionEmbeddings
from bot.inference.heads.generation.encoder_decoder_runner import SPARE, EncoderDecoderRunner
from bot.inference.heads.generation.generate_batch import GenerateBatch
from bot.inference.heads.generation.joinability import can_be_joined, is_greedy
from bot.inference.heads.generation.kv_cache import KVCache
from bot.inference.heads.generation.source_text import SourceText
from bot.inference.heads.generation.static_kv_cache import WIDTH
from bot.inference.heads.seq2seq_lm import Seq2SeqLM
from bot.inference.operations import Row, decode_step
from bot.tasks.translation.drafting import MOST_NEW_TOKENS
from tests.inference.heads.generation.coming_and_going import come_and_go
from tests.support import CPU

FAMILIES = ["t5", "m2m100", "nllb", "bart"]
TEXTS = ["I love apples.", "Why?", "What a terrible day, and the coffee was cold!", "Apples are sour."]


@pytest.fixture(scope="module")
def exact(checkpoints: Mapping[str, Path]) -> Callable[[str], Seq2SeqLM]:
    """Load a checkpoint and compute in float64: a random T5 makes much of what is rounded."""

    @cache
    def loaded(name: str) -> Seq2SeqLM:
        head = load_head(checkpoints[name], CPU)
        assert isinstance(head, Seq2SeqLM)
        head.model.double()
        return head

    return loaded


class Texts:
    """Rows, and beside them what each has read."""

    def __init__(self, head: Any, graphs: CudaGraphs | None = None) -> None:
        self.head = head
        self.rows = EncoderDecoderRunner(head.encoder_decoder, graphs)
        self.read: list[tuple[SourceText, list[int]]] = []

    @torch.inference_mode()
    def go_on(self, last: list[int], new: list[list[int]]) -> None:
        for (_, text), token in zip(self.read, last, strict=True):
            text.append(token)
        sources = [SourceText(tuple(ids), (self.head.model.config.decoder_start_token_id,), 0, False) for ids in new]
        self.read += [(source, list(source.start)) for source in sources]
        logits = self.rows.forward(self.head.tensor(last), sources)
        assert logits.dtype == torch.float32
        assert len(logits) == len(self.read)
        for found, (source, text) in zip(logits, self.read, strict=True):
            output = self.head.model(
                input_ids=torch.tensor([source.ids]), decoder_input_ids=torch.tensor([text]), use_cache=False
            )
            torch.testing.assert_close(found, output.logits[0, -1].float(), atol=1e-5, rtol=1e-5)

    @torch.inference_mode()
    def keep(self, slots: list[int]) -> None:
        self.rows.keep(slots)
        self.read = [self.read[slot] for slot in slots]


TOKENS = st.integers(3, 100)
SOURCES = st.lists(st.lists(TOKENS, min_size=1, max_size=30), max_size=3)


@pytest.mark.measured_elsewhere
@pytest.mark.parametrize("repeated", [False, True], ids=["as usual", "recorded"])
@pytest.mark.parametrize("name", ["t5", "m2m100"])
@given(data=st.data())
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whoever_comes_and_goes(
    name: str, exact: Callable[[str], Seq2SeqLM], data: st.DataObject, repeated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.inference.heads.generation.cuda_graphs.EAGER_STEPS", 0)
    head = exact(name)
    texts = Texts(head, CudaGraphs(head, lambda compute: compute, caches=2) if repeated else None)
    for _ in come_and_go(texts, data, TOKENS, SOURCES):
        pass


@pytest.mark.parametrize("name", FAMILIES)
def test_long_sources_among_short_ones(
    name: str, exact: Callable[[str], Seq2SeqLM], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.inference.heads.generation.kv_cache.ROW_OVERHEAD", 1)
    apart: list[int] = []
    reach_of = Reach.of

    def noted(cache: KVCache) -> Reach:
        reach = reach_of(cache)
        apart.append(len(reach.alone))
        return reach

    monkeypatch.setattr("bot.inference.heads.generation.encoder_decoder_runner.Reach.of", noted)
    texts = Texts(exact(name))
    texts.go_on([], [[5, 6, 7], [*range(3, 50)], [8]])
    for step in range(12):
        texts.go_on([9, 3 + step, 7], [])
    texts.go_on([4, 4, 4], [[*range(20, 60)], [5]])  # whose written tokens are few
    texts.go_on([3, 8, 9, 10, 7], [])
    texts.keep([0, 4, 3])
    texts.go_on([6, 6, 6], [])

    assert apart[0::2][0] == 0  # of the written tokens
    assert apart[1] > 0
    assert max(apart[0::2]) > 0


@pytest.mark.parametrize("name", FAMILIES)
def test_room_and_positions_run_out(name: str, exact: Callable[[str], Seq2SeqLM]) -> None:
    texts = Texts(exact(name))
    texts.go_on([], [[5, 6, 7], [8]])
    for step in range(2 * SPARE + 10):
        texts.go_on([3 + step % 90, 7], [])
    texts.keep([1])
    texts.go_on([5], [list(range(3, 60))])
    texts.keep([1])
    texts.go_on([9], [[4]])


@pytest.mark.parametrize("name", FAMILIES)
def test_recorded_steps(name: str, exact: Callable[[str], Seq2SeqLM], monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU; here they are computed again."""
    monkeypatch.setattr("bot.inference.heads.generation.cuda_graphs.EAGER_STEPS", 1)
    head, repeated = exact(name), []

    def record(compute: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
        def repeat() -> torch.Tensor:
            repeated.append(1)
            return compute()

        return repeat

    steps = CudaGraphs(head, record, caches=2)
    texts = Texts(head, steps)
    texts.go_on([], [[5, 6, 7], [8]])
    for step in range(WIDTH + 10):
        texts.go_on([3 + step % 90, 7], [])
    assert steps.enabled
    assert len(repeated) > WIDTH
    keys = steps.caches[1].layers[0].keys
    texts.keep([1])
    texts.go_on([5], [list(range(3, 60))])
    texts.go_on([6, 7], [])
    texts.keep([])
    texts.go_on([], [[9, 10]])
    before = len(repeated)
    texts.go_on([11], [])
    texts.go_on([12], [])
    assert len(repeated) > before
    assert steps.caches[1].layers[0].keys is keys


@pytest.mark.parametrize("name", FAMILIES)
@torch.inference_mode()
def test_a_row_that_joins_writes_as_by_itself(name: str, load: Callable[[str], Any]) -> None:
    head = load(name)
    assert can_be_joined(head.encoder_decoder)
    target = next(iter(head.language_codes), None)

    def rows() -> list[Row[Any]]:
        return [head.encode(text, max_new_tokens=6 + 3 * index, target=target) for index, text in enumerate(TEXTS)]

    session = head.rewrite.session(False)
    together: dict[int, tuple[int, ...]] = {}
    arriving = rows()
    order = {id(row): index for index, row in enumerate(arriving)}
    while arriving or len(session):
        done = decode_step(session, [arriving.pop(0)] if arriving else [])
        together |= {order[id(row)]: output for row, output in done}
    assert isinstance(session._session, RunningBatch)
    for index, row in enumerate(rows()):
        start = torch.tensor([row.inputs.start])
        output = head.model.generate(
            input_ids=torch.tensor([row.inputs.ids]),
            decoder_input_ids=start,
            max_new_tokens=row.inputs.max_new_tokens,
            do_sample=False,
        )
        assert list(together[index]) == output[0, start.shape[1] :].tolist()


def test_who_stops_keeps_the_text_and_who_gives_up_frees_the_place(load: Callable[[str], Any]) -> None:
    head = load("t5")
    stopped, abandoned, whole = (head.encode(text, max_new_tokens=12) for text in TEXTS[:3])
    session = head.rewrite.session(False)
    decode_step(session, [stopped, abandoned, whole])
    decode_step(session, [])
    stopped.stop()
    abandoned.abandon()
    left = dict(decode_step(session, []))
    assert set(left) == {stopped, abandoned}
    assert list(left[stopped]) == stopped.progress
    assert len(left[stopped]) == 2
    assert len(session) == 1


@pytest.fixture
def with_beams(checkpoints: Mapping[str, Path]) -> Seq2SeqLM:
    head = load_head(checkpoints["t5"], CPU)
    assert isinstance(head, Seq2SeqLM)
    head.model.generation_config.num_beams = 3
    return head


def test_beams_are_searched_by_generate(with_beams: Seq2SeqLM) -> None:
    head = with_beams
    session: Any = head._session(False)
    rows = [head.encode(text, max_new_tokens=8 + index) for index, text in enumerate(TEXTS)]
    assert session.joinable
    done = {id(row): output for row, output in decode_step(session, rows)}
    assert not session.joinable
    assert isinstance(session._session, GenerateBatch)
    assert not len(session)
    ends = {head.model.generation_config.eos_token_id}
    for row in rows:
        options = {"max_new_tokens": row.inputs.max_new_tokens, "do_sample": False}
        [output] = head.model.generate(input_ids=torch.tensor([row.inputs.ids]), **options)
        expected = output[1:].tolist()
        until_end = [index for index, token in enumerate(expected) if token in ends]
        assert list(done[id(row)]) == (expected[: until_end[0] + 1] if until_end else expected)


def test_a_batch_that_is_stopped_ends_at_once(with_beams: Seq2SeqLM) -> None:
    row = with_beams.encode(TEXTS[0], max_new_tokens=100)
    calls = []

    def stop(*_: Any) -> None:
        calls.append(1)
        if len(calls) == 3:
            row.stop()

    with_beams.rewrite.run([with_beams.encode("Who?", max_new_tokens=1)])  # finds out how rows are written
    handle = with_beams.model.get_decoder().register_forward_hook(stop)
    try:
        [written] = with_beams.rewrite.run([row])
    finally:
        handle.remove()
    assert len(calls) == 3
    assert len(written) <= 3


@pytest.mark.parametrize(
    ("options", "greedy"),
    [
        ({}, True),
        ({"eos_token_id": 1, "max_length": 200, "num_beams": 1, "temperature": 0.3, "do_sample": True}, True),
        ({"num_beams": 4}, False),
        ({"bad_words_ids": [[3]]}, False),
        ({"forced_eos_token_id": 1}, False),
        ({"no_repeat_ngram_size": 3}, False),
        ({"repetition_penalty": 1.0}, True),
        ({"repetition_penalty": 1.2}, False),
        ({"min_length": 56}, False),
        ({"something_new": True}, False),
    ],
)
def test_what_changes_logits_is_left_to_generate(options: dict[str, Any], greedy: bool) -> None:
    assert is_greedy(GenerationConfig(**options).to_diff_dict()) is greedy


def test_positions_that_are_counted_otherwise_are_found_out(
    load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a decoder that keeps them elsewhere: every row would get the position of the widest one."""
    head = load("bart")
    monkeypatch.setattr(head, "calibrations", Calibrations())
    with torch.inference_mode():
        assert can_be_joined(head.encoder_decoder)
        head.calibrations = Calibrations()
        monkeypatch.setattr(PositionEmbeddings, "of", lambda self, positions: nullcontext())
        assert not can_be_joined(head.encoder_decoder)


def test_sixteen_messages_are_translated_together(checkpoints: Mapping[str, Path]) -> None:
    head: Any = load_head(checkpoints["t5"], CPU)
    message = 60 + MOST_NEW_TOKENS

    assert [*head.rewrite.budget.split([message] * 16)] == [[*range(16)]]

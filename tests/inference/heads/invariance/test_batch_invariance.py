"""No row's numbers depend on who else asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.inference.checkpoints.loading import load_head
from bot.inference.compute.device import Device
from bot.inference.heads.attention_backend import AttentionBackend, LayerInput
from bot.inference.heads.invariance import batch_invariance as module
from bot.inference.heads.invariance.batch_invariance import SHAPE_ROWS, SHAPE_TOKENS, BatchInvariance, forced
from bot.inference.heads.invariance.row_attention import RowAttention, RowSpan
from bot.inference.heads.invariance.shared_prefix import SharedPrefix
from bot.inference.operations import Row, run_task
from bot.tasks.zeroshot import ZeroShotRequest, weigh_labels
from tests.support import run_together

pytestmark = pytest.mark.measured_elsewhere

HEADS = ("distilbert", "bart_mnli", "roberta", "bert_ner", "roberta_ner", "bert_squad", "minilm", "llama")
"""Tiny checkpoints of all heads whose operations are promised."""
QUICKEST = dict.fromkeys(HEADS, BatchInvariance.UNPADDED) | dict.fromkeys(
    ("bart_mnli", "llama"), BatchInvariance.ROW_ATTENTION
)
PRECISIONS = ("bfloat16", "float32")
WORDS = ("the", "music", "was", "better", "than", "apples", "and", "nobody", "knows", "who", "wrote", "it")

Numbers = Sequence[Any]
Load = Callable[[str, str], Any]


@pytest.fixture(scope="module")
def heads(checkpoints: Mapping[str, Path]) -> Iterator[Load]:
    """Loads a head once: by name and precision."""

    @cache
    def load(name: str, precision: str) -> Any:
        return load_head(checkpoints[name], Device("cpu", precision))

    yield load
    load.cache_clear()


def operation_of(head: Any) -> Any:
    """What is asked of a head."""
    names = ("classify", "fill", "tag", "locate", "embed", "score")
    return next(getattr(head, name) for name in names if hasattr(head, name))


def row_of(head: Any, words: int) -> Row[Any]:
    """A row of a text of about so many words; for a language model with candidates of one token and of several."""
    text = " ".join(WORDS[index % len(WORDS)] for index in range(words))
    if hasattr(head, "score"):
        candidates = [head.encode_rest(one) for one in (" good", " wonderful", " apples and lemons")]
        return head.continuations(head.encode(text), candidates)  # type: ignore[no-any-return]
    if hasattr(head, "mask_token"):
        return head.encode_masked([f"{text} ", ""])  # type: ignore[no-any-return]
    if hasattr(head, "locate"):
        return head.encode("who wrote it?", text)  # type: ignore[no-any-return]
    return head.encode(text)  # type: ignore[no-any-return]


def same(some: Any, others: Any) -> bool:
    """To the last bit."""
    if isinstance(some, list):
        return len(some) == len(others) and all(map(same, some, others))
    return bool(np.array_equal(some, others))


class TestAnyCompany:
    @pytest.mark.parametrize("precision", PRECISIONS)
    @pytest.mark.parametrize("name", HEADS)
    @given(lengths=st.lists(st.integers(1, 45), min_size=2, max_size=9))
    @settings(max_examples=12)
    def test_numbers_are_those_that_a_row_has_alone(
        self, heads: Load, name: str, precision: str, lengths: list[int]
    ) -> None:
        """K5, K7: to the last bit, whatever is asked at the same time."""
        head = heads(name, precision)
        rows = [row_of(head, words) for words in lengths]
        operation = operation_of(head)
        together = operation.run(rows)
        for row, found in zip(rows, together, strict=True):
            assert same(operation.run([row])[0], found)

    @pytest.mark.parametrize("name", HEADS)
    def test_padded_batches_do_not_keep_that(self, heads: Load, name: str) -> None:
        """So the test above can fail."""
        head = heads(name, "bfloat16")
        operation = operation_of(head)
        rows = [row_of(head, words) for words in (3, 5, 9, 14, 17, 23, 40)]
        with forced(head, BatchInvariance.PADDED):
            alone = [operation.run([row])[0] for row in rows]
            assert not same(list(operation.run(rows)), alone)

    @pytest.mark.parametrize(
        "mode",
        [one for one in BatchInvariance if one is not BatchInvariance.PADDED],
    )
    @pytest.mark.parametrize("name", HEADS)
    def test_every_way_gives_the_right_numbers(self, heads: Load, name: str, mode: BatchInvariance) -> None:
        if mode is BatchInvariance.UNPADDED is not QUICKEST[name]:
            pytest.skip("its layers are not known, or a decoder follows")
        head = heads(name, "float32")
        operation = operation_of(head)
        rows = [row_of(head, words) for words in (3, 3, 12, 20)]
        with forced(head, BatchInvariance.PADDED):
            right = [operation.run([row])[0] for row in rows]
        with forced(head, mode):
            for found, expected in zip(operation.run(rows), right, strict=True):
                np.testing.assert_allclose(np.hstack(found), np.hstack(expected), rtol=1e-3, atol=1e-4)

    @pytest.mark.parametrize("precision", PRECISIONS)
    @pytest.mark.parametrize("name", HEADS)
    def test_the_quickest_way_holds_here(self, heads: Load, name: str, precision: str) -> None:
        with torch.inference_mode():
            assert heads(name, precision).batch_invariance is QUICKEST[name]

    @pytest.mark.parametrize("precision", PRECISIONS)
    @given(lengths=st.lists(st.sampled_from((2, 3, 5, 9, 20)), min_size=2, max_size=40))
    @settings(max_examples=12)
    def test_heads_as_wide_as_real_ones(self, heads: Load, precision: str, lengths: list[int]) -> None:
        """Whose rows of one length share calls of the attention kernel."""
        head = heads("wide_heads", precision)
        assert head.batch_invariance is BatchInvariance.UNPADDED
        rows = [row_of(head, words) for words in lengths]
        alone = [head.classify.run([row])[0] for row in rows]
        assert same(list(head.classify.run(rows)), alone)


class TestSharedCalls:
    @pytest.mark.parametrize("mode", [BatchInvariance.UNPADDED, BatchInvariance.ROW_ATTENTION])
    @pytest.mark.parametrize(("name", "expected"), [("wide_heads", 2), ("distilbert", 5)])
    def test_rows_of_one_length_share_a_call(
        self, heads: Load, name: str, expected: int, mode: BatchInvariance, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        head = heads(name, "bfloat16")
        asked = []

        def counting(query: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
            asked.append(query.shape)
            return torch.nn.functional.scaled_dot_product_attention(query, *args, **options)

        for attention in ("row_attention", "unpadded"):
            monkeypatch.setattr(f"bot.inference.heads.invariance.{attention}.scaled_dot_product_attention", counting)
        with forced(head, mode):
            head.classify.run([row_of(head, words) for words in (3, 9, 3, 9, 3)])
        layers = head.model.config.num_hidden_layers
        assert len(asked) == expected * layers

    def test_rows_that_see_different_tokens_share_none(self) -> None:
        spans = [RowSpan(0, slice(0, 4)), RowSpan(1, slice(0, 4), torch.ones(4, 4, dtype=torch.bool))]
        states = torch.randn(2, 2, 4, 16)
        inputs = LayerInput(torch.nn.Linear(1, 1), states, states, states, None, False, None)
        assert RowAttention(spans).attend(inputs).shape == (2, 4, 2, 16)


class TestPromptedAnswers:
    @given(others=st.lists(st.integers(1, 30), min_size=1, max_size=7))
    @settings(max_examples=10)
    def test_zeroshot_in_a_crowd(self, heads: Load, others: list[int]) -> None:
        """K5: equal labels and equal probabilities, so equal digits."""
        head = heads("llama", "bfloat16")
        labels = ("food", "travel", "art and music")
        asked = [ZeroShotRequest(" ".join(WORDS[:words]), labels) for words in (7, *others)]
        alone = run_task(weigh_labels(head, asked[0]))
        crowd = run_together(*(weigh_labels(head, one) for one in asked))
        assert crowd[0] == alone


class TestWhichMode:
    def test_a_kernel_that_sees_the_width_is_found_out(
        self, checkpoints: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where row attention would not hold, rows of the same width are computed together."""
        head: Any = load_head(checkpoints["distilbert"], Device("cpu", "bfloat16"))
        run = AttentionBackend.run

        def seeing_the_others(self: AttentionBackend, attention: Any, **inputs: Any) -> Any:
            output = run(self, attention, **inputs)
            output.logits += 0.01 * len(inputs["input_ids"])
            return output

        monkeypatch.setattr(AttentionBackend, "run", seeing_the_others)
        rows = [row_of(head, words) for words in (3, 3, 9, 30)]
        together = list(head.classify.run(rows))
        assert head.batch_invariance is BatchInvariance.SAME_WIDTH
        assert same(together, [head.classify.run([row])[0] for row in rows])

    def test_layers_that_see_the_number_of_rows_are_found_out(self, checkpoints: Mapping[str, Path]) -> None:
        head: Any = load_head(checkpoints["distilbert"], Device("cpu", "bfloat16"))
        classifier = head.model.classifier
        classifier.register_forward_hook(lambda _, inputs, output: output + 0.01 * len(output))
        rows = [row_of(head, words) for words in (3, 3, 9, 30)]
        together = list(head.classify.run(rows))
        assert head.batch_invariance is BatchInvariance.ALONE
        assert same(together, [head.classify.run([row])[0] for row in rows])

    def test_attention_that_cannot_be_replaced(
        self, checkpoints: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        head: Any = load_head(checkpoints["llama"], Device("cpu", "bfloat16"))

        def refuse(*arguments: Any, **others: Any) -> Any:
            raise NotImplementedError

        monkeypatch.setattr(AttentionBackend, "run", refuse)
        rows = [row_of(head, words) for words in (3, 3, 9, 30)]
        together = list(head.score.run(rows))
        assert head.batch_invariance in (BatchInvariance.SAME_WIDTH, BatchInvariance.ALONE)
        assert same(together, [head.score.run([row])[0] for row in rows])

    def test_threads_are_left_alone_where_they_change_numbers(
        self, checkpoints: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        head: Any = load_head(checkpoints["distilbert"], Device("cpu", "bfloat16"))
        assert head.threads.active
        monkeypatch.setattr(module, "_same_on_one_thread", lambda compute, alone: False)
        head.classify.run([row_of(head, 3)])
        assert not head.threads.active

    def test_a_gpu_computes_batches_of_one_shape(self, checkpoints: Mapping[str, Path]) -> None:
        head: Any = load_head(checkpoints["distilbert"], Device("cpu", "bfloat16"))
        head.device = Device("cuda:0", "bfloat16")
        assert head.batch_invariance is BatchInvariance.SAME_SHAPE


class TestParts:
    @given(
        st.lists(st.sampled_from([3, 16, 40, 700, 5_000]), min_size=1, max_size=200), st.sampled_from(BatchInvariance)
    )
    def test_every_row_is_computed(self, widths: list[int], mode: BatchInvariance) -> None:
        parts = mode.parts(widths)
        assert {index for part in parts for index in part} == set(range(len(widths)))
        assert mode.run(widths, widths, lambda rows: [-width for width in rows]) == [-width for width in widths]

    @given(st.lists(st.sampled_from([3, 16, 40, 700, 5_000]), min_size=1, max_size=200))
    def test_a_batch_of_one_shape_has_a_size_that_its_width_decides(self, widths: list[int]) -> None:
        for part in BatchInvariance.SAME_SHAPE.parts(widths):
            [width] = {widths[index] for index in part}
            assert len(part) == min(SHAPE_ROWS, max(1, SHAPE_TOKENS // width))

    def test_what_shares_a_pass(self) -> None:
        widths = [5, 9, 5]
        assert BatchInvariance.ROW_ATTENTION.parts(widths) == [[0, 2, 1]]
        assert BatchInvariance.SAME_WIDTH.parts(widths) == [[0, 2], [1]]
        assert BatchInvariance.ALONE.parts(widths) == [[0], [1], [2]]


class TestSharedPrefix:
    def test_who_sees_whom(self) -> None:
        prefix = SharedPrefix((7, 8), ((1,), (2, 3)))
        assert prefix.ids == [7, 8, 1, 2, 3]
        assert prefix.positions == [0, 1, 2, 2, 3]
        assert list(prefix.predicting) == [1, 2, 3, 4]
        seen = prefix.seen(torch.tensor(prefix.positions))
        assert seen is not None
        assert seen.int().tolist() == [
            [1, 0, 0, 0, 0],
            [1, 1, 0, 0, 0],
            [1, 1, 1, 0, 0],
            [1, 1, 0, 1, 0],
            [1, 1, 0, 1, 1],
        ]

    def test_one_branch_needs_no_mask(self) -> None:
        assert SharedPrefix((7, 8), ((1, 2),)).seen(torch.arange(4)) is None

    @given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=6).map(tuple), max_size=12), st.integers(1, 12))
    def test_parts_hold_all_branches(self, suffixes: list[tuple[int, ...]], most: int) -> None:
        parts = list(SharedPrefix((1,), tuple(suffixes)).parts(most))
        assert [one for part in parts for one in part.suffixes] == suffixes
        assert all(len(part.predicting) <= most or len(part.suffixes) <= 1 for part in parts)

    def test_continuations_that_do_not_fit_in_memory_together(
        self, heads: Load, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        head = heads("llama", "bfloat16")
        rows = [row_of(head, words) for words in (4, 15, 6)]
        whole = head.score.run(rows)
        vocabulary = head.model.config.vocab_size
        monkeypatch.setattr("bot.inference.heads.scoring.LOGITS_AT_ONCE", 3 * vocabulary)
        parts = head.score.run(rows)
        for some, others in zip(whole, parts, strict=True):
            np.testing.assert_allclose(np.hstack(some), np.hstack(others), rtol=0.02, atol=0.1)
        assert same(list(parts), [head.score.run([row])[0] for row in rows])
        assert len(head.next_token.run(rows)) == 3

    def test_a_window_hides_what_is_far(self) -> None:
        span = RowSpan(0, slice(0, 4))
        assert span.mask(None, causal=True, device=torch.device("cpu")) is None
        assert span.mask(4, causal=True, device=torch.device("cpu")) is None
        mask = span.mask(2, causal=True, device=torch.device("cpu"))
        assert mask is not None
        assert mask.int().tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]
        with pytest.raises(NotImplementedError):
            span.mask(2, causal=False, device=torch.device("cpu"))

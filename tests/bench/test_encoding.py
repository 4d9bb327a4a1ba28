"""Offline contenders read texts and logits as the bot does."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch

from bot.inference.operations import run_task
from tests.bench.encoding import TASKS, Logits
from tests.bench.lanes import Lanes
from tests.bench.limit import LANES, TOGETHER, direct_call, offline, own_layers, own_ways
from tests.bench.workload import Workload
from tests.support import COURSE


def of_the_bot(task: str, workload: Workload, head: Any, request: Any) -> int:
    """The id of the class that the bot answers, or of the token that it finds likeliest; or a label's index."""
    if task == "fill":
        [[probabilities]] = head.fill.run([head.encode_masked(request.parts)])
        return int(probabilities.argmax())
    result = run_task(workload.task.start(head, request))
    names = head.labels if task == "sentiment" else request.labels
    return int(names.index(result.scores[0].label))


@pytest.mark.parametrize("task", TASKS)
def test_answers_are_the_bots_own_in_every_size_and_order(task: str, load: Callable[[str], Any]) -> None:
    workload, head = Workload(task), load(COURSE[task])
    requests = workload.take(20)
    answer = offline(workload.task, head).answer
    assert answer is not None

    answers = list(answer(requests, 8))

    assert len(set(answers)) > 1
    assert answers == [of_the_bot(task, workload, head, request) for request in requests]
    assert answers == answer(requests, 1) == answer(requests[::-1], 4)[::-1]


@pytest.mark.parametrize("task", TASKS)
def test_lanes_answer_the_same(task: str, load: Callable[[str], Any]) -> None:
    workload, head = Workload(task), load(COURSE[task])
    requests = workload.take(20)
    alone = offline(workload.task, head).answer

    with own_layers(workload.task, head, LANES) as limit:
        assert limit.answer is not None
        assert alone is not None
        assert limit.answer(requests, 4) == alone(requests, 4)


def test_each_lane_has_one_thread_of_torch_and_other_threads_as_many_as_ever() -> None:
    usual = torch.get_num_threads()
    torch.set_num_threads(2)
    lanes = Lanes(2, of_torch=True)
    try:
        assert set(lanes.compute(lambda _: torch.get_num_threads(), range(8))) == {1}
        assert torch.get_num_threads() == 2
        with ThreadPoolExecutor(1) as later:
            assert later.submit(torch.get_num_threads).result() == 2
    finally:
        lanes.close()
        torch.set_num_threads(usual)


def test_only_what_computes_batches_can_have_lanes(load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert own_ways(Workload("sentiment").task, load("distilbert")) == (TOGETHER, LANES)
    assert own_ways(Workload("sentiment").task, load("llama")) == (TOGETHER,)
    assert own_ways(Workload("translate").task, load("t5")) == (TOGETHER,)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert own_ways(Workload("sentiment").task, load("distilbert")) == (TOGETHER,)


def test_logits_of_the_mask_are_those_among_all_others(load: Callable[[str], Any]) -> None:
    head = load("roberta")
    mask = head.tokenizer.mask_token_id
    ids = torch.tensor([[5, 6, mask, 7, 8], [5, mask, 6, head.pad_token_id, head.pad_token_id]])
    inputs = {"input_ids": ids, "attention_mask": torch.tensor([[1] * 5, [1, 1, 1, 0, 0]])}

    with torch.inference_mode():
        of_masks, all_of_them = Logits(head, mask)(**inputs), Logits(head)(**inputs)
        chosen = Logits(head, mask, everywhere=True)(**inputs)

    assert all_of_them.shape == (2, 5, head.logits_width)
    torch.testing.assert_close(of_masks, all_of_them[[0, 1], [2, 1]])
    torch.testing.assert_close(of_masks, chosen)


def test_a_direct_call_computes_what_the_worker_computes(load: Callable[[str], Any]) -> None:
    head, widths = load("roberta"), list[int]()
    layer = head.model.get_output_embeddings()
    hook = layer.register_forward_hook(lambda module, given, output: widths.append(output.dim()))
    workload = Workload("fill")
    [request] = workload.take(1)

    direct_call(workload.task, head)(request)
    offline(workload.task, head).run([request], 1)
    hook.remove()

    assert widths == [3, 2]  # logits of all tokens, and of the masks only

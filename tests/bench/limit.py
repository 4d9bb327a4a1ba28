"""The limit of the machine: plain transformers calls on texts known beforehand, in sorted batches of the best size."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch

from bot.benchmark.naive import continue_batch, prompts_of, run_whole, sources_of, translate_batch
from bot.inference.heads.head import Head
from bot.inference.operations import OperationCall
from bot.inference.requests import Request
from bot.inference.side_by_side import side_by_side
from bot.inference.task import HeadKind, Task
from bot.tasks.zeroshot import HYPOTHESIS

T = TypeVar("T")
Requests = Sequence[Request[object]]
ROWS = "rows"


@dataclass(frozen=True)
class Offline:
    """An offline implementation, which answers a list of requests at once.

    Attributes:
        run: answers the requests in batches of a size; returns the number of generated tokens if it counts them.
        sizes: batch sizes to try.
        unit: what a batch size counts.
    """

    run: Callable[[Requests, int], int | None]
    sizes: tuple[int, ...]
    unit: str = "requests"


def offline(task: Task[Any], head: Head) -> Offline:
    """Return how a task's requests are answered at once on a head."""
    on_cpu = head.device.on_cpu
    sizes = (4, 8, 16, 32) if on_cpu else (16, 32, 64, 128, 256)
    static = (16,) if on_cpu else (16, 64)
    match task.name, head.kind:
        case "sentiment", HeadKind.SEQUENCE_CLASSIFIER:
            return Offline(lambda requests, size: _classify(head, requests, size), sizes)
        case "fill", HeadKind.MASKED_LM:
            return Offline(lambda requests, size: _fill(head, requests, size), sizes)
        case "zeroshot", HeadKind.SEQUENCE_CLASSIFIER:
            together = (1, 2, 4) if on_cpu else (4, 16, 64)
            return Offline(lambda requests, size: _compare(head, requests, size), together)
        case "generate", HeadKind.CAUSAL_LM:
            return Offline(lambda requests, size: _continue(head, requests, size), static)
        case "translate", HeadKind.SEQ2SEQ_LM:
            return Offline(lambda requests, size: _translate(task, head, requests, size), static)
        case _:
            return Offline(lambda requests, size: _together(task, head, requests, size), sizes, unit=ROWS)


def direct_call(task: Task[Any], head: Head) -> Callable[[Request[object]], int | None]:
    """Return how one request is answered by itself: in the same batch as the worker's lone user's."""
    limit = offline(task, head)
    if limit.unit == ROWS:
        return lambda request: run_whole(task, head, request)
    return lambda request: limit.run([request], 1)


@torch.inference_mode()
def _classify(head: Head, requests: Any, size: int) -> None:
    encoded = _encode(head, [request.text for request in requests])
    for chunk in _sorted_chunks(encoded, size):
        head.model(**_padded(head, chunk)).logits.float().softmax(dim=-1).cpu()


@torch.inference_mode()
def _fill(head: Head, requests: Any, size: int) -> None:
    mask = head.tokenizer.mask_token
    encoded = _encode(head, [mask.join(request.parts) for request in requests])
    for chunk in _sorted_chunks(encoded, size):
        inputs = _padded(head, chunk)
        logits = head.model(**inputs).logits
        masked = logits[inputs["input_ids"] == head.tokenizer.mask_token_id]
        masked.float().softmax(dim=-1).topk(requests[0].top_k).values.cpu()


@torch.inference_mode()
def _compare(head: Head, requests: Any, size: int) -> None:
    # The pairs of a text and its labels stay together, so `size` counts requests.
    texts = [request.text for request in requests for _ in request.labels]
    hypotheses = [HYPOTHESIS.format(label) for request in requests for label in request.labels]
    for chunk in _sorted_chunks(_encode(head, texts, hypotheses), size * len(requests[0].labels)):
        head.model(**_padded(head, chunk)).logits.float().softmax(dim=-1).cpu()


def _continue(head: Head, requests: Any, size: int) -> int:
    prompts = sorted(prompts_of(head, requests), key=len)
    return sum(continue_batch(head, chunk, requests[0]) for chunk in _chunks(prompts, size))


def _translate(task: Task[Any], head: Head, requests: Requests, size: int) -> int:
    sources = sorted(sources_of(task, head, requests), key=lambda source: len(source.ids))
    return sum(translate_batch(head, chunk) for chunk in _chunks(sources, size))


def _together(task: Task[Any], head: Head, requests: Requests, size: int) -> None:
    """Run tasks of several operation calls: all requests make each call together."""
    run = side_by_side([task.start(head, request) for request in requests])
    outputs: list[Any] | None = None
    with contextlib.suppress(StopIteration):
        while True:
            outputs = _computed(run.send(outputs), size)


def _computed(call: OperationCall, size: int) -> list[Any]:
    """Return the outputs of an operation call, whose rows are sorted and batched."""
    outputs: dict[int, Any] = {}
    for chunk in _chunks(sorted(call.rows, key=lambda row: row.tokens), size):
        outputs |= {id(row): output for row, output in zip(chunk, call.operation.run(chunk), strict=True)}
    return [outputs[id(row)] for row in call.rows]


def _encode(head: Head, texts: Sequence[str], pairs: Sequence[str] | None = None) -> list[dict[str, list[int]]]:
    truncation = True if pairs is None else "only_first"
    encoded = head.tokenizer(texts, pairs, truncation=truncation, max_length=head.context_length)
    names = [name for name in head.tokenizer.model_input_names if name in encoded and name != "attention_mask"]
    return [{name: encoded[name][index] for name in names} for index in range(len(texts))]


def _padded(head: Head, rows: Sequence[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
    inputs: dict[str, torch.Tensor] = {}
    for name in rows[0]:
        inputs[name], inputs["attention_mask"] = head.pad([row[name] for row in rows])
    return inputs


def _sorted_chunks(encoded: list[dict[str, list[int]]], size: int) -> Iterator[Sequence[dict[str, list[int]]]]:
    return _chunks(sorted(encoded, key=lambda row: len(row["input_ids"])), size)


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))

"""The limit of the machine: our own layers on texts known beforehand, in sorted batches of the best size."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from bot.benchmark.naive import continue_batch, prompts_of, run_whole, sources_of, translations
from bot.inference.heads.head import Head
from bot.inference.operations import OperationCall
from bot.inference.requests import Request
from bot.inference.side_by_side import side_by_side
from bot.inference.task import HeadKind, Task
from tests.bench.encoding import TASKS, Encoding, Forward, Inputs, Logits, Requests, asked_mask, chunked
from tests.bench.lanes import Lanes

ROWS = "rows"
TOGETHER, LANES = "all threads in each batch", "a thread for each batch"
"""How our own layers compute encoders' batches."""


@dataclass(frozen=True)
class Offline:
    """An offline implementation, which answers a list of requests at once.

    Attributes:
        run: answers the requests in batches of a size; returns the number of generated tokens if it counts them.
        sizes: batch sizes to try.
        unit: what a batch size counts.
        answer: does the same, and returns each request's answer, to be compared with others'; None if it cannot.
    """

    run: Callable[[Requests, int], int | None]
    sizes: tuple[int, ...]
    unit: str = "requests"
    answer: Callable[[Requests, int], Sequence[Any]] | None = None


def offline(task: Task[Any], head: Head) -> Offline:
    """Return how a task's requests are answered at once on a head."""
    match task.name, head.kind:
        case name, kind if TASKS.get(name) is kind:
            return of_encoder(name, head, in_turn(Logits(head, asked_mask(name, head))))
        case "generate", HeadKind.CAUSAL_LM:
            return Offline(lambda requests, size: _continue(head, requests, size), _static_sizes(head))
        case "translate", HeadKind.SEQ2SEQ_LM:
            return of_writer(lambda requests, size: _translate(task, head, requests, size), head)
        case _:
            return Offline(lambda requests, size: _together(task, head, requests, size), _sizes(head), unit=ROWS)


@contextlib.contextmanager
def own_layers(task: Task[Any], head: Head, way: str) -> Iterator[Offline]:
    """Return how a task's requests are answered at once on a head, in one of the ways that `own_ways` returns."""
    if way != LANES:
        yield offline(task, head)
        return
    forward = _inferring(Logits(head, asked_mask(task.name, head)))
    lanes = Lanes(torch.get_num_threads(), of_torch=True)
    try:
        yield of_encoder(task.name, head, lambda batches: lanes.compute(forward, batches))
    finally:
        lanes.close()


def own_ways(task: Task[Any], head: Head) -> tuple[str, ...]:
    """Return the ways in which our own layers can answer a task's requests at once."""
    is_divisible = TASKS.get(task.name) is head.kind and head.device.on_cpu and torch.get_num_threads() > 1
    return (TOGETHER, LANES) if is_divisible else (TOGETHER,)


def of_encoder(task: str, head: Head, forward: Forward) -> Offline:
    """Return how an encoder's requests are answered at once by something that computes its logits."""
    encoding = Encoding(task, head)

    def run(requests: Requests, size: int) -> None:
        encoding.answer(requests, size, forward)

    together = (1, 2, 4) if head.device.on_cpu else (4, 16, 64)
    sizes = together if task == "zeroshot" else _sizes(head)
    return Offline(run, sizes, answer=lambda requests, size: encoding.answer(requests, size, forward))


def of_writer(answer: Callable[[Requests, int], Sequence[Sequence[int]]], head: Head) -> Offline:
    """Return how texts are written at once by something that returns their tokens."""
    return Offline(lambda requests, size: sum(map(len, answer(requests, size))), _static_sizes(head), answer=answer)


def in_turn(logits: Logits) -> Forward:
    """Return how PyTorch computes batches one after the other, each with all threads."""
    return lambda batches: map(_inferring(logits), batches)


def direct_call(task: Task[Any], head: Head) -> Callable[[Request[object]], int | None]:
    """Return how one request is answered by itself: in the same batch as the worker's lone user's."""
    if TASKS.get(task.name) is head.kind:
        encoding = Encoding(task.name, head)
        forward = in_turn(Logits(head, asked_mask(task.name, head), everywhere=True))

        def answer(request: Request[object]) -> None:
            encoding.answer([request], 1, forward)

        return answer
    limit = offline(task, head)
    if limit.unit == ROWS:
        return lambda request: run_whole(task, head, request)
    return lambda request: limit.run([request], 1)


def _inferring(logits: Logits) -> Callable[[Inputs], torch.Tensor]:
    @torch.inference_mode()
    def forward(inputs: Inputs) -> torch.Tensor:
        output: torch.Tensor = logits(**inputs)
        return output

    return forward


def _sizes(head: Head) -> tuple[int, ...]:
    return (4, 8, 16, 32) if head.device.on_cpu else (16, 32, 64, 128, 256)


def _static_sizes(head: Head) -> tuple[int, ...]:
    return (16,) if head.device.on_cpu else (16, 64)


def _continue(head: Head, requests: Any, size: int) -> int:
    prompts = sorted(prompts_of(head, requests), key=len)
    return sum(continue_batch(head, chunk, requests[0]) for chunk in chunked(prompts, size))


def _translate(task: Task[Any], head: Head, requests: Requests, size: int) -> list[Sequence[int]]:
    sources = sources_of(task, head, requests)
    written: dict[int, Sequence[int]] = {}
    for chunk in chunked(sorted(range(len(sources)), key=lambda index: len(sources[index].ids)), size):
        written |= zip(chunk, translations(head, [sources[index] for index in chunk]), strict=True)
    return [written[index] for index in range(len(sources))]


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
    for chunk in chunked(sorted(call.rows, key=lambda row: row.tokens), size):
        outputs |= {id(row): output for row, output in zip(chunk, call.operation.run(chunk), strict=True)}
    return [outputs[id(row)] for row in call.rows]

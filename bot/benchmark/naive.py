"""What most bots do: one `pipeline()` or `generate()` call per request, in a thread.

Where transformers has no pipeline for a task and a head, the task itself is run, one request at a time.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import Any

from bot.benchmark.limit import offline
from bot.inference.heads.head import Head
from bot.inference.operations import run_task
from bot.inference.requests import Request
from bot.inference.task import HeadKind, Task

Answer = Callable[[Request[Any]], int | None]
"""Answers one request, on the calling thread; returns the number of generated tokens where that matters."""


def naive(task: Task[Any], head: Head) -> Answer:
    """The naive bot for a task."""
    match task.name, head.kind:
        case "sentiment", HeadKind.SEQUENCE_CLASSIFIER:
            return _Pipeline("text-classification", head, _judge)
        case "fill", HeadKind.MASKED_LM:
            return _Pipeline("fill-mask", head, _fill)
        case "zeroshot", HeadKind.SEQUENCE_CLASSIFIER:
            return _Pipeline("zero-shot-classification", head, _compare)
        case ("generate", HeadKind.CAUSAL_LM) | ("translate", HeadKind.SEQ2SEQ_LM):
            alone = offline(task, head)
            return lambda request: alone.run([request], 1)
        case _:
            return lambda request: _run(task, head, request)


def _run(task: Task[Any], head: Head, request: Request[Any]) -> None:
    run_task(task.start(head, request))


class _Pipeline:
    """A pipeline for each thread: fast tokenizers keep state between calls."""

    def __init__(self, name: str, head: Head, call: Callable[[Any, Any], object]) -> None:
        self._name = name
        self._head = head
        self._call = call
        self._local = threading.local()

    def __call__(self, request: Request[Any]) -> None:
        if not hasattr(self._local, "pipeline"):
            self._local.pipeline = self._build()
        self._call(self._local.pipeline, request)

    def _build(self) -> Any:
        import transformers

        tokenizer = copy.deepcopy(self._head.tokenizer)
        build: Any = transformers.pipeline
        return build(self._name, model=self._head.model, tokenizer=tokenizer, device=self._head.device.name)


def _judge(pipeline: Any, request: Any) -> object:
    return pipeline(request.text, truncation=True, top_k=None)


def _fill(pipeline: Any, request: Any) -> object:
    text = pipeline.tokenizer.mask_token.join(request.parts)
    return pipeline(text, top_k=request.top_k, tokenizer_kwargs={"truncation": True})


def _compare(pipeline: Any, request: Any) -> object:
    return pipeline(request.text, list(request.labels), multi_label=request.multi_label)

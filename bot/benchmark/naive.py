"""What most bots do: one `pipeline()` or `generate()` call per request, in a thread.

If transformers has no pipeline for a task and a head, the task itself is run, one request at a time.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Sequence
from typing import Any

import torch

from bot.inference.heads.head import Head
from bot.inference.operations import run_task
from bot.inference.requests import Request
from bot.inference.task import HeadKind, Task

Answer = Callable[[Request[Any]], int | None]
"""Answers one request on the calling thread; returns the number of generated tokens if it counts them."""


def naive(task: Task[Any], head: Head) -> Answer:
    """Return the naive bot for a task."""
    match task.name, head.kind:
        case "sentiment", HeadKind.SEQUENCE_CLASSIFIER:
            return _Pipeline("text-classification", head, _classify)
        case "fill", HeadKind.MASKED_LM:
            return _Pipeline("fill-mask", head, _fill)
        case "zeroshot", HeadKind.SEQUENCE_CLASSIFIER:
            return _Pipeline("zero-shot-classification", head, _compare)
        case "generate", HeadKind.CAUSAL_LM:
            return lambda request: continue_batch(head, prompts_of(head, [request]), request)
        case "translate", HeadKind.SEQ2SEQ_LM:
            return lambda request: translate_batch(head, sources_of(task, head, [request]))
        case _:
            return lambda request: run_whole(task, head, request)


def run_whole(task: Task[Any], head: Head, request: Request[Any]) -> None:
    """Answer a request by itself, as the worker would."""
    run_task(task.steps(head, request))


def prompts_of(head: Head, requests: Sequence[Any]) -> list[list[int]]:
    """Return the prompts of `/generate` as token ids."""
    prompts: list[list[int]] = head.tokenizer([request.prompt for request in requests])["input_ids"]
    return prompts


@torch.inference_mode()
def continue_batch(head: Head, prompts: Sequence[list[int]], options: Any) -> int:
    """Continue prompts with one call of `generate`, by one request's options; returns the number of tokens."""
    ids, mask = head.pad(prompts, left=True)
    output: torch.Tensor = head.model.generate(
        input_ids=ids,
        attention_mask=mask,
        do_sample=True,
        temperature=options.temperature,
        top_p=options.top_p,
        top_k=0,
        max_new_tokens=options.max_new_tokens,
        pad_token_id=head.pad_token_id,
    )
    return written(output[:, ids.shape[1] :].tolist(), ends_of(head))


def sources_of(task: Task[Any], head: Head, requests: Sequence[Request[Any]]) -> list[Any]:
    """Return the encoder-decoder's inputs, as the task makes them: families of models name languages differently."""
    return [next(task.steps(head, request)).rows[0].inputs for request in requests]


@torch.inference_mode()
def translate_batch(head: Head, sources: Sequence[Any]) -> int:
    """Translate with one call of `generate`; returns the number of tokens."""
    ids, mask = head.pad([source.ids for source in sources])
    start = head.tensor([source.start for source in sources])
    limit = max(source.max_new_tokens for source in sources)
    output: torch.Tensor = head.model.generate(
        input_ids=ids, attention_mask=mask, decoder_input_ids=start, max_new_tokens=limit, do_sample=False
    )
    return written(output[:, start.shape[1] :].tolist(), ends_of(head))


def written(sequences: Sequence[Sequence[int]], ends: frozenset[int]) -> int:
    """Return how many tokens were written before the first that ends a text."""
    return sum(next((index for index, token in enumerate(one) if token in ends), len(one)) for one in sequences)


def ends_of(head: Head) -> frozenset[int]:
    """Return the tokens after which a head writes nothing more."""
    config: Any = head.model.generation_config
    declared = config.eos_token_id
    ends = declared if isinstance(declared, list) else [declared, head.tokenizer.eos_token_id]
    return frozenset(end for end in ends if isinstance(end, int))


class _Pipeline:
    def __init__(self, name: str, head: Head, call: Callable[[Any, Any], object]) -> None:
        self._name = name
        self._head = head
        self._call = call
        self._local = threading.local()  # fast tokenizers keep state between calls, so each thread has its own

    def __call__(self, request: Request[Any]) -> None:
        if not hasattr(self._local, "pipeline"):
            self._local.pipeline = self._build()
        self._call(self._local.pipeline, request)

    def _build(self) -> Any:
        import transformers

        build: Any = transformers.pipeline
        tokenizer = copy.deepcopy(self._head.tokenizer)
        return build(self._name, model=self._head.model, tokenizer=tokenizer, device=self._head.device.name)


def _classify(pipeline: Any, request: Any) -> object:
    return pipeline(request.text, truncation=True, top_k=None)


def _fill(pipeline: Any, request: Any) -> object:
    text = pipeline.tokenizer.mask_token.join(request.parts)
    return pipeline(text, top_k=request.top_k, tokenizer_kwargs={"truncation": True})


def _compare(pipeline: Any, request: Any) -> object:
    return pipeline(request.text, list(request.labels), multi_label=request.multi_label)

"""A naive bot: one `pipeline()` or `generate()` call per request, in a thread, as in most bots."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from bot.inference.heads.head import Head
from bot.inference.operations import run_task
from bot.inference.requests import Request
from bot.inference.task import HeadKind, Task

Answer = Callable[[Request[object]], int | None]
"""Answers one request on the calling thread; returns the number of generated tokens if it counts them."""

Call = Callable[[Any, Any], object]
PIPELINES: Mapping[tuple[str, HeadKind], tuple[str, Call]] = {
    ("sentiment", HeadKind.SEQUENCE_CLASSIFIER): (
        "text-classification",
        lambda pipeline, request: pipeline(request.text, truncation=True, top_k=None),
    ),
    ("fill", HeadKind.MASKED_LM): (
        "fill-mask",
        lambda pipeline, request: pipeline(
            pipeline.tokenizer.mask_token.join(request.parts),
            top_k=request.top_k,
            tokenizer_kwargs={"truncation": True},
        ),
    ),
    ("zeroshot", HeadKind.SEQUENCE_CLASSIFIER): (
        "zero-shot-classification",
        lambda pipeline, request: pipeline(request.text, list(request.labels), multi_label=request.multi_label),
    ),
}
"""By task and head: transformers' pipeline, and how it is called."""


def naive(task: Task[Any], head: Head) -> Answer:
    """Return the naive bot for a task. Without a pipeline for it, the task itself is run, one request at a time."""
    match task.name, head.kind:
        case "generate", HeadKind.CAUSAL_LM:
            return lambda request: continue_batch(head, prompts_of(head, [request]), request)
        case "translate", HeadKind.SEQ2SEQ_LM:
            return lambda request: translate_batch(head, sources_of(task, head, [request]))
        case key if key in PIPELINES:
            return _in_pipeline(*PIPELINES[key], head)
        case _:
            return lambda request: run_whole(task, head, request)


def _in_pipeline(name: str, call: Call, head: Head) -> Answer:
    local = threading.local()  # fast tokenizers keep state between calls, so each thread has its own

    def answer(request: Request[object]) -> None:
        if not hasattr(local, "pipeline"):
            import transformers

            build: Any = transformers.pipeline
            tokenizer = copy.deepcopy(head.tokenizer)
            local.pipeline = build(name, model=head.model, tokenizer=tokenizer, device=head.device.name)
        call(local.pipeline, request)

    return answer


def run_whole(task: Task[Any], head: Head, request: Request[object]) -> None:
    """Answer a request by itself, as the worker would."""
    run_task(task.start(head, request))


def prompts_of(head: Head, requests: Sequence[Any]) -> list[list[int]]:
    """Return the prompts of `/generate` as token ids."""
    prompts: list[list[int]] = head.tokenizer([request.prompt for request in requests])["input_ids"]
    return prompts


@torch.inference_mode()
def continue_batch(head: Head, prompts: Sequence[list[int]], options: Any) -> int:
    """Continue prompts with one call of `generate`, by one request's options; returns the number of tokens."""
    ids, mask = head.pad(prompts, left=True)
    drawn = {"do_sample": True, "temperature": options.temperature, "top_p": options.top_p, "top_k": 0}
    limits = {"max_new_tokens": options.max_new_tokens, "pad_token_id": head.pad_token_id}
    output: torch.Tensor = head.model.generate(input_ids=ids, attention_mask=mask, **drawn, **limits)
    return written(output[:, ids.shape[1] :].tolist(), head.end_ids)


def sources_of(task: Task[Any], head: Head, requests: Sequence[Request[object]]) -> list[Any]:
    """Return an encoder-decoder's inputs as the task makes them: families of models name languages differently."""
    return [next(task.start(head, request)).rows[0].inputs for request in requests]


def translate_batch(head: Head, sources: Sequence[Any]) -> int:
    """Translate with one call of `generate`; returns the number of tokens."""
    return sum(map(len, translations(head, sources)))


@torch.inference_mode()
def translations(head: Head, sources: Sequence[Any]) -> list[Sequence[int]]:
    """Translate with one call of `generate`; returns each text's tokens, without the one that ends it."""
    ids, mask = head.pad([source.ids for source in sources])
    start = head.tensor([source.start for source in sources])
    limit = max(source.max_new_tokens for source in sources)
    output: torch.Tensor = head.model.generate(
        input_ids=ids, attention_mask=mask, decoder_input_ids=start, max_new_tokens=limit, do_sample=False
    )
    return [before_end(one, head.end_ids) for one in output[:, start.shape[1] :].tolist()]


def written(sequences: Sequence[Sequence[int]], ends: frozenset[int]) -> int:
    """Return how many tokens were written before the first that ends a text."""
    return sum(len(before_end(one, ends)) for one in sequences)


def before_end(sequence: Sequence[int], ends: frozenset[int]) -> Sequence[int]:
    """Return the tokens before the first that ends a text."""
    return sequence[: next((index for index, token in enumerate(sequence) if token in ends), len(sequence))]

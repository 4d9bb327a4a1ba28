"""The architectures of the course's families that can be chosen, each through the tasks that it is for.

T5 and BART, RoBERTa and Llama have their tests with each task; here are those that are in no preset.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from bot.inference.operations import run_task
from bot.inference.task import HeadKind
from bot.tasks import complete, fill, summarize, translate
from bot.tasks.complete import CompleteRequest
from bot.tasks.fill import FillRequest
from bot.tasks.generate import TASK as GENERATE
from bot.tasks.generate import GenerateRequest
from bot.tasks.summarize import SummarizeRequest
from bot.tasks.translate import TranslateRequest
from tests.support import run_crowd

PROMPTS = ("In this course, we will teach you how to", "Why", "I love apples. We have promises to keep. " * 3)
LENGTH = 16
WRITERS = ("gpt2", "gpt_neo")


def greedy(prompt: str) -> GenerateRequest:
    return GenerateRequest(prompt, max_new_tokens=LENGTH, top_p=0.01)


def written(folder: Path, prompts: Sequence[str], length: int = LENGTH) -> list[str]:
    """What transformers itself writes."""
    pipe = transformers.pipeline("text-generation", model=str(folder), device="cpu")
    outputs = [pipe(text.strip(), max_new_tokens=length, do_sample=False, return_full_text=False) for text in prompts]
    return [output["generated_text"].rstrip("\ufffd") for [output] in outputs]


@pytest.mark.parametrize("name", WRITERS)
def test_a_decoder_writes_as_transformers_does(
    checkpoints: Mapping[str, Path], load: Callable[[str], Any], name: str
) -> None:
    alone = [run_task(GENERATE.start(load(name), greedy(prompt))) for prompt in PROMPTS]
    assert [one.continuations[0].text for one in alone] == written(checkpoints[name], PROMPTS)


@pytest.mark.parametrize("name", WRITERS)
async def test_also_in_a_running_batch(
    checkpoints: Mapping[str, Path], make_worker: Any, make_preset: Any, name: str
) -> None:
    expected = await asyncio.to_thread(written, checkpoints[name], PROMPTS)
    async with make_worker(make_preset(generate=name)) as worker:
        together = await run_crowd(worker, [greedy(prompt) for prompt in PROMPTS] * 2)
    assert [one.continuations[0].text for one in together] == expected * 2


@pytest.mark.parametrize("name", WRITERS)
def test_a_decoder_completes_code(load: Callable[[str], Any], checkpoints: Mapping[str, Path], name: str) -> None:
    code = "def teach(course):\n    return"
    request = CompleteRequest(code, "py", max_new_tokens=LENGTH, temperature=0)
    result = run_task(complete.TASK.start(load(name), request))
    [expected] = written(checkpoints[name], [code])
    assert result.text
    assert expected.startswith(result.text.rstrip("\ufffd")[:4])


def test_bert_fills_as_the_pipeline(checkpoints: Mapping[str, Path], load: Callable[[str], Any]) -> None:
    head = load("bert")
    assert head.kind is HeadKind.MASKED_LM
    pipe = transformers.pipeline("fill-mask", model=str(checkpoints["bert"]), device="cpu")
    result = run_task(fill.TASK.start(head, FillRequest("The capital of France is ___.", top_k=3)))
    known = {guess["token_str"]: guess["score"] for guess in pipe("The capital of France is [MASK].", top_k=300)}
    for guess in result.masks[0]:
        assert guess.probability == pytest.approx(known[guess.word], abs=1e-5)


def test_t5_is_told_the_languages_in_words(checkpoints: Mapping[str, Path], load: Callable[[str], Any]) -> None:
    result = run_task(translate.TASK.start(load("t5"), TranslateRequest("I love apples", "de")))
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoints["t5"])
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(checkpoints["t5"]).eval()
    inputs = tokenizer("translate English to German: I love apples", return_tensors="pt")
    with torch.inference_mode():
        [ids] = model.generate(**inputs, do_sample=False, max_new_tokens=24)
    read = ids[1:].tolist()
    assert list(result.ids[: len(read)]) == read[: len(result.ids)]


def test_bart_summarises_without_a_prefix(load: Callable[[str], Any]) -> None:
    head = load("bart")
    assert head.kind is HeadKind.SEQ2SEQ_LM
    result = run_task(summarize.TASK.start(head, SummarizeRequest("This movie was so inspiring. " * 8)))
    assert result.tokens > 0
    assert not result.general

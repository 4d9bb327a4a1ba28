from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import InvalidRequest
from bot.inference.checkpoints.loading import load_head
from bot.inference.compute.device import Device
from bot.inference.heads.generation.continuous_batching import Generated
from bot.inference.operations import run_task
from bot.storage import RequestStore
from bot.tasks.generate import TASK, Continuation, GenerateRequest, read_prompt, so_far
from bot.text.accepted import MAX_CHARACTERS
from tests.support import run_all, run_crowd, run_together

PROMPTS = [
    "In this course, we will teach you how to",
    "I love",
    "The capital of France is Paris, and the capital of Germany is",
    "Why",
    "The quick brown fox jumps over the lazy dog while the old man looks at the sea. " * 3,
]
LENGTH = 20


def greedy(prompt: str, **options: Any) -> GenerateRequest:
    """As near to greedy as a request can be: a nucleus of one token."""
    return GenerateRequest(prompt, max_new_tokens=LENGTH, num_return_sequences=1, top_p=0.01, **options)


@pytest.fixture(scope="module")
def expected(checkpoints: Mapping[str, Path]) -> list[str]:
    pipe = transformers.pipeline("text-generation", model=str(checkpoints["llama"]), device="cpu")
    texts = []
    for prompt in PROMPTS:
        [output] = pipe(prompt.strip(), max_new_tokens=LENGTH, do_sample=False, return_full_text=False)
        texts.append(output["generated_text"].rstrip("\ufffd"))  # half characters
    return texts


def test_alone_as_the_pipeline(load: Callable[[str], Any], expected: list[str]) -> None:
    results = [run_task(TASK.start(load("llama"), greedy(prompt))) for prompt in PROMPTS]
    assert [result.continuations[0].text for result in results] == expected


def test_together_as_the_pipeline(load: Callable[[str], Any], expected: list[str]) -> None:
    results = run_together(*(TASK.start(load("llama"), greedy(prompt)) for prompt in PROMPTS))
    assert [result.continuations[0].text for result in results] == expected


async def test_through_the_worker_as_the_pipeline(make_worker: Callable[..., Any], expected: list[str]) -> None:
    async with make_worker() as worker:
        results = await run_crowd(worker, [greedy(prompt) for prompt in PROMPTS] * 4)
        status = worker.status()
    assert [result.continuations[0].text for result in results] == expected * 4
    assert status.batches < status.rows / 2


def test_the_same_next_token_in_bfloat16(checkpoints: Mapping[str, Path]) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoints["llama"])
    model = transformers.AutoModelForCausalLM.from_pretrained(checkpoints["llama"]).eval()
    head = load_head(checkpoints["llama"], Device("cpu", "bfloat16"))
    compared = 0
    for prompt in map(str.strip, PROMPTS):
        with torch.inference_mode():
            likeliest = model(**tokenizer(prompt, return_tensors="pt")).logits[0, -1].softmax(-1).topk(2)
        if likeliest.values[0] > 1.3 * likeliest.values[1]:
            compared += 1
            result = run_task(TASK.start(head, replace(greedy(prompt), max_new_tokens=1)))
            assert result.continuations[0].text == tokenizer.decode(likeliest.indices[:1])
    assert compared >= 2


async def test_same_seed_same_text_whatever_else_runs(make_worker: Callable[..., Any]) -> None:
    asked = GenerateRequest("I love apples", max_new_tokens=15, num_return_sequences=3, temperature=1.0, seed=7)
    others: list[Any] = [GenerateRequest(prompt, max_new_tokens=15, temperature=1.5) for prompt in PROMPTS]
    async with make_worker() as worker:
        alone = (await worker.run(asked, person=1)).result
        crowded = await run_all(worker, [*others, asked, *others, asked])
    assert alone == crowded[len(others)] == crowded[-1]
    texts = {continuation.text for continuation in alone.continuations}
    assert len(texts) == 3


def test_another_seed_another_text(load: Callable[[str], Any]) -> None:
    texts = [
        continuation.text
        for seed in range(5)
        for continuation in run_task(
            TASK.start(load("llama"), GenerateRequest("I love", 10, 4, temperature=1.0, seed=seed))
        ).continuations
    ]
    assert len(set(texts)) == 20


def test_no_seed_is_a_new_text_every_time(load: Callable[[str], Any]) -> None:
    request = GenerateRequest("I love", max_new_tokens=12, num_return_sequences=1, temperature=1.0)
    assert run_task(TASK.start(load("llama"), request)) != run_task(TASK.start(load("llama"), request))


def test_the_text_as_it_follows_the_prompt(load: Callable[[str], Any]) -> None:
    [one] = run_task(TASK.start(load("llama"), greedy("In this course"))).continuations
    head = load("llama")
    assert ("In this course" + one.text) == head.decode([*head.encode("In this course"), *head.encode_rest(one.text)])
    assert one.tokens == LENGTH
    assert not one.finished


def test_a_prompt_longer_than_the_context_loses_its_start(load: Callable[[str], Any]) -> None:
    head = load("llama")
    prompt = "Why? " * 700 + "The capital of France is"
    assert len(head.encode(prompt)) > head.context_length
    result = run_task(TASK.start(head, greedy(prompt)))
    assert result.truncated
    assert result.prompt == prompt
    kept = head.encode(prompt)[-(head.context_length - LENGTH) :]
    assert result.continuations[0].text == run_task(TASK.start(head, greedy(head.decode(kept)))).continuations[0].text


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens"),
        ({"max_new_tokens": 513}, "max_new_tokens"),
        ({"num_return_sequences": 0}, "num_return_sequences"),
        ({"num_return_sequences": 5}, "num_return_sequences"),
        ({"temperature": 0}, "top_p.*0.01"),
        ({"temperature": -1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"top_p": 1.1}, "top_p"),
        ({"seed": -1}, "seed"),
        ({"prompt": " "}, "empty"),
    ],
)
def test_bad_requests(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidRequest, match=sentence):
        GenerateRequest(**{"prompt": "I love", **options})


def made_of(head: Any, request: GenerateRequest, written: Sequence[int], *, finished: bool = False) -> Continuation:
    """What a task makes of tokens that a model writes."""
    steps = TASK.start(head, request)
    next(steps)
    try:
        steps.send([Generated(tuple(written), finished)])
    except StopIteration as end:
        [continuation] = end.value.continuations
        found: Continuation = continuation
        return found
    raise AssertionError


class TestHalfACharacter:
    """Row C1: a text that ends in the middle of a character, and goes on there."""

    REQUEST = GenerateRequest("bird 🦩 bird", top_p=0.01)

    @pytest.mark.parametrize("missing", [1, 2, 3])
    @pytest.mark.parametrize("before", [" 🦩 bird", " 🦩", " \ufffd", ""])
    def test_its_bytes_are_not_lost(self, load: Callable[[str], Any], before: str, missing: int) -> None:
        head = load("llama")
        whole = head.encode_rest(f"{before} 🦩")
        first, rest = whole[:-missing], whole[-missing:]

        half = made_of(head, self.REQUEST, first)
        assert half.text == f"{before} "
        assert (half.ids, half.tokens, half.finished) == (first, len(first), False)

        request = self.REQUEST.continued(half)
        assert request.prompt == self.REQUEST.prompt + before
        prompt = read_prompt(head, request)
        assert not prompt.truncated
        assert prompt.ids == (*head.encode(request.prompt), *request.tail)
        assert (*head.encode_rest(before), *request.tail) == first  # each token as it was written
        assert made_of(head, request, rest) == Continuation(" 🦩", len(rest), False, rest)

    @pytest.mark.parametrize("before", [" 👩\u200d", " ❤\ufe0f\u200d", "\n\n", " e\u0301", "\u200b"])
    def test_what_is_not_read_at_the_end_of_a_text(self, load: Callable[[str], Any], before: str) -> None:
        """An astronaut's joiner is nothing before her rocket is there."""
        head = load("llama")
        [*first, last] = head.encode_rest(f" and{before}🚀")
        request = self.REQUEST.continued(made_of(head, self.REQUEST, first))
        prompt = read_prompt(head, request)
        assert prompt.ids[-len(first) :] == tuple(first)  # each token as it was written
        assert request.prompt + made_of(head, request, [last]).text == f"bird 🦩 bird and{before}🚀"

    def test_a_character_that_is_still_not_whole(self, load: Callable[[str], Any]) -> None:
        head = load("llama")
        [*first, second, third, last] = head.encode_rest(" 🦩")
        request = self.REQUEST.continued(made_of(head, self.REQUEST, first))
        again = request.continued(made_of(head, request, [second, third]))
        assert again == replace(request, tail=(*first, second, third))
        assert made_of(head, again, [last]).text == " 🦩"

    def test_what_ends_with_a_whole_one_goes_on_from_its_text(self, load: Callable[[str], Any]) -> None:
        head = load("llama")
        text = made_of(head, self.REQUEST, head.encode_rest(" and \ufffd"))
        assert text.text == " and \ufffd"
        assert self.REQUEST.continued(text) == replace(self.REQUEST, prompt="bird 🦩 bird and \ufffd")

    def test_the_end_of_a_text_is_an_end(self, load: Callable[[str], Any]) -> None:
        head = load("llama")
        assert made_of(head, self.REQUEST, head.encode_rest(" a 🦩")[:-1], finished=True).text == " a "

    def test_another_checkpoints_tokens_are_left_out(self, load: Callable[[str], Any]) -> None:
        head = load("llama")
        for tail in [(10**6,), (-1,), head.encode_rest("lemons")]:
            prompt = read_prompt(head, replace(self.REQUEST, tail=tuple(tail)))
            assert prompt.ids == head.encode(self.REQUEST.prompt)

    def test_a_preview(self, load: Callable[[str], Any]) -> None:
        """Row C4."""
        head = load("llama")
        [one] = so_far(head, self.REQUEST, [head.encode_rest(" 🦩")[:-1]]).continuations
        assert one.text == " "

    async def test_is_kept_with_the_request(self) -> None:
        async with RequestStore.open(None) as store:
            request = replace(self.REQUEST, tail=(5, 6))
            assert await store.find(await store.keep(request, person=1)) == request


class TestAgain:
    def test_the_same_request_gives_another_text_by_itself(self) -> None:
        request = GenerateRequest("One")
        assert request.again() == request

    def test_a_seed_becomes_another_one(self) -> None:
        request = GenerateRequest("One", temperature=0.5, seed=7)
        seeds = {request.again().seed for _ in range(20)}
        assert len(seeds) > 15
        assert {replace(request.again(), seed=7)} == {request}


class TestContinued:
    def continued(self, prompt: str, text: str, **options: Any) -> GenerateRequest:
        return GenerateRequest(prompt, **options).continued(Continuation(text, 1, False))

    def test_the_prompt_and_what_followed_it(self) -> None:
        assert self.continued("One", " two, ", seed=7, num_return_sequences=3) == GenerateRequest("One two,", seed=7)

    def test_without_half_a_character(self) -> None:
        assert self.continued("One", " two\ufffd").prompt == "One two"

    @given(st.text(), st.integers(1, 3_000), st.sampled_from(["a", "word ", "。x", "\n- item"]))
    def test_fits_a_prompt(self, text: str, times: int, piece: str) -> None:
        prompt = self.continued("One", text + piece * times).prompt
        assert len(prompt) <= MAX_CHARACTERS
        assert prompt.startswith(("One", "…"))

    def test_a_long_text_is_cut_between_two_words(self) -> None:
        prompt = self.continued("first", " word" * 1_000 + " last").prompt
        assert prompt.startswith("…word word")
        assert prompt.endswith("word last")

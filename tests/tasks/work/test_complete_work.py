"""The work of `/complete`: the numbers are those that the code was drawn with, and it ends where the answer does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import transformers

from bot.errors import InvalidRequest
from bot.inference.heads.generation.continuous_batching import Generated
from bot.inference.operations import run_task
from bot.replies.work.numbers import written
from bot.tasks.complete import TASK, CompleteRequest, CompleteResult
from bot.tasks.prompts.writing import ReadPrompt
from bot.tasks.work.blocks import Explanation
from bot.tasks.work.complete import RULES, explain_code
from bot.tasks.work.request import WorkRequest
from bot.tasks.work.wording import sentence
from tests.support import run_all
from tests.tasks.work.page_objects import (
    Architecture,
    Distribution,
    Ending,
    Prepared,
    Tokens,
    Written,
    in_english,
    kinds_of,
)
from tests.tasks.work.support import piece_of, pieces_of
from tests.tasks.work.test_generate_work import check_text

CODE = "def add(a, b):"
REQUEST = CompleteRequest(CODE, max_new_tokens=16, temperature=0.7)
PATH = ["Prepared", "Tokens", "Architecture", "HiddenStates", "Written", "Distribution", "Ending", "Decision"]


@pytest.fixture
def llama(load: Callable[[str], Any]) -> Any:
    return load("llama")


@pytest.fixture(scope="module")
def reference(checkpoints: Mapping[str, Path]) -> Any:
    return transformers.AutoModelForCausalLM.from_pretrained(checkpoints["llama"]).eval()


def opened(head: Any, request: CompleteRequest) -> tuple[CompleteResult, Explanation]:
    """An answer and its work."""
    result = run_task(TASK.start(head, request))
    return result, in_english(run_task(explain_code(head, request, (result.ids,))))


def ended(head: Any, request: CompleteRequest, ids: Sequence[int], end: int | None = None) -> tuple[str, Ending]:
    """The text of an answer in whose place the model has written tokens, and how its work says that it ends."""
    steps = TASK.start(head, request)
    next(steps)
    generated = Generated(tuple(ids), finished=end is not None, end=end)
    with pytest.raises(StopIteration) as stop:
        steps.send([generated])
    result: CompleteResult = stop.value.value
    assert result.ids == generated.written
    return result.text, piece_of(run_task(explain_code(head, request, (result.ids,))), Ending)


@pytest.mark.parametrize("temperature", [0.7, 0.0])
def test_all_numbers(llama: Any, reference: Any, temperature: float) -> None:
    result, work = opened(llama, replace(REQUEST, temperature=temperature))
    text = piece_of(work, Written)
    assert tuple(one.token.id for one in text.tokens) == result.ids
    assert text.temperature == temperature
    if temperature:
        assert text.top_p == 0.95
        check_text(text, llama.encode(CODE), reference)
    else:
        assert all(one.drawn_with is None for one in text.tokens)  # nothing was drawn
        assert all(one.probability >= one.alternatives[0].probability for one in text.tokens)


def test_the_way_there(llama: Any) -> None:
    _, work = opened(llama, REQUEST)
    assert kinds_of(work) == PATH
    prepared = piece_of(work, Prepared)
    assert prepared.texts == (CODE,)
    assert "It is taken for Python, so it ends where a block does." in prepared.how
    tokens = piece_of(work, Tokens)
    assert tokens.rows == (llama.tokens(llama.encode(CODE)),)
    assert (tokens.shape, tokens.truncated) == ((1, len(tokens.rows[0])), False)
    assert piece_of(work, Architecture).family == "decoder"
    assert piece_of(work, Distribution).temperature == 0.7


@pytest.mark.parametrize(
    ("code", "kept", "rest", "rule"),
    [
        (CODE, "\n    return a + b", "\n\n\ndef sub(a", "NEW_BLOCK"),
        ("x = 1", "\ny = 2", "\n```\n", "FENCE"),
        ("x = 1", "", "\n```\n", "FENCE"),
        ("# 😀 مرحبا @everyone\ndef a():", "\n    return '天気 😀'", "\n\nprint(a())", "NEW_BLOCK"),
    ],
)
def test_a_rule_has_ended_it(llama: Any, code: str, kept: str, rest: str, rule: str) -> None:
    request = CompleteRequest(code, "py")
    ids = llama.encode_rest(kept + rest)
    text, ending = ended(llama, request, ids)
    assert (text, ending.rest) == (kept, rest.strip("\n"))
    [reason] = [reason for reason in RULES if reason.name == rule]
    assert ending.why == written(sentence(RULES[reason]))
    assert ending.tokens == len(ids)
    prompt = ReadPrompt.of(llama, request.code, (), 1)
    assert prompt.text(ids[: ending.kept]).startswith(kept)
    assert not kept or len(prompt.text(ids[: ending.kept - 1])) < len(kept)


def test_the_model_has_ended_it(llama: Any) -> None:
    ids = llama.encode_rest(" 1\n")
    text, ending = ended(llama, CompleteRequest("x =", "py"), ids, end=llama.tokenizer.eos_token_id)
    assert text == " 1\n"
    assert "it wrote the token <|endoftext|>, which says so" in ending.why
    assert (ending.tokens, ending.kept, ending.rest) == (None, None, "")  # nothing was cut off


def test_the_model_has_ended_it_at_once(llama: Any, reference: Any) -> None:
    end = llama.tokenizer.eos_token_id
    text, ending = ended(llama, REQUEST, (), end=end)
    assert (text, ending.rest) == ("", "")
    assert "it wrote the token <|endoftext|>" in ending.why
    work = run_task(explain_code(llama, REQUEST, ((end,),)))
    assert kinds_of(work) == PATH
    check_text(piece_of(work, Written), llama.encode(CODE), reference)


def test_nobody_has_ended_it(llama: Any) -> None:
    ids = llama.encode_rest(" a b c")
    request = replace(REQUEST, max_new_tokens=len(ids))
    assert f"had written {len(ids)} tokens, which is as much" in ended(llama, request, ids)[1].why
    assert f"stopped after {len(ids)} of at most 16 tokens" in ended(llama, REQUEST, ids)[1].why


def test_code_that_lost_its_start(llama: Any, reference: Any) -> None:
    request = CompleteRequest("x = 1\n" * 900 + "y =", "text", max_new_tokens=5)
    result, work = opened(llama, request)
    assert result.truncated
    prompt = llama.encode(request.code)[-(llama.context_length - 5) :]
    tokens = piece_of(work, Tokens)
    assert tuple(one.id for one in tokens.rows[0]) == prompt
    assert "the start of the code was left out" in tokens.note
    prepared = piece_of(work, Prepared)
    assert prepared.texts == (llama.decode(prompt),)
    assert "It is taken for plain text, which has no blocks" in prepared.how
    assert "cut at its start, so that the context has room for the 5 tokens" in prepared.how
    check_text(piece_of(work, Written), prompt, reference)


def test_without_an_answer_code_is_written_first(llama: Any) -> None:
    first, second = (run_task(explain_code(llama, replace(REQUEST, temperature=1.5))) for _ in range(2))
    assert first == second
    assert kinds_of(first) == PATH


@pytest.mark.parametrize("written", [((1, 450),), ((-1,),), ((10**30,),), ((5,) * 1_100,)])
def test_what_this_checkpoint_cannot_have_written(llama: Any, written: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(InvalidRequest, match="is not the one that wrote this answer"):
        run_task(explain_code(llama, REQUEST, written))


@pytest.mark.parametrize("code", ["```\n```py\nx = 1\n```\n```", "`\u200b``py\nx = 1\n```", "``\x00`js\nx = 1\n```"])
def test_what_is_kept_is_what_was_asked(code: str) -> None:
    request = CompleteRequest(code)
    assert request.code == "x = 1"
    assert WorkRequest.of(request).about == request


async def test_through_the_worker(
    make_worker: Callable[..., Any], make_preset: Callable[..., Any], llama: Any, reference: Any
) -> None:
    """Answers that shared batches, each opened; the request survives being kept in JSON."""
    asked = [replace(REQUEST, code=code) for code in (CODE, "x = [i for i in", "# 😀 مرحبا @everyone")]
    async with make_worker(make_preset(complete="llama")) as worker:
        answers = await run_all(worker, asked)
        opening = [WorkRequest.of(one, (answer.ids,)) for one, answer in zip(asked, answers, strict=True)]
        assert [request.about for request in opening] == asked
        works = await run_all(worker, opening)
    for request, answer, work in zip(asked, answers, works, strict=True):
        [text] = pieces_of(work, Written)
        assert tuple(one.token.id for one in text.tokens) == answer.ids
        check_text(text, llama.encode(request.code), reference)


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_half_a_character_at_the_end(llama: Any, missing: int) -> None:
    """Row C1: the answer leaves it out, and so does its work; what goes on is read from its tokens."""
    request = CompleteRequest("s = '", "py")
    whole = llama.encode_rest("a bird 🦩")
    text, ending = ended(llama, request, whole[:-missing])
    assert text == "a bird "
    assert (ending.tokens, ending.kept, set(ending.rest)) == (len(whole) - missing, len(whole) - 4, {"\ufffd"})
    assert ending.why.endswith(written(sentence("ending.half")))

    [*first, last] = whole
    request = replace(request, code="s = 'a", tail=tuple(first[-2:]))
    work = run_task(explain_code(llama, request, ((last,),)))
    assert [one.id for one in piece_of(work, Tokens).rows[0]] == [*llama.encode("s = 'a"), *first[-2:]]
    assert piece_of(work, Prepared).how.endswith(written(sentence("generate.tail")))

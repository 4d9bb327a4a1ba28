"""The work of `/generate`: the numbers at each place are those that the text was drawn with."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from transformers import TemperatureLogitsWarper, TopPLogitsWarper

from bot.errors import InvalidRequest
from bot.inference.heads.generation.sampling import Sampling
from bot.inference.heads.generation.token_logprobs import ForcedText
from bot.inference.operations import run_task
from bot.replies.work.numbers import written
from bot.tasks.generate import TASK, GenerateRequest
from bot.tasks.work.blocks import Explanation
from bot.tasks.work.generate import explain_continuations
from bot.tasks.work.request import WorkRequest
from bot.tasks.work.wording import sentence
from bot.tasks.work.written import continuations, token_pages
from tests.support import run_all
from tests.tasks.work.page_objects import (
    Architecture,
    Decision,
    Distribution,
    HiddenStates,
    Prepared,
    Tokens,
    Written,
    in_english,
    kinds_of,
)
from tests.tasks.work.support import piece_of, pieces_of

PROMPT = "The capital of France is"
REQUEST = GenerateRequest(PROMPT, max_new_tokens=16, num_return_sequences=2, temperature=0.7, top_p=0.9)


def ids_of(result: Any) -> tuple[tuple[int, ...], ...]:
    return tuple(one.ids for one in result.continuations)


def opened(head: Any, request: GenerateRequest) -> tuple[Any, Explanation]:
    """An answer and its work."""
    result = run_task(TASK.start(head, request))
    return result, in_english(run_task(explain_continuations(head, request, ids_of(result))))


@pytest.fixture
def llama(load: Callable[[str], Any]) -> Any:
    return load("llama")


@pytest.fixture(scope="module")
def reference(checkpoints: Mapping[str, Path]) -> Any:
    return transformers.AutoModelForCausalLM.from_pretrained(checkpoints["llama"]).eval()


def check_text(text: Written, prompt: tuple[int, ...], model: Any) -> None:
    """Compare what is said of each token with transformers' own logits, one place after the other."""
    ids = list(prompt)
    warp, cut = TemperatureLogitsWarper(text.temperature), TopPLogitsWarper(text.top_p)
    for one in text.tokens:
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([ids])).logits[:, -1].float()
        probabilities = logits.softmax(dim=-1)[0]
        drawn = cut(torch.tensor([ids]), warp(torch.tensor([ids]), logits.clone())).softmax(dim=-1)[0]
        assert one.probability == pytest.approx(float(probabilities[one.token.id]), abs=1e-5)
        assert one.drawn_with == pytest.approx(float(drawn[one.token.id]), abs=1e-5)
        assert one.nucleus == int((drawn > 0).sum())
        others = [token for token in probabilities.argsort(descending=True).tolist() if token != one.token.id][:5]
        assert [other.id for other in one.alternatives] == others
        for other in one.alternatives:
            assert other.probability == pytest.approx(float(probabilities[other.id]), abs=1e-5)
        ids.append(one.token.id)


def test_all_numbers(llama: Any, reference: Any) -> None:
    result, work = opened(llama, REQUEST)
    texts = pieces_of(work, Written)
    assert [tuple(one.token.id for one in text.tokens) for text in texts] == [*ids_of(result)]
    assert [text.name for text in texts] == ["text 1", "text 2"]
    for text in texts:
        assert (text.temperature, text.top_p) == (0.7, 0.9)
        assert all(one.drawn_with > 0 for one in text.tokens)
        check_text(text, llama.encode(PROMPT), reference)


def test_the_way_there(llama: Any) -> None:
    _, work = opened(llama, REQUEST)
    assert kinds_of(work) == [
        "Prepared",
        "Tokens",
        "Architecture",
        "HiddenStates",
        "Written",
        "Written",
        "Distribution",
        "Decision",
    ]
    assert piece_of(work, Prepared).texts == (PROMPT,)
    tokens = piece_of(work, Tokens)
    assert tokens.rows == (llama.tokens(llama.encode(PROMPT)),)
    assert tokens.shape == (2, len(tokens.rows[0]))
    assert not tokens.truncated
    assert piece_of(work, Architecture).family == "decoder"
    assert piece_of(work, HiddenStates).shape == (1, len(tokens.rows[0]), 32)


def test_what_temperature_and_top_p_did(llama: Any) -> None:
    _, work = opened(llama, replace(REQUEST, temperature=0.5, top_p=0.6))
    shape = piece_of(work, Distribution)
    texts = {text.name: text for text in pieces_of(work, Written)}
    least = min(one.probability for text in texts.values() for one in text.tokens)
    written = texts[shape.name].tokens[shape.place]
    assert written.probability == least
    chosen = shape.candidates[shape.chosen]
    assert chosen.id == written.token.id
    assert chosen.before == pytest.approx(written.probability)
    assert chosen.after == pytest.approx(written.drawn_with)
    assert len(shape.candidates) == 10
    before = [one.before for one in shape.candidates]
    assert before == sorted(before, reverse=True)
    assert (shape.temperature, shape.top_p) == (0.5, 0.6)
    kept = [one for one in shape.candidates if one.after > 0]
    assert len(kept) == min(written.nucleus, 10)
    if len(kept) == written.nucleus:
        assert sum(one.after for one in kept) == pytest.approx(1, abs=1e-5)
    # Temperature 0.5 squares the probabilities; all that is left is divided by the same sum.
    ratios = [one.after / one.before**2 for one in kept]
    assert ratios == pytest.approx([ratios[0]] * len(kept), rel=1e-3)


def test_the_written_token_is_shown_even_where_it_was_unlikely(llama: Any) -> None:
    for seed in range(30):
        _, work = opened(llama, GenerateRequest("Why", 20, 1, temperature=2.0, top_p=1, seed=seed))
        shape = piece_of(work, Distribution)
        if shape.chosen == 9 and shape.candidates[9].before < min(one.before for one in shape.candidates[:9]):
            break
    else:
        pytest.fail("no unlikely token was drawn")
    assert shape.candidates[9].id == piece_of(work, Written).tokens[shape.place].token.id


def test_the_decision_counts(llama: Any) -> None:
    _, work = opened(llama, REQUEST)
    tokens = [one for text in pieces_of(work, Written) for one in text.tokens]
    nucleus = sum(one.nucleus for one in tokens) / len(tokens)
    likeliest = sum(one.probability > one.alternatives[0].probability for one in tokens)
    said = piece_of(work, Decision).sentence
    left = f"{nucleus:,.0f}" if nucleus >= 10 else f"{nucleus:.1f}"
    assert f"Of 450 tokens, temperature 0.7 and top_p 0.9 left {left} to draw from on average." in said
    assert f"The likeliest token was taken at {likeliest} of {len(tokens)} places." in said


def ending(head: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes half of the vocabulary end a text, as some checkpoints have several such tokens."""
    monkeypatch.setattr(head.model.generation_config, "eos_token_id", list(range(100, 300)))
    return head


def test_the_token_that_ended_the_text(llama: Any, reference: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    result, work = opened(ending(llama, monkeypatch), replace(REQUEST, seed=3))
    for one, text in zip(result.continuations, pieces_of(work, Written), strict=True):
        assert one.finished
        assert len(one.ids) == one.tokens + 1
        assert one.ids[-1] in llama.end_ids
        assert text.ended
        assert text.tokens[-1].token.id == one.ids[-1]
        check_text(text, llama.encode(PROMPT), reference)


def test_a_text_that_goes_on(llama: Any) -> None:
    result, work = opened(llama, replace(REQUEST, max_new_tokens=2, num_return_sequences=4))
    ended = [text.ended for text in pieces_of(work, Written)]
    assert ended == [one.finished for one in result.continuations]
    assert not all(ended)
    for one in result.continuations:
        assert len(one.ids) == one.tokens + one.finished


def test_a_prompt_that_lost_its_start(llama: Any, reference: Any) -> None:
    request = GenerateRequest("Why? " * 700 + PROMPT, max_new_tokens=3, top_p=0.8)
    result, work = opened(llama, request)
    assert result.truncated
    tokens = piece_of(work, Tokens)
    assert tokens.truncated
    assert "the start of the prompt" in tokens.note
    assert tokens.shape == (1, llama.context_length - 3)
    prompt = llama.encode(request.prompt)[-(llama.context_length - 3) :]
    assert tuple(one.id for one in tokens.rows[0]) == prompt
    assert piece_of(work, Prepared).texts == (llama.decode(prompt),)
    check_text(piece_of(work, Written), prompt, reference)


def test_words_begin_where_they_do(llama: Any) -> None:
    _, work = opened(llama, replace(REQUEST, seed=1))
    others = {
        other.id: other.text for text in pieces_of(work, Written) for one in text.tokens for other in one.alternatives
    }
    whole = {token: text for token, text in others.items() if "\ufffd" not in llama.decode([token])}
    assert len(whole) > 20
    for token, text in whole.items():
        assert text == llama.decode([token], skip_special_tokens=False)
    assert any(text.startswith(" ") for text in whole.values())
    assert any(text.isalpha() for text in whole.values())


def test_without_an_answer_a_text_is_written_first(llama: Any) -> None:
    first, second = (run_task(explain_continuations(llama, REQUEST, ())) for _ in range(2))
    assert first == second
    asked = run_task(TASK.start(llama, replace(REQUEST, seed=7)))
    work = run_task(explain_continuations(llama, replace(REQUEST, seed=7)))
    assert [tuple(one.token.id for one in text.tokens) for text in pieces_of(work, Written)] == [*ids_of(asked)]


@pytest.mark.parametrize("written", [((1, 450),), ((-1,),), ((10**30,),), ((5,) * 1_100,)])
def test_what_this_checkpoint_cannot_have_written(llama: Any, written: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(InvalidRequest, match="is not the one that wrote this answer"):
        run_task(explain_continuations(llama, REQUEST, written))


async def test_through_the_worker(make_worker: Callable[..., Any], llama: Any, reference: Any) -> None:
    """Answers that shared batches, each opened; the request survives being kept in JSON."""
    asked = [
        replace(REQUEST, prompt=prompt, num_return_sequences=number)
        for prompt, number in [(PROMPT, 1), ("Why", 3), ("I love apples and", 2)]
    ]
    async with make_worker() as worker:
        answers = await run_all(worker, asked)
        opening = [WorkRequest.of(one, ids_of(answer)) for one, answer in zip(asked, answers, strict=True)]
        assert [request.about for request in opening] == asked
        works: list[Explanation] = await run_all(worker, opening)
    for request, answer, work in zip(asked, answers, works, strict=True):
        texts = pieces_of(work, Written)
        assert [tuple(one.token.id for one in text.tokens) for text in texts] == [*ids_of(answer)]
        for text in texts:
            check_text(text, llama.encode(request.prompt), reference)
        assert math.isfinite(piece_of(work, Distribution).candidates[0].after or 0)


def test_behind_a_line_break_no_word_is_continued(llama: Any) -> None:
    [line_break] = llama.tokenize("\n", add_special_tokens=False)
    ids = llama.tokenize("love love", add_special_tokens=False)

    texts = {
        before: run_task(continuations(llama, [*llama.encode("The"), *before], [ids], Sampling.likeliest()))
        for before in ((), (line_break,))
    }

    for before, (pages, _) in texts.items():
        work = Explanation(pages)
        written, distribution = piece_of(work, Written), piece_of(work, Distribution)
        assert [one.apart for one in written.tokens] == [bool(before), *[False] * (len(ids) - 1)]
        assert distribution.apart == written.tokens[distribution.place].apart
        assert not before or written.tokens[0].token.starts_word


@pytest.mark.parametrize(("behind", "is_said"), [(0.25, True), (2.0, False)])
def test_what_rounding_decided_is_said(llama: Any, behind: float, is_said: bool) -> None:
    text = ForcedText(tuple(llama.encode("The")), tuple(llama.encode("capital")), Sampling.likeliest())
    [found] = run_task(llama.token_log_probs([text.row]))
    near = replace(found, log_probs=found.top_log_probs[:, 0] - np.float32(behind))

    certainty = in_english(token_pages(llama, [text], [near])[1])

    assert f"taken at 0 of {len(text.written)} places." in certainty
    assert ("rounding decided" in certainty) is is_said


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_half_a_character_at_the_end(llama: Any, missing: int) -> None:
    """Row C1: its bytes are shown among the tokens, and the decision says that the answer leaves them out."""
    whole = llama.encode_rest(" a bird 🦩")
    work = run_task(explain_continuations(llama, GenerateRequest("I see"), (whole[:-missing],)))
    assert piece_of(work, Decision).sentence.endswith(written(sentence("ending.half")))
    assert piece_of(work, Written).tokens[-1].token.text.startswith("<")
    work = run_task(explain_continuations(llama, GenerateRequest("I see"), (whole,)))
    assert written(sentence("ending.half")) not in piece_of(work, Decision).sentence


def test_a_text_that_goes_on_from_half_a_character(llama: Any) -> None:
    [*first, last] = llama.encode_rest(" 🦩")
    request = GenerateRequest("I see", tail=tuple(first))
    work = run_task(explain_continuations(llama, request, ((last,),)))
    assert [one.id for one in piece_of(work, Tokens).rows[0]] == [*llama.encode("I see"), *first]
    prepared = piece_of(work, Prepared)
    assert prepared.texts == ("I see",)
    assert prepared.how.endswith(written(sentence("generate.tail")))
    assert written(sentence("ending.half")) not in piece_of(work, Decision).sentence

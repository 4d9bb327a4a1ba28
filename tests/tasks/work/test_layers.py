"""The pages of the layers, for each kind of answer: their numbers are those of a pass without any hook."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from bot.inference.heads.inspection.layer_lens import Lens
from bot.inference.requests import Request
from bot.replies.work.numbers import cell
from bot.tasks.fill import FillRequest
from bot.tasks.generate import GenerateRequest
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.summarize import SummarizeRequest
from bot.tasks.translate import TranslateRequest
from bot.tasks.work.blocks import Additions, Explanation, Guesses, Page, Paragraph, Table
from bot.tasks.work.layers import pages_of_lens, white_space
from bot.tasks.work.texts import Form
from bot.tasks.work.wording import sentence
from tests.tasks.work.page_objects import column, in_english, name_of, said
from tests.tasks.work.support import answered_and_opened

TEXT = "I love to hate this course"
REQUESTS: list[tuple[str, str, Request[Any]]] = [
    ("sentiment", "distilbert", SentimentRequest(TEXT)),
    ("sentiment", "llama", SentimentRequest(TEXT)),
    ("fill", "roberta", FillRequest("I love this [MASK].")),
    ("generate", "llama", GenerateRequest(TEXT, max_new_tokens=4)),
    ("generate", "gpt2", GenerateRequest(TEXT, max_new_tokens=4)),
    ("translate", "t5", TranslateRequest(TEXT, "German", "en")),
    ("translate", "marian", TranslateRequest(TEXT, "German", "en")),
    ("summarize", "bart", SummarizeRequest(f"{TEXT}. What a terrible day, and the coffee was cold!")),
]
DIRECT = {"llama", "gpt2", "t5"}


def layer_pages(work: Explanation) -> list[Page]:
    return [one for one in work.pages if name_of(one).startswith(("Layer by layer", "What each layer"))]


def proof(page: Page) -> tuple[float, float]:
    """Both numbers of the line that proves a page."""
    paragraphs = [said(one.text) for one in page.blocks if isinstance(one, Paragraph)]
    [line] = [one for one in paragraphs if one.startswith("Proof")]
    first, second = re.findall(r"(?:is|to|is) ([−\d.]*\d)|and ([−\d.]*\d) in", line)[:2]
    return tuple(float("".join(one).replace("−", "-")) for one in (first, second))  # type: ignore[return-value]


@pytest.mark.parametrize(("task", "name", "request_"), REQUESTS, ids=[f"{one[0]}-{one[1]}" for one in REQUESTS])
async def test_numbers_agree_with_each_other(
    make_worker: Callable[..., Any], make_preset: Callable[..., Any], task: str, name: str, request_: Request[Any]
) -> None:
    async with make_worker(make_preset(**{task: name})) as worker:
        _, work = await answered_and_opened(worker, request_)
    lens, added = layer_pages(work)

    guesses, additions = lens.picture, added.picture
    assert isinstance(guesses, Guesses)
    assert isinstance(additions, Additions)
    assert name_of(added) == ("What each layer adds" if name in DIRECT else "What each layer changes")
    assert len(guesses.texts) == len(additions.values) == 3  # the embeddings and two layers
    assert guesses.followed == additions.text != additions.other
    lens = in_english(lens)
    [numbers] = [one for one in lens.blocks if isinstance(one, Table)]
    assert column(numbers, "p") == guesses.followed_probabilities
    assert tuple(one.text for one in column(numbers, "likeliest")) == guesses.texts
    for page in (lens, added):
        measured, ordinary = proof(page)
        assert measured == pytest.approx(ordinary, abs=0.005)
    assert proof(added)[0] == pytest.approx(sum(additions.values), abs=1e-3)
    if guesses.texts[-1] == guesses.followed:
        assert max(guesses.probabilities[-1], 0) == pytest.approx(guesses.followed_probabilities[-1])


async def test_the_last_layer_has_the_probability_of_the_written_token(
    make_worker: Callable[..., Any], make_preset: Callable[..., Any]
) -> None:
    async with make_worker(make_preset(generate="llama")) as worker:
        _, work = await answered_and_opened(worker, GenerateRequest(TEXT, max_new_tokens=4))
    [written] = [one for one in work.pages if str(one.name).startswith("Written tokens")]
    lens, _ = layer_pages(work)

    assert isinstance(lens.picture, Guesses)
    picture: Any = written.picture
    assert lens.picture.followed_probabilities[-1] == pytest.approx(min(picture.probabilities), abs=1e-5)


def lens_of(texts: dict[int, str], token: int, other: int) -> Lens:
    """A prediction that is made up: each of the tokens is the likeliest after one layer."""
    probs, differences = np.full(len(texts), 0.9, np.float32), np.arange(len(texts), dtype=np.float64)
    return Lens(
        token,
        other,
        np.array(list(texts), np.int64),
        probs,
        probs,
        differences,
        shares=np.array([0.0013, *[1.0] * (len(texts) - 1)]),
        rest=0.0,
        is_direct=True,
        difference=float(differences[-1]),
    )


def test_white_space_that_is_the_likeliest_can_be_seen() -> None:
    texts = {5: " ", 6: "\n", 7: " good", 8: "ing"}

    lens, _ = pages_of_lens(lens_of(texts, 5, 6), texts, partial(sentence, "layers.of-prompt", prompt="prompt 1"), "")

    lens = in_english(lens)
    [numbers] = [one for one in lens.blocks if isinstance(one, Table)]
    assert [cell(one, Form.THREE) for one in column(numbers, "likeliest")] == ["␣", "⏎", "␣good", "ing"]
    paragraphs = " ".join(said(one.text) for one in lens.blocks if isinstance(one, Paragraph))
    assert "“␣” against “⏎”" in paragraphs
    assert "the logit of “␣” minus" in paragraphs
    assert "“”" not in paragraphs


async def test_the_page_says_why_the_answer_may_differ_from_its_two_tokens(
    make_worker: Callable[..., Any], make_preset: Callable[..., Any]
) -> None:
    async with make_worker(make_preset(sentiment="llama")) as worker:
        _, work = await answered_and_opened(worker, SentimentRequest(TEXT))
    [weighed] = [one for one in work.pages if name_of(one) == "Labels weighed"]
    for one in layer_pages(work):
        paragraphs = " ".join(said(block.text) for block in one.blocks if isinstance(block, Paragraph))
        assert f"more words and all prompts against the baseline (“{name_of(weighed)}”)" in paragraphs


def test_white_space_is_one_line_of_signs() -> None:
    assert white_space(" \n\t\r\v\f\x1c\x85\u2028\u3000") == "␣⏎→⏎" + 6 * "␣"

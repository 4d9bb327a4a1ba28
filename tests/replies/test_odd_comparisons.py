"""Odd answers side by side: what a model writes is as odd as what people do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bot.inference.requests import Answer, LabelScore, Request
from bot.inference.together import Outcome, Outcomes
from bot.inference.tokenization.tokens import Token
from bot.replies.comparing.render import preview, render
from bot.tasks.compare import CompareRequest
from bot.tasks.entities import EntitiesRequest, EntitiesResult, Entity
from bot.tasks.fill import FillRequest, FillResult, MaskGuess
from bot.tasks.generate import Continuation, GenerateRequest, GenerateResult
from bot.tasks.sentiment import SentimentRequest, SentimentResult
from bot.tasks.tokenize import TokenizedText, TokenizeRequest, TokenizeResult
from bot.tasks.translate import TranslateRequest, TranslateResult
from tests.odd_texts import LONG, ODD, check_embed, taken

ODD_ANSWERS = {**ODD, **LONG}


def compared(odd: str) -> Iterator[tuple[Request[Any], list[Any]]]:
    """Requests, and the results of two checkpoints, of which one says something odd."""
    yield (
        SentimentRequest("good"),
        [SentimentResult((LabelScore(one, 0.9), LabelScore("x", 0.1)), truncated=False) for one in (odd, "POSITIVE")],
    )
    guesses = [tuple(MaskGuess(one, 0.5, f"a {one}", 2) for one in words) for words in ((odd, "a"), ("b", "a"))]
    yield FillRequest("a ___"), [FillResult((one,), "", truncated=False) for one in guesses]
    yield FillRequest("___ ___ a"), [FillResult((one, one), "", truncated=False) for one in guesses]
    yield (
        GenerateRequest("good"),
        [
            GenerateResult("", (Continuation(one, 3, finished=True),), None, truncated=False)
            for one in (odd, f"a {odd}")
        ],
    )
    languages: Any = None  # they are not shown
    yield (
        TranslateRequest("good", "de"),
        [TranslateResult(one, languages, languages, truncated=False) for one in (f"a {odd} b\n{odd}", f"{odd} c")],
    )
    request = EntitiesRequest(f"x {odd}"[:4_000])
    found = [
        EntitiesResult((Entity(0, end, odd[:50] or "PER", 0.9),), truncated=False) for end in (1, len(request.text))
    ]
    yield request, found
    tokens = [tuple(Token(one, 1, special=False, starts_word=True) for one in (odd, last)) for last in "ab"]
    yield (
        TokenizeRequest(("good",)),
        [
            TokenizeResult((TokenizedText("", one, 1, 0),), ((1,),), ((1,),), None, 0, "right", "right", 9, 300)
            for one in tokens
        ],
    )


@pytest.mark.parametrize("name", ODD_ANSWERS)
def test_an_odd_answer_is_inert_and_short(name: str) -> None:
    for request, results in compared(ODD_ANSWERS[name]):
        asked = CompareRequest.of(request, ("one", "*[x](https://evil.example)* @everyone"))
        outcomes = Outcomes(tuple(Outcome(answer=Answer(one, "x", "cpu", "float32", 1.0)) for one in results))
        reply = render(asked, Answer(outcomes, "x, y", "cpu", "float32", 1.0))
        for embed in (reply.embed, preview(asked, outcomes).embed):
            check_embed(embed.to_dict())
        with taken() as found:
            for button in reply.buttons:
                found.measure("button label", button.label, 80, filled=True)
        if reply.file is not None:
            reply.file.text.encode()

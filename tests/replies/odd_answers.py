"""Each command's reply to a request whose model, or whose checkpoint's labels, say something odd."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from bot.inference.heads.inspection.attention_weights import Part
from bot.inference.languages.lookup import language
from bot.inference.requests import Answer, LabelScore
from bot.inference.tokenization.tokens import Token
from bot.replies.reply import Reply
from bot.replies.results import (
    answer,
    attention,
    chat,
    complete,
    entities,
    fill,
    generate,
    sentiment,
    similarity,
    summarize,
    tokenize,
    translate,
    zeroshot,
)
from bot.tasks.answer import AnswerRequest, AnswerResult
from bot.tasks.attention import AttentionRequest, AttentionResult
from bot.tasks.attention_view import AttentionView, Shown
from bot.tasks.chat import ChatRequest, ChatResult
from bot.tasks.complete import CompleteRequest, CompleteResult
from bot.tasks.entities import EntitiesRequest, EntitiesResult, Entity
from bot.tasks.fill import FillRequest, FillResult, MaskGuess
from bot.tasks.generate import Continuation, GenerateRequest, GenerateResult
from bot.tasks.sentiment import SentimentRequest, SentimentResult
from bot.tasks.similarity import SimilarityRequest, SimilarityResult
from bot.tasks.summarize import SummarizeRequest, SummarizeResult
from bot.tasks.tokenize import TokenizedText, TokenizeRequest, TokenizeResult
from bot.tasks.translate import TranslateRequest, TranslateResult
from bot.tasks.zeroshot import ZeroShotRequest, ZeroShotResult
from bot.text.graphemes import Span


def answered(result: Any) -> Answer[Any]:
    return Answer(result, "tiny", "cpu", "float32", 1.0)


def scores(odd: str) -> tuple[LabelScore, ...]:
    return LabelScore(odd, 0.9), LabelScore("x", 0.1)


def _answer(odd: str) -> Iterator[Reply]:
    request = AnswerRequest("who?", "It is Ann.")
    for span in (None, Span(6, 9)):
        yield answer.render(request, answered(AnswerResult(odd, span, 0.9, 0.1, guessed=True)))


def _attention(odd: str) -> Iterator[Reply]:
    weights = np.asarray([[1.0, 0.0], [0.9, 0.1]], dtype=np.float32)
    shown = Shown(weights, AttentionView(Part.ENCODER, 1), (Part.ENCODER,), 2, 2)
    tokens = tuple(Token(one, 1, special=False, starts_word=True) for one in (odd, "a"))
    yield attention.render(AttentionRequest("a b"), answered(AttentionResult(tokens, tokens, shown, shortened=False)))


def _chat(odd: str) -> Iterator[Reply]:
    request = ChatRequest("hello", 1, "Ann")
    for finished in (True, False):
        result = ChatResult(odd, 3, finished, 0, by_template=False)
        yield from (chat.render(request, answered(result)), chat.render_reply(request, answered(result)))
        yield from (chat.preview(request, result), chat.preview_reply(request, result))


def _complete(odd: str) -> Iterator[Reply]:
    request, result = CompleteRequest("x = 1", "py"), CompleteResult(odd, 3, finished=True, truncated=False)
    yield from (complete.render(request, answered(result)), complete.preview(request, result))


def _entities(odd: str) -> Iterator[Reply]:
    yield entities.render(
        EntitiesRequest("Ann sings."),
        answered(EntitiesResult((Entity(0, 3, odd or "PER", 0.9),), truncated=False, guessed=True)),
    )


def _fill(odd: str) -> Iterator[Reply]:
    guesses = (MaskGuess(odd, 0.5, f"a {odd}", 2), MaskGuess("b", 0.4, "a b", 2))
    for request, masks in (("a ___", (guesses,)), ("a ___ ___", (guesses, guesses))):
        yield fill.render(FillRequest(request), answered(FillResult(masks, f"a {odd}", truncated=False)))


def _generate(odd: str) -> Iterator[Reply]:
    for texts in ((odd,), (odd, f"a {odd}")):
        result = GenerateResult("a ", tuple(Continuation(one, 3, finished=True) for one in texts), 7, truncated=True)
        request = GenerateRequest("a ", num_return_sequences=len(texts))
        yield from (generate.render(request, answered(result)), generate.preview(request, result))


def _sentiment(odd: str) -> Iterator[Reply]:
    yield sentiment.render(SentimentRequest("a"), answered(SentimentResult(scores(odd), truncated=True)))


def _similarity(odd: str) -> Iterator[Reply]:
    request = SimilarityRequest(("a", "b"))
    yield similarity.render(request, answered(SimilarityResult(((1.0, 0.1), (0.1, 1.0)), truncated=True)))


def _summarize(odd: str) -> Iterator[Reply]:
    result = SummarizeResult(odd, 9, 12, 2, finished=False, general=True)
    for request in (SummarizeRequest("a b c"), SummarizeRequest("a b c", file=odd[:1_000] or "x")):
        yield from (summarize.render(request, answered(result)), summarize.preview(request, result))


def _tokenize(odd: str) -> Iterator[Reply]:
    tokens = tuple(Token(one, 1, special=one == odd, starts_word=True) for one in (odd, "a"))
    text = TokenizedText(odd, tokens, 2, 0, TokenizedText(odd, tokens, 2, 0))
    for texts in ((text,), (text, text)):
        ids = ((1, 1),) * len(texts)
        result = TokenizeResult(texts, ids, ids, tokens[0], 0, "right", "right", 9, 300)
        yield tokenize.render(TokenizeRequest(("a",) * len(texts)), answered(result))


def _translate(odd: str) -> Iterator[Reply]:
    request = TranslateRequest("a", "de")
    for finished in (True, False):
        result = TranslateResult(odd, language("en"), language("de"), truncated=False, finished=finished)
        yield from (
            translate.render(request, answered(result)),
            translate.render_below(request, answered(result)),
        )


def _zeroshot(odd: str) -> Iterator[Reply]:
    for several in (True, False):
        result = ZeroShotResult(scores(odd), multi_label=several, truncated=False)
        yield zeroshot.render(ZeroShotRequest("a", ("b", "c")), answered(result))


REPLIES: Mapping[str, Callable[[str], Iterator[Reply]]] = {
    "answer": _answer,
    "attention": _attention,
    "chat": _chat,
    "complete": _complete,
    "entities": _entities,
    "fill": _fill,
    "generate": _generate,
    "sentiment": _sentiment,
    "similarity": _similarity,
    "summarize": _summarize,
    "tokenize": _tokenize,
    "translate": _translate,
    "zeroshot": _zeroshot,
}
"""By the name of the module that renders them: the replies, with this as what the model says."""

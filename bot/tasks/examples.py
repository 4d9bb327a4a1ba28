"""A request of each task, as documentation shows them."""

from __future__ import annotations

from typing import Any

from bot.inference.requests import Request
from bot.tasks.answer import AnswerRequest
from bot.tasks.attention import AttentionRequest
from bot.tasks.chat import ChatRequest, Exchange
from bot.tasks.complete import CompleteRequest
from bot.tasks.entities import EntitiesRequest
from bot.tasks.fill import FillRequest
from bot.tasks.generate import GenerateRequest
from bot.tasks.guess import GuessRequest
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.similarity import SimilarityRequest
from bot.tasks.summarize import SummarizeRequest
from bot.tasks.tokenize import TokenizeRequest
from bot.tasks.translate import TranslateRequest
from bot.tasks.work.request import WorkRequest
from bot.tasks.zeroshot import ZeroShotRequest


def example_requests() -> tuple[Request[Any], ...]:
    """Return a request of each task."""
    sentiment = SentimentRequest("This film was wonderful.")
    return (
        sentiment,
        FillRequest("The capital of France is ___."),
        GenerateRequest("Once upon a time", max_new_tokens=40, seed=7),
        TranslateRequest("Good morning.", "de"),
        ZeroShotRequest("The match ended in a draw.", ("sports", "politics", "science")),
        EntitiesRequest("Anna works in Paris."),
        SimilarityRequest(("A cat sleeps.", "A dog sleeps.", "It rains.")),
        AnswerRequest("Where does Anna work?", "Anna works in Paris."),
        SummarizeRequest("The train was late, the coffee was cold, and the rain would not stop.", "short"),
        CompleteRequest("def add(a, b):", "py", max_new_tokens=40),
        ChatRequest("What is it called?", 1, "Anna", (Exchange("Anna", "I have a cat.", "How nice!"),)),
        TokenizeRequest(("Tokens are pieces of words.",)),
        AttentionRequest("The cat sleeps because it is tired."),
        WorkRequest.of(sentiment),
        GuessRequest.of(sentiment),
    )

"""What the tests of the wire compare, and what they ask."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from bot.inference.heads.inspection.attention_weights import Part
from bot.inference.requests import Request
from bot.tasks.answer import AnswerRequest
from bot.tasks.attention import AttentionRequest
from bot.tasks.attention_view import AttentionView, Heads
from bot.tasks.chat import ChatRequest, Exchange
from bot.tasks.complete import CompleteRequest
from bot.tasks.entities import EntitiesRequest
from bot.tasks.fill import FillRequest
from bot.tasks.generate import GenerateRequest
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.similarity import SimilarityRequest
from bot.tasks.summarize import SummarizeRequest
from bot.tasks.tokenize import TokenizeRequest
from bot.tasks.translate import TranslateRequest
from bot.tasks.zeroshot import ZeroShotRequest

COMMANDS: tuple[Request[Any], ...] = (
    SentimentRequest("I love this course 😀"),
    FillRequest("The capital of ___ is <mask>.", 2),
    GenerateRequest("Once", 6, 2, seed=7),
    TranslateRequest("Good morning.", "German"),
    ZeroShotRequest("A film", ("sports", "politics"), True),
    EntitiesRequest("Anna sings in Paris."),
    SimilarityRequest(("A cat sleeps.", "It rains.")),
    AnswerRequest("Who sings?", "Anna sings in Paris."),
    SummarizeRequest("The train was late, and the coffee was cold.", "short"),
    CompleteRequest("def a():", max_new_tokens=6, temperature=0.0),
    ChatRequest("Why?", 2**62, "alice", (Exchange("bob", "Hi", "Ho"),), 0.0),
    TokenizeRequest(("apples are sour.", "😀"), "fill"),
    AttentionRequest("apples"),
)
"""One of each command."""
ATTENTION: tuple[Request[Any], ...] = (
    AttentionRequest("Good morning.", "translate", AttentionView(Part.CROSS, 1, Heads.ONE, 2), target="de"),
    AttentionRequest("Once", "generate", AttentionView(heads=Heads.ROLLOUT)),
)


def facts(value: Any, place: str = "") -> dict[str, Any]:
    """A value with its classes, all the way down, by place, so that equal facts mean equal values of the same classes.

    Numbers that are equal but of other classes differ, NaN equals itself, and so do arrays of the same elements.
    """
    own: Any = None
    parts: dict[str, Any] = {}
    if dataclasses.is_dataclass(value):
        parts = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    elif isinstance(value, tuple):
        parts = {str(index): part for index, part in enumerate(value)}
    elif isinstance(value, dict):
        parts = value
    elif isinstance(value, np.ndarray):
        own = str(value.dtype), value.shape, value.tobytes()
    else:
        own = value.hex() if isinstance(value, float) else value
    found = {place: (type(value).__name__, own)}
    for name, part in parts.items():
        found |= facts(part, f"{place}.{name}")
    return found

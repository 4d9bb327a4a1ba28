"""`/similarity`: how much do texts mean the same?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bot.errors import InvalidRequest
from bot.inference.requests import Request
from bot.inference.steps import Steps
from bot.inference.task import HeadKind, Task
from bot.tasks.text import clean_text

if TYPE_CHECKING:
    from bot.inference.heads.embedder import Embedder

FEWEST_TEXTS = 2
MOST_TEXTS = 12
LONGEST_TEXT = 2_000


@dataclass(frozen=True)
class SimilarityResult:
    """Every text compared with every other one.

    Attributes:
        cosines: of the angles between the texts' vectors, −1 to 1; a row for each text.
        truncated: whether the end of a text was not read, because it exceeds the model's context.
    """

    cosines: tuple[tuple[float, ...], ...]
    truncated: bool


@dataclass(frozen=True)
class SimilarityRequest(Request[SimilarityResult]):
    """Texts to compare; raises `InvalidRequest` where there are too few or too many, or one cannot be read.

    Attributes:
        texts: the different ones, in their order.
        ranked: whether the others are compared with the first one; else all with each other.
    """

    texts: tuple[str, ...]
    ranked: bool = True

    def __post_init__(self) -> None:
        cleaned = [clean_text(text, limit=LONGEST_TEXT) for text in self.texts if text.strip()]
        texts = tuple(dict.fromkeys(cleaned))
        if not FEWEST_TEXTS <= len(texts) <= MOST_TEXTS:
            number = "no text" if not texts else "one text" if len(texts) == 1 else f"{len(texts)} texts"
            raise InvalidRequest(
                f"I found {number}, and I can compare {FEWEST_TEXTS} to {MOST_TEXTS} different ones. Give two, or "
                "several with ` | ` between them, for example: `A cat sleeps. | A dog sleeps. | It rains.`"
            )
        object.__setattr__(self, "texts", texts)


def parse_texts(text: str) -> tuple[str, ...]:
    """Texts separated by `|` or new lines."""
    return tuple(re.split(r"[|｜\n\r]", text))


def embed(head: Embedder, request: SimilarityRequest) -> Steps[SimilarityResult]:
    """By a sentence encoder: the cosines of the angles between the texts' vectors."""
    rows = [head.encode(text) for text in request.texts]
    vectors = np.stack((yield from head.embed(rows))).astype(np.float64)
    cosines = np.clip(vectors @ vectors.T, -1, 1)
    return SimilarityResult(tuple(map(tuple, cosines.tolist())), any(row.inputs.truncated for row in rows))


TASK = Task("similarity", SimilarityRequest, {HeadKind.EMBEDDER: embed})

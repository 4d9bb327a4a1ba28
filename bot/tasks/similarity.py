"""`/similarity`: how much do texts mean the same?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import regex  # type: ignore[import-untyped]

from bot.errors import InvalidRequest
from bot.inference.operations import TaskRun
from bot.inference.requests import Request
from bot.inference.task import HeadKind, Task
from bot.tasks.scores import Floats
from bot.text.accepted import clean_text, visible_text

if TYPE_CHECKING:
    from bot.inference.heads.embedder import Embedder
    from bot.inference.heads.encoder_head import EncoderInput

FEWEST_TEXTS = 2
MOST_TEXTS = 12
LONGEST_TEXT = 2_000
_SEPARATOR = regex.compile(r"(?<![|｜])[|｜](?![|｜])|[\n\r]")
SHORTEST = 1e-12
"""A vector's length is taken for at least this: nothing is divided by zero."""


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
        texts: in their order. The same one may stand there several times: its cosine with itself is 1.
        ranked: whether the others are compared with the first one; else all with each other.
    """

    texts: tuple[str, ...]
    ranked: bool = True

    def __post_init__(self) -> None:
        texts = tuple(clean_text(text, limit=LONGEST_TEXT) for text in self.texts if visible_text(text))
        if not FEWEST_TEXTS <= len(texts) <= MOST_TEXTS:
            number = "no text" if not texts else "one text" if len(texts) == 1 else f"{len(texts)} texts"
            raise InvalidRequest(
                f"I found {number}, and I can compare {FEWEST_TEXTS} to {MOST_TEXTS} different ones. Give two, or "
                "several with ` | ` between them, for example: `A cat sleeps. | A dog sleeps. | It rains.`"
            )
        object.__setattr__(self, "texts", texts)


def parse_texts(text: str) -> tuple[str, ...]:
    """Texts separated by `|` or new lines. Two of them in a row (`a || b`) separate nothing: they are code."""
    return tuple(part.strip().strip("|｜") for part in _SEPARATOR.split(text))


@dataclass(frozen=True)
class Comparison:
    """What a sentence encoder made of texts.

    Attributes:
        inputs: what it read of each.
        pooled: a vector for each text, as the pooling left it, (texts, hidden).
        norms: the vectors' lengths, (texts,).
        vectors: the same vectors with length 1, (texts, hidden).
        cosines: of the angles between them, (texts, texts).
    """

    inputs: tuple[EncoderInput, ...]
    pooled: Floats
    norms: Floats
    vectors: Floats
    cosines: Floats


def embed(head: Embedder, request: SimilarityRequest) -> TaskRun[SimilarityResult]:
    """By a sentence encoder: the cosines of the angles between the texts' vectors."""
    made = yield from comparison(head, request)
    truncated = any(one.truncated for one in made.inputs)
    return SimilarityResult(tuple(map(tuple, made.cosines.tolist())), truncated)


def comparison(head: Embedder, request: SimilarityRequest, *, alone: bool = False) -> TaskRun[Comparison]:
    """How `embed` comes to its answer.

    Args:
        alone: keep other requests out of the batch.
    """
    different = {text: place for place, text in enumerate(dict.fromkeys(request.texts))}
    places = [different[text] for text in request.texts]
    found = [head.encode(text) for text in different]  # once each, so that the same text has the same vector
    pooled = np.stack((yield from head.embed(found, alone=alone))).astype(np.float64)[places]
    rows = [found[place] for place in places]
    norms: Floats = np.linalg.norm(pooled, axis=1)
    vectors = pooled / np.maximum(norms, SHORTEST)[:, None]
    cosines = np.clip(vectors @ vectors.T, -1, 1)
    return Comparison(tuple(row.inputs for row in rows), pooled, norms, vectors, cosines)


TASK = Task("similarity", SimilarityRequest, {HeadKind.EMBEDDER: embed})

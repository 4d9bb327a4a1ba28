"""`/similarity`: how similar are texts in meaning?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import regex

from bot.errors import InvalidRequest
from bot.inference.operations import TaskRun
from bot.inference.requests import Request, Result
from bot.inference.task import HeadKind, Implementation, Task
from bot.locales.message import later, later_plural
from bot.tasks.scores import Floats
from bot.text.accepted import clean_text
from bot.text.characters import visible

if TYPE_CHECKING:
    from bot.inference.heads.embedder import Embedder
    from bot.inference.heads.encoder_head import EncoderInput

FEWEST_TEXTS = 2
MOST_TEXTS = 12
LONGEST_TEXT = 2_000
_SEPARATOR = regex.compile(r"(?<![|｜])[|｜](?![|｜])|[\n\r]")
# The least length of a vector, so that nothing is divided by zero.
SHORTEST = 1e-12
HINT = later("Give two, or several with ` | ` between them, for example: `A cat sleeps. | A dog sleeps. | It rains.`")


@dataclass(frozen=True)
class SimilarityResult(Result):
    """Cosine similarities of the texts, −1 to 1."""

    cosines: tuple[tuple[float, ...], ...]
    """(texts, texts)."""
    truncated: bool
    """The end of a text did not fit into the model's context."""


@dataclass(frozen=True)
class SimilarityRequest(Request[SimilarityResult]):
    """Texts to compare; raises `InvalidRequest` if there are too few or too many, or one cannot be read."""

    texts: tuple[str, ...]
    ranked: bool = True
    """Compare the others with the first one, rather than all with each other."""

    def __post_init__(self) -> None:
        texts = tuple(clean_text(text, limit=LONGEST_TEXT) for text in self.texts if visible(text))
        if not FEWEST_TEXTS <= len(texts) <= MOST_TEXTS:
            found = later_plural(
                "I found one text, and I can compare {fewest} to {most} different ones. {hint}",
                "I found {count} texts, and I can compare {fewest} to {most} different ones. {hint}",
                len(texts),
            )
            none = later("I found no text, and I can compare {fewest} to {most} different ones. {hint}")
            raise InvalidRequest((found if texts else none).filled(fewest=FEWEST_TEXTS, most=MOST_TEXTS, hint=HINT))
        object.__setattr__(self, "texts", texts)

    @property
    def subject(self) -> str:
        """The texts."""
        return " | ".join(self.texts)


def parse_texts(text: str) -> tuple[str, ...]:
    """Split texts at `|` and line breaks. Two bars in a row (`a || b`) are code and do not separate."""
    return tuple(part.strip().strip("|｜") for part in _SEPARATOR.split(text))


@dataclass(frozen=True)
class Comparison:
    """What a sentence encoder computed for texts."""

    inputs: tuple[EncoderInput, ...]
    """One for each text."""
    pooled: Floats
    """The pooling's vectors, (texts, hidden)."""
    norms: Floats
    """Their lengths, (texts,)."""
    vectors: Floats
    """The vectors scaled to length 1, (texts, hidden)."""
    cosines: Floats
    """(texts, texts)."""


def embed(head: Embedder, request: SimilarityRequest) -> TaskRun[SimilarityResult]:
    """Answer by a sentence encoder."""
    made = yield from comparison(head, request)
    truncated = any(one.truncated for one in made.inputs)
    return SimilarityResult(tuple(map(tuple, made.cosines.tolist())), truncated)


def comparison(head: Embedder, request: SimilarityRequest, *, alone: bool = False) -> TaskRun[Comparison]:
    """Compute what `embed` answers with."""
    index = {text: index for index, text in enumerate(dict.fromkeys(request.texts))}
    rows = [head.encode(text) for text in index]  # once each, so that the cosine of equal texts is 1
    order = [index[text] for text in request.texts]
    pooled = np.stack((yield from head.embed(rows, alone=alone))).astype(np.float64)[order]
    norms: Floats = np.linalg.norm(pooled, axis=1)
    vectors = pooled / np.maximum(norms, SHORTEST)[:, None]
    cosines = np.clip(vectors @ vectors.T, -1, 1)
    return Comparison(tuple(rows[one].inputs for one in order), pooled, norms, vectors, cosines)


TASK = Task("similarity", SimilarityRequest, {HeadKind.EMBEDDER: Implementation(embed)})

"""Results of commands as cells of a row, and what is counted of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.batches.answers import SEPARATOR, Value
from bot.batches.plan import Command, Options
from bot.inference.languages.lookup import Language
from bot.inference.requests import Request
from bot.locales.languages import language_name
from bot.locales.message import _
from bot.locales.numbers import decimal
from bot.tasks.entities import EntitiesResult
from bot.tasks.fill import FillResult
from bot.tasks.sentiment import SentimentResult
from bot.tasks.similarity import SimilarityResult
from bot.tasks.translate import TranslateResult
from bot.tasks.zeroshot import ZeroShotResult

_NAMES: Mapping[Command, tuple[str, ...]] = {
    Command.SENTIMENT: ("sentiment", "probability"),
    Command.ZERO_SHOT: ("label", "probability"),
    Command.TRANSLATE: ("translation", "from"),
    Command.ENTITIES: ("entities", "number of entities"),
    Command.FILL: ("word", "probability", "completed"),
    Command.SIMILARITY: ("similarity",),
}
_BINS = 10
LONGEST_COUNTED = 60
"""Characters of a label that is counted."""


@dataclass(frozen=True)
class Read:
    """A result as cells.

    Attributes:
        counted: what the summary counts: labels, languages, kinds of names, words, or intervals of similarities.
        truncated: whether the end of the text was not read.
    """

    values: tuple[Value, ...]
    counted: tuple[str, ...]
    truncated: bool


def answer_names(options: Options) -> tuple[str, ...]:
    """Return the names of the answer columns; after the likeliest label, one for each label's probability."""
    each = tuple(f"p({label})" for label in options.labels) if options.command is Command.ZERO_SHOT else ()
    return _NAMES[options.command] + each


def read_result(options: Options, request: Request[Any], result: object) -> Read:
    """Return a result as cells."""
    match result:
        case SentimentResult(scores=scores):
            return Read((scores[0].label, scores[0].probability), (scores[0].label,), result.truncated)
        case ZeroShotResult(scores=scores):
            by_label = {score.label: score.probability for score in scores}
            each = tuple(by_label[label] for label in options.labels)
            return Read((scores[0].label, scores[0].probability, *each), (scores[0].label,), result.truncated)
        case TranslateResult():
            return Read((result.text, _code(result.source)), (_name(result.source),), result.truncated)
        case EntitiesResult():
            return _entities(request.subject, result)
        case FillResult():
            return _fill(options.top_k, result)
        case SimilarityResult():
            cosine = result.cosines[0][1]
            return Read((cosine,), (_interval(cosine),), result.truncated)
    raise TypeError(f"{type(result).__name__} is the result of no command that answers files")


def _entities(text: str, result: EntitiesResult) -> Read:
    found: list[Mapping[str, str | float]] = [
        {
            "text": text[one.start : one.end],
            "label": one.label,
            "start": one.start,
            "end": one.end,
            "probability": round(one.probability, 4),
        }
        for one in result.entities
    ]
    return Read((found, len(found)), tuple(one.label for one in result.entities), result.truncated)


def _fill(words: int, result: FillResult) -> Read:
    each: Sequence[str] = [SEPARATOR.join(guess.word for guess in guesses[:words]) for guesses in result.masks]
    likeliest = [guesses[0] for guesses in result.masks if guesses]
    probability = likeliest[0].probability if len(likeliest) == 1 else SEPARATOR.join(
        f"{one.probability:.4f}" for one in likeliest
    )  # fmt: skip
    counted = tuple(one.word for one in likeliest)
    return Read((" | ".join(each), probability, result.completed), counted, result.truncated)


def _interval(cosine: float) -> str:
    if cosine < 0:
        # Translators: similarities, in a chart.
        return _("below 0")
    low = min(int(cosine * _BINS), _BINS - 1)
    # Translators: an interval of similarities in a chart, such as "0.3 to 0.4".
    return _("{low} to {high}", low=decimal(low / _BINS, 1), high=decimal((low + 1) / _BINS, 1))


def _code(language: Language) -> str:
    return language.code


def _name(language: Language) -> str:
    return language_name(language.code)

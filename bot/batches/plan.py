"""What is asked about each row of a file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from bot.errors import InvalidRequest
from bot.inference.languages.pairs import LanguagePairs
from bot.inference.requests import Request
from bot.locales.message import later
from bot.tasks.entities import EntitiesRequest
from bot.tasks.fill import FillRequest
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.similarity import LONGEST_TEXT, SimilarityRequest
from bot.tasks.translate import TranslateRequest
from bot.tasks.zeroshot import ZeroShotRequest
from bot.text.accepted import checked_range, clean_text
from bot.text.characters import visible


class Command(StrEnum):
    """The commands that answer files; the values are the names of their tasks."""

    SENTIMENT = "sentiment"
    ZERO_SHOT = "zeroshot"
    TRANSLATE = "translate"
    ENTITIES = "entities"
    FILL = "fill"
    SIMILARITY = "similarity"


@dataclass(frozen=True)
class Options:
    """A command with its options, as for a single text. Raises `InvalidRequest` if one is missing or cannot be used.

    Attributes:
        target, source: languages; without a source, each row's is detected.
        reference: what each row is compared with, unless a second column says.
        compares: whether a second column says so.
        checkpoint: the name of the one that answers; None for the usual one.
    """

    command: Command
    labels: tuple[str, ...] = ()
    multi_label: bool = False
    target: str | None = None
    source: str | None = None
    top_k: int = 1
    reference: str | None = None
    compares: bool = False
    checkpoint: str | None = None

    def __post_init__(self) -> None:
        match self.command:
            case Command.ZERO_SHOT:
                if not any(label.strip() for label in self.labels):
                    raise InvalidRequest(
                        later("`/zeroshot` needs `labels`, for example: `sports, politics, entertainment`.")
                    )
                object.__setattr__(self, "labels", ZeroShotRequest("text", self.labels).labels)
            case Command.TRANSLATE:
                if self.target is None:
                    raise InvalidRequest(
                        later("`/translate` needs `to`, the language to translate into, such as `German`.")
                    )
                checked = TranslateRequest("text", self.target, self.source)
                object.__setattr__(self, "target", checked.target)
                object.__setattr__(self, "source", checked.source)
            case Command.SIMILARITY if self.reference is None and not self.compares:
                raise InvalidRequest(
                    later(
                        "`/similarity` needs something to compare each row with: a `second_column`, or a `reference` "
                        "text."
                    )
                )
            case Command.SIMILARITY if self.reference is not None and self.compares:
                raise InvalidRequest(later("Give either a `second_column` or a `reference` text, and not both."))
            case Command.SIMILARITY if self.reference is not None:
                object.__setattr__(self, "reference", clean_text(self.reference, "reference", LONGEST_TEXT))
        checked_range(self.top_k, 1, 10, "top_k")

    def check(self, known: LanguagePairs | None) -> None:
        """Raise `InvalidRequest` if a checkpoint with these pairs of languages cannot translate as asked."""
        if self.command is Command.TRANSLATE and known is not None:
            self._translation("text").check(known)

    def request(self, text: str, second: str | None) -> Request[object]:
        """Return the request about a row; raise `InvalidRequest` if its text cannot be used."""
        request = self._request(text, second)
        return request if self.checkpoint is None else replace(request, checkpoint=self.checkpoint)

    def _request(self, text: str, second: str | None) -> Request[object]:
        match self.command:
            case Command.SENTIMENT:
                return SentimentRequest(text)
            case Command.ZERO_SHOT:
                return ZeroShotRequest(text, self.labels, self.multi_label)
            case Command.TRANSLATE:
                return self._translation(text)
            case Command.ENTITIES:
                return EntitiesRequest(text)
            case Command.FILL:
                return FillRequest(text, self.top_k)
        return SimilarityRequest((_filled(text), _filled(self.reference if second is None else second)))

    def _translation(self, text: str) -> TranslateRequest:
        assert self.target is not None
        return TranslateRequest(text, self.target, self.source)


@dataclass(frozen=True)
class Plan:
    """What is asked about each row: the options, and the columns of the texts."""

    options: Options
    column: str
    second: str | None = None


def _filled(text: str | None) -> str:
    if not text or not visible(text):
        raise InvalidRequest(later("One of the two texts is empty."))
    return text

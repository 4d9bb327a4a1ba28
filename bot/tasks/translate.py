"""`/translate`: the same in another language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.errors import InvalidRequest
from bot.inference.language_pairs import LanguagePairs
from bot.inference.languages import Language, find_language, language
from bot.inference.requests import Request
from bot.inference.steps import Row, Steps
from bot.inference.task import HeadKind, Task
from bot.tasks.text import clean_text

if TYPE_CHECKING:
    from bot.inference.heads.seq2seq_lm import Seq2SeqLM, SourceText

MOST_NEW_TOKENS = 400
MOST_CHARACTERS = 1_500


@dataclass(frozen=True)
class TranslateResult:
    """The translation.

    Attributes:
        source: the language of the text.
        target: the language of the translation.
        truncated: whether the end of the text was not read, because it exceeds the model's context.
    """

    text: str
    source: Language
    target: Language
    truncated: bool


@dataclass(frozen=True)
class TranslateRequest(Request[TranslateResult]):
    """A text, and from and into which language; raises `InvalidRequest` where one of them cannot be used.

    Attributes:
        target: a code, or a language's name in English or in the language itself.
        source: the same.
    """

    text: str
    target: str
    source: str = "en"

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", clean_text(self.text, limit=MOST_CHARACTERS))
        object.__setattr__(self, "target", find_language(self.target).code)
        object.__setattr__(self, "source", find_language(self.source).code)
        if self.target == self.source:
            raise InvalidRequest(
                f"Both languages are {language(self.source).name}. "
                "Please choose two different ones with `to` and `from`."
            )

    def pair(self, known: LanguagePairs) -> tuple[str, str]:
        """The pair of languages, as the checkpoint knows it.

        Raises:
            InvalidRequest: the checkpoint does not know it; says which it knows.
        """
        pair = known.find(self.source, self.target)
        if pair is None:
            raise InvalidRequest(_unknown_pair(self.source, self.target, known))
        return pair


def _unknown_pair(source: str, target: str, known: LanguagePairs) -> str:
    base = source.split("-")[0]
    able = {code for code in known.sources() if code.split("-")[0] == base}
    if able:
        targets = frozenset().union(*(known.into(code) for code in able))
        return (
            f"This model does not translate {language(source).name} into {language(target).name}. "
            f"From {language(source).name} it can do: {_listed(targets)}."
        )
    return f"This model does not translate from {language(source).name}. It can read: {_listed(known.sources())}."


def _listed(codes: frozenset[str], most: int = 30) -> str:
    names = sorted(language(code).name for code in codes)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def rewrite(head: Seq2SeqLM, request: TranslateRequest) -> Steps[TranslateResult]:
    """By an encoder-decoder, told the languages in the way that it was trained with."""
    source, target = request.pair(head.languages)
    row = _encode(head, request.text, source, target)
    [ids] = yield from head.rewrite([row])
    text = head.decode(ids).strip()
    return TranslateResult(text, language(source), language(target), row.inputs.truncated)


def _encode(head: Seq2SeqLM, text: str, source: str, target: str) -> Row[SourceText]:
    """The model's own form of "translate this".

    T5 reads a prefix in English; M2M100, NLLB and mBART have tokens for languages; a Marian checkpoint that knows
    several targets reads `>>code<<`, and one that knows a single pair reads just the text.
    """
    if head.model_type in {"t5", "mt5", "umt5"}:
        prefix = f"translate {language(source).name} to {language(target).name}: "
        return head.encode(prefix + text, max_new_tokens=MOST_NEW_TOKENS)
    if codes := head.language_codes:
        by_tag = {language(code).code: code for code in codes}
        return head.encode(text, max_new_tokens=MOST_NEW_TOKENS, source=by_tag[source], target=by_tag[target])
    if prefix := head.target_prefixes.get(target, ""):
        return head.encode(f"{prefix} {text}", max_new_tokens=MOST_NEW_TOKENS)
    return head.encode(text, max_new_tokens=MOST_NEW_TOKENS)


TASK = Task("translate", TranslateRequest, {HeadKind.SEQ2SEQ_LM: rewrite})

"""`/translate`: the same in another language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.errors import InvalidRequest
from bot.inference.languages.lookup import Language, find_language, language
from bot.inference.languages.pairs import LanguagePairs
from bot.inference.operations import Row, TaskRun
from bot.inference.requests import Result
from bot.inference.task import HeadKind, Implementation, Task
from bot.locales.message import later
from bot.locales.values import later_language
from bot.tasks.text_request import TextRequest
from bot.tasks.translation.drafting import MOST_NEW_TOKENS, Drafting, drafted
from bot.tasks.translation.language_choice import LanguageChoice, check_target, choose_languages
from bot.tasks.translation.language_detection import Detection, prepare
from bot.tasks.translation.passages import Document

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.generation.source_text import SourceText
    from bot.inference.heads.seq2seq_lm import Seq2SeqLM

TRANSLATORS = ("T5", "MT5", "UMT5", "M2M100", "Marian", "MBart", "NllbMoe", "FSMT")
"""Beginnings of the architectures of encoder-decoders that were trained to translate, and are told the languages."""
ONLY_TRANSLATORS = ("M2M100", "Marian", "MBart", "NllbMoe", "FSMT")
"""Those of them that do nothing else."""


@dataclass(frozen=True)
class TranslateResult(Result):
    """The translation."""

    text: str
    source: Language
    target: Language
    truncated: bool
    """The end of the text did not fit into the model's context."""
    ids: tuple[int, ...] = ()
    """Tokens of the translation, and the one that ended it if one did; an encoder-decoder's are the last line's. A
    causal language model ends each sentence with a line break."""
    finished: bool = True
    """The translation comes to an end, rather than being cut off at its length."""
    detection: Detection | None = None
    """How the source was detected; None if the user gave it."""
    drafts: tuple[tuple[int, ...], ...] = ()
    """The tokens of the lines before the last one."""

    @property
    def generated(self) -> tuple[tuple[int, ...], ...]:
        """The drafts, then the last line."""
        return (*self.drafts, self.ids)


@dataclass(frozen=True)
class TranslateRequest(TextRequest[TranslateResult]):
    """A text and its languages; raises `InvalidRequest` if one of them cannot be used.

    A language is given as a code, or as a name in English or in the language itself.
    """

    target: str
    source: str | None = "en"
    """None to detect it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "target", find_language(self.target).code)
        if self.source is not None:
            object.__setattr__(self, "source", find_language(self.source).code)
        if self.target == self.source:
            raise InvalidRequest(
                later(
                    "Both languages are {name}. Please choose two different ones with `to` and `from`.",
                    name=later_language(self.target),
                )
            )

    def check(self, known: LanguagePairs) -> None:
        """Raise `InvalidRequest` if a checkpoint with these pairs cannot translate the text, whatever its language."""
        sources = known.sources()
        if self.source is not None:
            self.languages(known)
        elif len(sources) == 1:
            replace(self, source=min(sources)).languages(known)
        else:
            check_target(self.target, known)

    def languages(self, known: LanguagePairs) -> LanguageChoice:
        """Choose the languages for a checkpoint that knows these pairs; raises as `choose_languages`."""
        return choose_languages(self.text, self.source, self.target, known)


@dataclass(frozen=True)
class Rewriting:
    """An encoder-decoder's plan of a translation."""

    languages: LanguageChoice
    document: Document
    rows: tuple[Row[SourceText], ...]
    """One for each reading of each line, in order."""

    @classmethod
    def of(cls, head: Seq2SeqLM, request: TranslateRequest) -> Rewriting:
        """Plan a translation; raises as `choose_languages`."""
        choice = request.languages(head.languages)
        # Each line is translated on its own, because these models read a line break as white space.
        document = Document.of(request.text, lambda line: [line])
        texts = (text for passage in document.passages for text in passage.readings)
        return cls(choice, document, tuple(encode(head, text, choice.source, choice.target) for text in texts))


def rewrite(head: Seq2SeqLM, request: TranslateRequest) -> TaskRun[TranslateResult]:
    """Answer by an encoder-decoder."""
    plan = Rewriting.of(head, request)
    outputs = (yield from head.rewrite(plan.rows)) if plan.rows else []
    text, used = plan.document.translated([head.decode_whole(ids).strip() for ids in outputs])
    written = [tuple(outputs[index]) for index in used]
    return TranslateResult(
        text,
        language(plan.languages.source),
        language(plan.languages.target),
        truncated=any(plan.rows[index].inputs.truncated for index in used),
        ids=written[-1] if written else (),
        finished=all(_is_finished(head, one) for one in written),
        detection=plan.languages.detection,
        drafts=tuple(written[:-1]),
    )


def _is_finished(head: Seq2SeqLM, ids: Sequence[int]) -> bool:
    """Return whether the model ended a text itself."""
    if not ids or ids[-1] not in head.end_ids:
        return False
    # Some configurations force the end of sequence at the length limit.
    forced = getattr(head.model.generation_config, "forced_eos_token_id", None) is not None
    return not forced or len(ids) < MOST_NEW_TOKENS


def encode(head: Seq2SeqLM, text: str, source: str, target: str) -> Row[SourceText]:
    """Return the row that asks the model for a translation, in the form of its training."""
    languages: dict[str, str] = {}
    if codes := head.language_codes:
        by_tag = {language(code).code: code for code in codes}
        languages = {"source": by_tag[source], "target": by_tag[target]}
    if target_prefix := _target_prefix(head, target):
        return head.encode(text, max_new_tokens=MOST_NEW_TOKENS, target_prefix=target_prefix)
    return head.encode(prefix(head, source, target) + text, max_new_tokens=MOST_NEW_TOKENS, **languages)


def prefix(head: Seq2SeqLM, source: str, target: str) -> str:
    """Return the text that the model expects before the source.

    T5 reads a prefix in English; a Marian checkpoint that knows several targets reads `>>code<<`. M2M100, NLLB and
    mBART have tokens for languages, and a Marian checkpoint that knows a single pair reads only the source.
    """
    if head.model_type in {"t5", "mt5", "umt5"}:
        return f"translate {language(source).name} to {language(target).name}: "
    code = _target_prefix(head, target)
    return f"{code} " if code else ""


def _target_prefix(head: Seq2SeqLM, target: str) -> str:
    return "" if head.language_codes else head.target_prefixes.get(target, "")


def draft(head: CausalLM, request: TranslateRequest) -> TaskRun[TranslateResult]:
    """Answer by a causal language model (see `drafted`)."""
    plan = Drafting.of(head, request.text, request.source, request.target)
    made = yield from drafted(head, plan)
    return TranslateResult(
        made.text,
        language(plan.languages.source),
        language(plan.languages.target),
        plan.truncated,
        ids=made.ids,
        finished=made.finished,
        detection=plan.languages.detection,
    )


def unpack_detector(head: Seq2SeqLM | CausalLM) -> TaskRun[None]:
    """Unpack the language detector as part of loading, so that no request has to wait for it."""
    prepare()
    yield from ()


TASK = Task(
    "translate",
    TranslateRequest,
    {
        HeadKind.SEQ2SEQ_LM: Implementation(rewrite, calibrate=unpack_detector),
        HeadKind.CAUSAL_LM: Implementation(draft, calibrate=unpack_detector),
    },
    suits=lambda abilities: abilities.kind is HeadKind.CAUSAL_LM or abilities.architecture.startswith(TRANSLATORS),
)

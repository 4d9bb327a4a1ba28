"""`/translate`: the same in another language."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.errors import InvalidRequest
from bot.inference.languages.lookup import Language, find_language, language
from bot.inference.languages.pairs import LanguagePairs, serving
from bot.inference.operations import Row, TaskRun
from bot.inference.requests import Request
from bot.inference.task import HeadKind, Task
from bot.tasks.translation.language_detection import Detection, detect, prepare, unreadable
from bot.tasks.translation.passages import Document
from bot.tasks.translation.phrasebook import PHRASES, dictionary, is_ended, layouts, tidy
from bot.text.accepted import clean_text
from bot.text.sentences import sentences

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.generation.source_text import SourceText
    from bot.inference.heads.seq2seq_lm import Seq2SeqLM

MOST_NEW_TOKENS = 400
MOST_CHARACTERS = 1_500


@dataclass(frozen=True)
class TranslateResult:
    """The translation.

    Attributes:
        source: the language of the text.
        target: the language of the translation.
        truncated: whether the end of the text was not read, because it exceeds the model's context.
        ids: the tokens that it consists of, and the one that ended it where one did. Of several sentences that a causal
            language model has translated, each ends with a line break. Of several lines that an encoder-decoder has
            translated, these are the last one's.
        finished: whether the translation comes to an end, rather than being cut off at its length.
        detection: what was found out about the text's language; None where it was given.
        drafts: the same as `ids` of the lines before the last one.
    """

    text: str
    source: Language
    target: Language
    truncated: bool
    ids: tuple[int, ...] = ()
    finished: bool = True
    detection: Detection | None = None
    drafts: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True)
class TranslateRequest(Request[TranslateResult]):
    """A text, and from and into which language; raises `InvalidRequest` where one of them cannot be used.

    Attributes:
        target: a code, or a language's name in English or in the language itself.
        source: the same; None to find it out from the text.
    """

    text: str
    target: str
    source: str | None = "en"

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", clean_text(self.text, limit=MOST_CHARACTERS))
        object.__setattr__(self, "target", find_language(self.target).code)
        if self.source is not None:
            object.__setattr__(self, "source", find_language(self.source).code)
        if self.target == self.source:
            raise InvalidRequest(_same(self.source, "Please choose two different ones with `to` and `from`."))

    def check(self, known: LanguagePairs) -> None:
        """See whether a checkpoint that knows these pairs can translate the text, as far as that does not depend on it.

        Raises:
            InvalidRequest: it cannot; says which it knows.
        """
        sources = known.sources()
        if self.source is not None:
            self.pair(known)
        elif len(sources) == 1:
            replace(self, source=min(sources)).pair(known)
        elif not any(known.find(source, self.target) for source in sources):
            able = f"It can do: {_listed(known.into())}."
            raise InvalidRequest(f"This model does not translate into {language(self.target).name}. {able}")

    def pair(self, known: LanguagePairs) -> tuple[str, str]:
        """The pair of languages, as the checkpoint knows it. Where the source is not given, it is found out.

        Raises:
            InvalidRequest: the checkpoint does not know it, says which it knows; or the text is in the target language.
        """
        spoken = self.spoken(known)
        return spoken.source, spoken.target

    def spoken(self, known: LanguagePairs) -> Spoken:
        """The pair of languages, and how the source was found out; raises as `pair`."""
        if self.source is not None:
            return Spoken(*_pair(self.source, self.target, known))
        return _detected(self.text, self.target, known)


@dataclass(frozen=True)
class Spoken:
    """A text's languages, as a checkpoint knows them.

    Attributes:
        detection: how the source was found out, its language first; None where it was given.
    """

    source: str
    target: str
    detection: Detection | None = None


def _pair(source: str, target: str, known: LanguagePairs) -> tuple[str, str]:
    pair = known.find(source, target)
    if pair is None:
        raise InvalidRequest(_unknown_pair(source, target, known))
    return pair


def _detected(text: str, target: str, known: LanguagePairs) -> Spoken:
    """The language that a text is in, of those that a checkpoint reads.

    Where that is not sure, it is none that the checkpoint does not translate into the target language.
    """
    found = detect(text, known.sources())
    elsewhere = unreadable(text, known.sources())
    if elsewhere is not None:
        raise InvalidRequest(
            f"Your text seems to be in {language(elsewhere).name}, which this model does not read. It reads: "
            f"{_listed(known.sources())}. If your text is in one of these, say so with `from`."
        )
    if not found.sure and found.told:
        found = found.among(known.sources(target)) or found
    if known.find(found.code, target) is None and serving(target, [found.code]):
        raise InvalidRequest(
            _same(target, "Your text seems to be in it already. If it is not, say with `from` which language it is in.")
        )
    source, target = _pair(found.code, target, known)
    return Spoken(source, target, found)


def _same(code: str, advice: str) -> str:
    return f"Both languages are {language(code).name}. {advice}"


def _unknown_pair(source: str, target: str, known: LanguagePairs) -> str:
    able = serving(source, known.sources())
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


@dataclass(frozen=True)
class Rewriting:
    """How an encoder-decoder goes about a translation.

    Attributes:
        document: the text, of which each line is translated by itself: to these models a line break is white space.
        rows: one for each reading of each line, in order.
    """

    spoken: Spoken
    document: Document
    rows: tuple[Row[SourceText], ...]

    @classmethod
    def of(cls, head: Seq2SeqLM, request: TranslateRequest) -> Rewriting:
        """Plan a translation.

        Raises:
            InvalidRequest: the checkpoint does not know the pair of languages.
        """
        spoken = request.spoken(head.languages)
        document = Document.of(request.text, lambda line: [line])
        texts = (text for passage in document.passages for text in passage.readings)
        return cls(spoken, document, tuple(encode(head, text, spoken.source, spoken.target) for text in texts))


def rewrite(head: Seq2SeqLM, request: TranslateRequest) -> TaskRun[TranslateResult]:
    """By an encoder-decoder, told the languages in the way that it was trained with."""
    plan = Rewriting.of(head, request)
    outputs = (yield from head.rewrite(plan.rows)) if plan.rows else []
    text, used = plan.document.translated([head.decode_whole(ids).strip() for ids in outputs])
    rows = [plan.rows[place] for place in used]
    written = [tuple(outputs[place]) for place in used]
    return TranslateResult(
        text,
        language(plan.spoken.source),
        language(plan.spoken.target),
        truncated=any(row.inputs.truncated for row in rows),
        ids=written[-1] if written else (),
        finished=all(_is_finished(head, one) for one in written),
        detection=plan.spoken.detection,
        drafts=tuple(written[:-1]),
    )


def _is_finished(head: Seq2SeqLM, ids: Sequence[int]) -> bool:
    """Whether a text was ended by the model, rather than at its length or by somebody."""

    if not ids or ids[-1] not in head.end_ids:
        return False
    # Some configurations put the end there themselves when the length is reached.
    forced = getattr(head.model.generation_config, "forced_eos_token_id", None) is not None
    return not forced or len(ids) < MOST_NEW_TOKENS


def encode(head: Seq2SeqLM, text: str, source: str, target: str) -> Row[SourceText]:
    """The model's own form of "translate this"."""
    languages: dict[str, str] = {}
    if codes := head.language_codes:
        by_tag = {language(code).code: code for code in codes}
        languages = {"source": by_tag[source], "target": by_tag[target]}
    if target_prefix := _target_prefix(head, target):
        return head.encode(text, max_new_tokens=MOST_NEW_TOKENS, target_prefix=target_prefix)
    return head.encode(prefix(head, source, target) + text, max_new_tokens=MOST_NEW_TOKENS, **languages)


def prefix(head: Seq2SeqLM, source: str, target: str) -> str:
    """What the model wants in front of the text.

    T5 reads a prefix in English; a Marian checkpoint that knows several targets reads `>>code<<`. M2M100, NLLB and
    mBART have tokens for languages, and a Marian checkpoint that knows a single pair reads just the text.
    """
    if head.model_type in {"t5", "mt5", "umt5"}:
        return f"translate {language(source).name} to {language(target).name}: "
    code = _target_prefix(head, target)
    return f"{code} " if code else ""


def _target_prefix(head: Seq2SeqLM, target: str) -> str:
    return "" if head.language_codes else head.target_prefixes.get(target, "")


MOST_DRAFTS = 12
"""Of all sentences together: where there are many, each is drafted in fewer layouts."""
MOST_PIECES = 24
"""Of a text of more sentences, several of a line are translated at once."""


def draft(head: CausalLM, request: TranslateRequest) -> TaskRun[TranslateResult]:
    """By a causal language model that is shown translated sentences: several drafts, of which the likeliest is taken.

    Each sentence is drafted in several layouts. A draft is weighed by its own log-probability and by that of the way
    back, from the draft to the sentence.

    Source: Brown et al.: Language Models are Few-Shot Learners, 2020, arXiv:2005.14165; weighing the way back is the
    noisy channel of Yee, Dauphin, Auli, 2019, arXiv:1908.05731.
    """
    plan = Drafting.of(head, request)
    source, target = plan.source, plan.target
    drafts = yield from _drafts(head, plan)
    written = []
    for sentence, candidates in zip(plan.sentences, drafts, strict=True):
        written.append((yield from likeliest(head, sentence, list(candidates), source, target)))
    text, used = plan.document.translated([requoted(*one) for one in zip(plan.quoted, written, strict=True)])

    def form(place: int) -> str:
        return weighed_form(written[place])

    return TranslateResult(
        text,
        language(source),
        language(target),
        plan.truncated,
        ids=tuple(token for place in used if plan.is_read(place) for token in head.encode_rest(form(place))),
        finished=all(drafts[place].get(written[place], True) for place in used),
        detection=plan.spoken.detection,
    )


@dataclass(frozen=True)
class Drafting:
    """How a causal language model goes about a translation.

    Attributes:
        document: the text, of which each sentence is translated by itself.
        quoted: what is read of the sentences, in order.
        sentences: the same as the model is given it: with single quotes, because double ones end a draft.
        layouts: in how many each sentence is drafted.
        truncated: whether the end of a sentence was left out, because it exceeds the model's context.
    """

    spoken: Spoken
    document: Document
    quoted: tuple[str, ...]
    sentences: tuple[str, ...]
    layouts: int
    truncated: bool

    @property
    def source(self) -> str:
        """Code of the text's language, one of `PHRASES`."""
        return self.spoken.source

    @property
    def target(self) -> str:
        """Code of the language to write, one of `PHRASES`."""
        return self.spoken.target

    def is_read(self, place: int) -> bool:
        """Whether there is anything to translate in a sentence, of which the end may have been left out."""
        return any(map(str.isalnum, self.sentences[place]))

    @classmethod
    def of(cls, head: CausalLM, request: TranslateRequest) -> Drafting:
        """Plan a translation.

        Raises:
            InvalidRequest: the checkpoint does not know the pair of languages.
        """
        spoken = request.spoken(head.declared_languages or LanguagePairs.among(PHRASES))
        source, target = _pair(spoken.source, spoken.target, LanguagePairs.among(PHRASES))
        document = _of_sentences(request.text, source)
        quoted = tuple(text for passage in document.passages for text in passage.readings)
        whole = [text.replace('"', "'") for text in quoted]
        number = max(1, MOST_DRAFTS // max(1, len(document.passages)))
        sentences = [_fitting(head, one, source, target, number) for one in whole]
        return cls(
            Spoken(source, target, spoken.detection),
            document,
            quoted,
            tuple(sentences),
            number,
            truncated=sentences != whole,
        )


def _of_sentences(text: str, source: str) -> Document:
    """A text's sentences, or several of a line where there are many."""
    document = Document.of(text, lambda line: sentences(line, source))
    each = -(-len(document.passages) // MOST_PIECES)
    if each < 2:
        return document

    def split(line: str) -> list[str]:
        found = sentences(line, source)
        return ["".join(found[first : first + each]) for first in range(0, len(found), each)]

    return Document.of(text, split)


_SINGLE_QUOTE = re.compile(r"(?<!\w)'|'(?!\w)")
_QUOTE = re.compile(rf'"|{_SINGLE_QUOTE.pattern}')


def requoted(source: str, translation: str) -> str:
    """A translation with the source's double quotes, for which the model was given single ones.

    It stays as it is where the model has not used as many.
    """
    quotes = _QUOTE.findall(source)
    if '"' not in quotes or len(_SINGLE_QUOTE.findall(translation)) != len(quotes):
        return translation
    following = iter(quotes)
    return _SINGLE_QUOTE.sub(lambda _: next(following), translation)


def weighed_form(sentence: str) -> str:
    """A sentence as it follows `dictionary`, where it is weighed: with the line break that ends it."""
    return f" {sentence}\n"


def _fitting(head: CausalLM, sentence: str, source: str, target: str, number: int) -> str:
    """A sentence cut to what the context has room for, with a prompt before it and a draft after it."""

    def needed(sentence: str) -> int:
        prompts = layouts(sentence, source, target)[:number]
        return max(len(head.encode(prompt)) for prompt in prompts) + _draft_tokens(head, sentence)

    return head.fit(sentence, needed)[0]


def _draft_tokens(head: CausalLM, sentence: str) -> int:
    """The most tokens of a sentence's draft."""
    return min(MOST_NEW_TOKENS, 2 * len(head.encode_rest(sentence)) + 12)


def _drafts(head: CausalLM, plan: Drafting) -> TaskRun[list[dict[str, bool]]]:
    """For each sentence its distinct drafts, and whether they come to an end."""
    from bot.inference.heads.generation.sampling import Sampling

    rows = []
    owners = []
    for index, sentence in enumerate(plan.sentences):
        if not plan.is_read(index):
            continue
        room = _draft_tokens(head, sentence)
        for prompt in layouts(sentence, plan.source, plan.target)[: plan.layouts]:
            rows.append(head.generation(head.encode(prompt), room, sampling=Sampling.likeliest(), stop="\n"))
            owners.append(index)
    outputs = (yield from head.generate(rows)) if rows else []
    drafts: list[dict[str, bool]] = [
        {} if plan.is_read(index) else {sentence: True} for index, sentence in enumerate(plan.sentences)
    ]
    for index, output in zip(owners, outputs, strict=True):
        written = head.decode_whole(output.ids)
        if text := tidy(written):
            drafts[index][text] = drafts[index].get(text, False) or output.finished or is_ended(written)
    return drafts


def likeliest(head: CausalLM, sentence: str, drafts: Sequence[str], source: str, target: str) -> TaskRun[str]:
    """The draft that has most to be said for it, there and back; the first one where they cannot be weighed."""
    if len(drafts) < 2:
        return drafts[0] if drafts else ""
    asked = head.encode(dictionary(sentence, source, target))
    original = head.encode_rest(weighed_form(sentence))
    written = [head.encode_rest(weighed_form(text)) for text in drafts]
    asked_back = [head.encode(dictionary(text, target, source)) for text in drafts]
    longest = max(len(asked) + max(map(len, written)), len(original) + max(map(len, asked_back)))
    if longest > head.context_length:  # gibberish may need more tokens than it was written with
        return drafts[0]
    back = [head.continuations(prompt, [original]) for prompt in asked_back]
    forward, *backward = yield from head.score([head.continuations(asked, written), *back])
    scores = [float(one.sum() + way[0].sum()) for one, way in zip(forward, backward, strict=True)]
    return drafts[scores.index(max(scores))]


def unpack_detector(head: Seq2SeqLM | CausalLM) -> TaskRun[None]:
    """Make the detector of the source language ready with the checkpoint, so that nobody who asks waits for it."""
    prepare()
    yield from ()


TASK = Task(
    "translate",
    TranslateRequest,
    {HeadKind.SEQ2SEQ_LM: rewrite, HeadKind.CAUSAL_LM: draft},
    calibrations={HeadKind.SEQ2SEQ_LM: unpack_detector, HeadKind.CAUSAL_LM: unpack_detector},
)

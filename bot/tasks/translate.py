"""`/translate`: the same in another language."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.errors import InvalidRequest
from bot.inference.language_pairs import LanguagePairs
from bot.inference.languages import Language, find_language, language
from bot.inference.requests import Request
from bot.inference.steps import Row, Steps
from bot.inference.task import HeadKind, Task
from bot.tasks.phrasebook import PHRASES, dictionary, layouts, tidy
from bot.tasks.text import clean_text

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
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
        ids: the tokens that it consists of, and the one that ended it where one did. Of several sentences that were
            translated by themselves, each ends with a line break.
    """

    text: str
    source: Language
    target: Language
    truncated: bool
    ids: tuple[int, ...] = ()


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
    row = encode(head, request.text, source, target)
    [ids] = yield from head.rewrite([row])
    text = head.decode_whole(ids).strip()
    return TranslateResult(text, language(source), language(target), row.inputs.truncated, ids)


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
"""A text of more sentences is translated in pieces of several."""
_SENTENCE_END = re.compile(r"((?<=[.!?…])\s+|\s*\n\s*)")


def draft(head: CausalLM, request: TranslateRequest) -> Steps[TranslateResult]:
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
        written.append((yield from likeliest(head, sentence, candidates, source, target)))
    text = "".join(one + gap for one, gap in zip(written, plan.gaps, strict=True) if one).strip()
    by_model = [one for one, sentence in zip(written, plan.sentences, strict=True) if has_words(sentence)]
    ids = tuple(token for one in by_model for token in head.encode_rest(weighed_form(one)))
    return TranslateResult(text, language(source), language(target), plan.truncated, ids)


@dataclass(frozen=True)
class Drafting:
    """How a causal language model goes about a translation.

    Attributes:
        sentences: what is translated by itself; what has no words stays as it is.
        gaps: what stands after each: space or new line.
        layouts: in how many each sentence is drafted.
        truncated: whether the end of a sentence was left out, because it exceeds the model's context.
    """

    source: str
    target: str
    sentences: tuple[str, ...]
    gaps: tuple[str, ...]
    layouts: int
    truncated: bool

    @classmethod
    def of(cls, head: CausalLM, request: TranslateRequest) -> Drafting:
        """Plan a translation.

        Raises:
            InvalidRequest: the checkpoint does not know the pair of languages.
        """
        if head.declared_languages is not None:
            request.pair(head.declared_languages)
        source, target = request.pair(LanguagePairs.among(PHRASES))
        whole, gaps = _pieces(request.text.replace('"', "'"))
        number = max(1, MOST_DRAFTS // len(whole))
        sentences = [_fitting(head, one, source, target, number) for one in whole]
        return cls(source, target, tuple(sentences), tuple(gaps), number, truncated=sentences != whole)


def weighed_form(sentence: str) -> str:
    """A sentence as it follows `dictionary`, where it is weighed: with the line break that ends it."""
    return f" {sentence}\n"


def _pieces(text: str) -> tuple[list[str], list[str]]:
    """A text's sentences, or pieces of several where there are many, and what stands after each: space or new line."""
    split = _SENTENCE_END.split(text)
    found = [(one, "\n" if "\n" in gap else " ") for one, gap in zip(split[0::2], [*split[1::2], ""], strict=True)]
    sentences = [(one, gap) for one, gap in found if one.strip()]
    each = -(-len(sentences) // MOST_PIECES)
    groups = [sentences[first : first + each] for first in range(0, len(sentences), each)]
    return [" ".join(one for one, _ in group) for group in groups], [group[-1][1] for group in groups]


def _fitting(head: CausalLM, sentence: str, source: str, target: str, number: int) -> str:
    """A sentence cut to what the context has room for, with a prompt before it and a draft after it."""

    def needed(sentence: str) -> int:
        prompts = layouts(sentence, source, target)[:number]
        return max(len(head.encode(prompt)) for prompt in prompts) + _draft_tokens(head, sentence)

    return head.fit(sentence, needed)[0]


def _draft_tokens(head: CausalLM, sentence: str) -> int:
    """The most tokens of a sentence's draft."""
    return min(MOST_NEW_TOKENS, 2 * len(head.encode_rest(sentence)) + 12)


def _drafts(head: CausalLM, plan: Drafting) -> Steps[list[list[str]]]:
    """For each sentence its distinct drafts.

    What has no words, such as an emoji, stays as it is.
    """
    from bot.inference.heads.sampling import Sampling

    rows = []
    owners = []
    drafts: list[dict[str, None]] = [{} if has_words(sentence) else {sentence: None} for sentence in plan.sentences]
    for index, sentence in enumerate(plan.sentences):
        if drafts[index]:
            continue
        room = _draft_tokens(head, sentence)
        for prompt in layouts(sentence, plan.source, plan.target)[: plan.layouts]:
            rows.append(head.generation(head.encode(prompt), room, sampling=Sampling.likeliest(), stop="\n"))
            owners.append(index)
    outputs = yield from head.generate(rows)
    for index, output in zip(owners, outputs, strict=True):
        drafts[index][tidy(head.decode_whole(output.ids))] = None
    return [[text for text in found if text] for found in drafts]


def has_words(text: str) -> bool:
    """Whether there is anything to translate."""
    return any(map(str.isalnum, text))


def likeliest(head: CausalLM, sentence: str, drafts: Sequence[str], source: str, target: str) -> Steps[str]:
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


TASK = Task("translate", TranslateRequest, {HeadKind.SEQ2SEQ_LM: rewrite, HeadKind.CAUSAL_LM: draft})

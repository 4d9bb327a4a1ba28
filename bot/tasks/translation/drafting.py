"""Translating with a causal language model that is shown translations: several drafts, and the likeliest one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.inference.languages.pairs import LanguagePairs
from bot.inference.operations import TaskRun
from bot.tasks.translation.language_choice import LanguageChoice, choose_languages, known_pair
from bot.tasks.translation.passages import Document
from bot.tasks.translation.phrasebook import PHRASES, dictionary, is_ended, layouts, tidy
from bot.text.sentences import sentences

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM

MOST_NEW_TOKENS = 400
# Of all sentences together: the more sentences, the fewer layouts for each.
MOST_DRAFTS = 12
# If a text has more sentences, several of a line are translated at once.
MOST_PIECES = 24


@dataclass(frozen=True)
class Drafting:
    """A causal language model's plan of a translation."""

    languages: LanguageChoice
    """Both are among `PHRASES`."""
    document: Document
    """The text, split into sentences."""
    quoted: tuple[str, ...]
    """The readings of all sentences, in order."""
    sentences: tuple[str, ...]
    """As much of each as the context has room for, with single quotes instead of double ones."""
    layouts: int
    """The number of layouts in which each sentence is drafted."""
    truncated: bool
    """The end of a sentence did not fit into the model's context."""

    def is_read(self, index: int) -> bool:
        """Return whether a sentence has anything to translate."""
        return any(map(str.isalnum, self.sentences[index]))

    @classmethod
    def of(cls, head: CausalLM, text: str, source: str | None, target: str) -> Drafting:
        """Plan a translation; raises as `choose_languages`."""
        taught = LanguagePairs.among(PHRASES)
        choice = choose_languages(text, source, target, head.declared_languages or taught)
        source, target = known_pair(choice.source, choice.target, taught)
        document = _of_sentences(text, source)
        quoted = tuple(text for passage in document.passages for text in passage.readings)
        whole = [text.replace('"', "'") for text in quoted]  # a double quote ends a draft
        number = max(1, MOST_DRAFTS // max(1, len(document.passages)))

        def needed(sentence: str) -> int:
            prompts = layouts(sentence, source, target)[:number]
            return max(len(head.encode(prompt)) for prompt in prompts) + _draft_tokens(head, sentence)

        read = [head.fit(one, needed)[0] for one in whole]
        choice = LanguageChoice(source, target, choice.detection)
        return cls(choice, document, quoted, tuple(read), number, truncated=read != whole)


@dataclass(frozen=True)
class DraftedText:
    """A translation that consists of drafts."""

    text: str
    ids: tuple[int, ...]
    """Token ids of its sentences as they were scored, each with the line break that ends it."""
    finished: bool
    """No sentence was cut off at its length."""


def drafted(head: CausalLM, plan: Drafting) -> TaskRun[DraftedText]:
    """Draft each sentence in several layouts, and take the drafts that are likeliest, there and back.

    Source: Brown et al.: Language Models are Few-Shot Learners, 2020, arXiv:2005.14165; Yee, Dauphin, Auli: Simple and
    Effective Noisy Channel Modeling for Neural Machine Translation, 2019, arXiv:1908.05731 (scoring the way back).
    """
    drafts = yield from _drafts(head, plan)
    best: list[str] = []
    for sentence, candidates in zip(plan.sentences, drafts, strict=True):
        best.append((yield from likeliest(head, sentence, list(candidates), plan.languages)))
    text, used = plan.document.translated([requoted(*one) for one in zip(plan.quoted, best, strict=True)])
    scored = (head.encode_rest(scored_form(best[index])) for index in used if plan.is_read(index))
    return DraftedText(
        text,
        ids=tuple(token for ids in scored for token in ids),
        finished=all(drafts[index].get(best[index], True) for index in used),
    )


def _of_sentences(text: str, source: str) -> Document:
    """Split a text into sentences, or into groups of sentences if there are many."""
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
    """Put the source's double quotes into the translation of its form with single ones, if it has as many."""
    quotes = _QUOTE.findall(source)
    if '"' not in quotes or len(_SINGLE_QUOTE.findall(translation)) != len(quotes):
        return translation
    following = iter(quotes)
    return _SINGLE_QUOTE.sub(lambda _: next(following), translation)


def scored_form(sentence: str) -> str:
    """Return a sentence as it is scored behind `dictionary`."""
    return f" {sentence}\n"


def _draft_tokens(head: CausalLM, sentence: str) -> int:
    """Return the most tokens of a sentence's draft."""
    return min(MOST_NEW_TOKENS, 2 * len(head.encode_rest(sentence)) + 12)


def _drafts(head: CausalLM, plan: Drafting) -> TaskRun[list[dict[str, bool]]]:
    """Return each sentence's distinct drafts, with whether they come to an end."""
    from bot.inference.heads.generation.sampling import Sampling

    rows = []
    owners = []
    for index in filter(plan.is_read, range(len(plan.sentences))):
        sentence = plan.sentences[index]
        room = _draft_tokens(head, sentence)
        for prompt in layouts(sentence, plan.languages.source, plan.languages.target)[: plan.layouts]:
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


def likeliest(head: CausalLM, sentence: str, drafts: Sequence[str], languages: LanguageChoice) -> TaskRun[str]:
    """Return the draft with the highest log-probability, there and back; the first one if they cannot be scored."""
    if len(drafts) < 2:
        return drafts[0] if drafts else ""
    source, target = languages.source, languages.target
    asked = head.encode(dictionary(sentence, source, target))
    original = head.encode_rest(scored_form(sentence))
    written = [head.encode_rest(scored_form(text)) for text in drafts]
    asked_back = [head.encode(dictionary(text, target, source)) for text in drafts]
    longest = max(len(asked) + max(map(len, written)), len(original) + max(map(len, asked_back)))
    if longest > head.context_length:  # gibberish may need more tokens than it was generated with
        return drafts[0]
    back = [head.continuations(prompt, [original]) for prompt in asked_back]
    forward, *backward = yield from head.score([head.continuations(asked, written), *back])
    scores = [float(one.sum() + way[0].sum()) for one, way in zip(forward, backward, strict=True)]
    return drafts[scores.index(max(scores))]

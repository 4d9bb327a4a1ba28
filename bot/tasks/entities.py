"""`/entities`: which names are in a text, and of what?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bot.inference.heads.calibration import Calibration
from bot.inference.operations import TaskRun
from bot.inference.requests import Request
from bot.inference.task import HeadKind, Task
from bot.tasks.names.candidates import CandidateName, find_candidates
from bot.tasks.scores import Floats, softmax
from bot.text.accepted import clean_text
from bot.text.graphemes import Graphemes
from bot.text.markup import Markup, markup

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.encoder_head import EncoderInput
    from bot.inference.heads.token_classifier import TokenClassifier, TokenSpan

_LEANING: Calibration[Floats] = Calibration("entities")

OUTSIDE = "O"
"""The label of what is no entity."""


@dataclass(frozen=True)
class Entity:
    """A part of the text that has a label: whole graphemes, without white space at its ends.

    Attributes:
        start: its first character.
        end: the character after its last one.
        label: as the checkpoint writes it, without `B-` and `I-`.
        probability: 0 to 1; the mean over its words.
    """

    start: int
    end: int
    label: str
    probability: float


@dataclass(frozen=True)
class EntitiesResult:
    """The entities in their order; none overlaps another one.

    Attributes:
        truncated: whether the end of the text was not read, because it exceeds the model's context; of guesses, whether
            there are more names than were looked at.
        guessed: whether a general language model has guessed them, rather than one that was trained for it.
    """

    entities: tuple[Entity, ...]
    truncated: bool
    guessed: bool = False


@dataclass(frozen=True)
class EntitiesRequest(Request[EntitiesResult]):
    """Raises `InvalidRequest` where the text cannot be read."""

    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", clean_text(self.text))


@dataclass(frozen=True)
class Word:
    """A word of the text; a token where the tokenizer marks no words.

    Attributes:
        start: its first character. Characters are whole graphemes: an emoji, a letter with its accents.
        end: the character after its last one; `start` where the tokens are only white space.
        tokens: which of the text's tokens it consists of: the first, and the one after the last.
        label: of its first token, as the checkpoint writes it; where it is joined, the likeliest one of the kind of the
            word before it.
        probability: of that label.
        joined: whether it has a character in common with the words before it, as the bytes of an emoji have, so that
            it belongs to the same entity.
    """

    start: int
    end: int
    tokens: tuple[int, int]
    label: str
    probability: float
    joined: bool = False


@dataclass(frozen=True)
class Group:
    """Neighbouring words that are one entity."""

    words: tuple[Word, ...]
    entity: Entity


@dataclass(frozen=True)
class Tagging:
    """What a token classifier made of a text.

    Attributes:
        inputs: what it read.
        logits: a row for each token, special ones included, (tokens, labels), float32.
        probabilities: softmax over each row.
        words: all of them, those outside of entities included.
        groups: those that are entities.
    """

    inputs: EncoderInput
    logits: npt.NDArray[np.float32]
    probabilities: Floats
    words: tuple[Word, ...]
    groups: tuple[Group, ...]


def classify(head: TokenClassifier, request: EntitiesRequest) -> TaskRun[EntitiesResult]:
    """By a token classifier: neighbours with the same label are one entity.

    As transformers' pipeline does with the aggregation strategy "first" where the tokenizer marks words, so that no
    word is split, and with "simple" where it does not. Beyond that, tokens that stand for parts of the same character
    stay together, so that no entity overlaps another one, and what Discord shows as something else is no entity.
    """
    made = yield from tagging(head, request)
    return EntitiesResult(tuple(group.entity for group in made.groups), made.inputs.truncated)


def tagging(head: TokenClassifier, request: EntitiesRequest, *, alone: bool = False) -> TaskRun[Tagging]:
    """How `classify` comes to its answer.

    Args:
        alone: keep other requests out of the batch.
    """
    tagged = head.encode_spans(request.text)
    [logits] = yield from head.tag([tagged.row], alone=alone)
    probabilities = softmax(logits)
    words = tuple(_words(request.text, head.labels, tagged.spans, probabilities))
    found = (Group(tuple(group), _entity(group)) for group in _groups(words, markup(request.text)))
    groups = tuple(one for one in found if one.entity.label != OUTSIDE and one.entity.start < one.entity.end)
    return Tagging(tagged.row.inputs, logits, probabilities, words, groups)


def _words(text: str, labels: Sequence[str], spans: Sequence[TokenSpan | None], shares: Floats) -> list[Word]:
    """Each word with its first token's label; the tokens themselves where nothing marks words.

    Args:
        shares: the probabilities of the labels, (tokens, labels).
    """
    graphemes = Graphemes(text)
    words: list[Word] = []
    reached = 0
    for place, (span, row) in enumerate(zip(spans, shares, strict=True)):
        if span is None:
            continue
        start, end = graphemes.widened(span.start, span.end)
        joined = start < reached
        reached = max(reached, end)
        if words and span.goes_on:
            words[-1] = replace(words[-1], end=max(words[-1].end, end), tokens=(words[-1].tokens[0], place + 1))
            continue
        best = _likeliest(labels, row, kind_of(words[-1].label) if joined else None)
        words.append(Word(start, end, (place, place + 1), labels[best], float(row[best]), joined))
    return words


def _likeliest(labels: Sequence[str], row: Floats, kind: str | None) -> int:
    """The likeliest label of a token, by its number; of a kind, where one is given."""
    return max(
        (number for number, label in enumerate(labels) if kind in (None, kind_of(label))), key=lambda one: row[one]
    )


def _groups(words: Sequence[Word], unread: Markup) -> Iterator[list[Word]]:
    """Neighbours of the same kind, unless the later one says with `B-` that it begins another entity.

    Words in markup belong to no group, and no group goes on behind them.
    """
    group: list[Word] = []
    for word in words:
        hidden = unread.touches(word.start, word.end)
        if group and (hidden or _begins(word, group[-1])):
            yield group
            group = []
        if not hidden:
            group.append(word)
    if group:
        yield group


def _begins(word: Word, before: Word) -> bool:
    """Whether a word is no part of the entity that the word before it belongs to."""
    return not word.joined and (kind_of(word.label) != kind_of(before.label) or word.label.startswith("B-"))


def kind_of(label: str) -> str:
    """A label without what says whether an entity begins or goes on: `B-PER` → "PER"."""
    return label[2:] if label.startswith(("B-", "I-")) else label


def _entity(group: Sequence[Word]) -> Entity:
    """A group as one entity. Words that are only white space, which some tokenizers have, are no part of its name."""
    seen = [word for word in group if word.start < word.end] or group[:1]
    probability = float(np.mean([word.probability for word in group]))
    return Entity(seen[0].start, max(word.end for word in seen), kind_of(group[0].label), probability)


@dataclass(frozen=True)
class Question:
    """A prompt that ends where the kind of a name follows, and the words for each of `KINDS` that may."""

    prompt: str
    words: tuple[str, str, str, str]


KINDS = ("PER", "LOC", "ORG", OUTSIDE)
QUESTIONS = (
    Question(
        "Maria lives in Norway and works at Siemens.\n"
        '"Maria" is the name of a person. "Norway" is the name of a place. "Siemens" is the name of a company.\n\n'
        '{text}\n"{name}" is the name of a',
        (" person", " place", " company", " thing"),
    ),
    Question(
        "Text: Maria lives in Norway.\nQuestion: What is Maria?\nAnswer: a person\n\n"
        "Text: He works at Siemens.\nQuestion: What is Siemens?\nAnswer: an organization\n\n"
        "Text: They went to Norway on Friday.\nQuestion: What is Norway?\nAnswer: a place\n\n"
        "Text: They went to Norway on Friday.\nQuestion: What is Friday?\nAnswer: something else\n\n"
        "Text: {text}\nQuestion: What is {name}?\nAnswer:",
        (" a person", " a place", " an organization", " something else"),
    ),
)
ANCHORS = (
    ("Maria lives near the school.", "Maria"),
    ("I met Robert Jones at the party.", "Robert Jones"),
    ("Then Ivan laughed.", "Ivan"),
    ("We drove to Munich.", "Munich"),
    ("Canada is very cold in winter.", "Canada"),
    ("They live in Ohio.", "Ohio"),
    ("Siemens has built a new factory.", "Siemens"),
    ("Stanford University was founded long ago.", "Stanford University"),
    ("He has a job at Nokia.", "Nokia"),
    ("She bought a Bible.", "Bible"),
    ("They speak English.", "English"),
    ("He plays Chess.", "Chess"),
)
"""Names of each kind, as many of the one as of the other: what the model says of them on average is its leaning."""
MOST_NAMES = 40
"""Different names that are looked at."""


@dataclass(frozen=True)
class WeighedName:
    """What a causal language model makes of a name.

    Attributes:
        candidate: the name, and where it stands.
        prompts: the questions about it, as they are read.
        log_probs: of the words for each kind, (questions, kinds).
        shares: of the probability of all these words: those of each question add up to 1, (questions, kinds).
        answers: the logarithms of the shares.
        leaning: the mean of `answers` over the anchors.
        scores: of the kinds: how much its answers exceed the leaning, summed over the questions.
        probabilities: softmax over the scores.
    """

    candidate: CandidateName
    prompts: tuple[str, ...]
    log_probs: Floats
    shares: Floats
    answers: Floats
    leaning: Floats
    scores: Floats
    probabilities: Floats

    @property
    def kind(self) -> str:
        """The likeliest of `KINDS`."""
        return KINDS[int(self.probabilities.argmax())]

    @property
    def probability(self) -> float:
        """Of the likeliest kind."""
        return float(self.probabilities.max())


@dataclass(frozen=True)
class Weighing:
    """How a causal language model comes to an answer.

    Attributes:
        names: those that were looked at, in the order in which they first appear.
        truncated: whether there are more.
    """

    names: tuple[WeighedName, ...]
    truncated: bool

    @property
    def entities(self) -> tuple[Entity, ...]:
        """Every place of the names that are of a kind, in the text's order."""
        found = [
            Entity(*place, name.kind, name.probability)
            for name in self.names
            if name.kind != OUTSIDE
            for place in name.candidate.places
        ]
        return tuple(sorted(found, key=lambda entity: entity.start))


def weigh_names(head: CausalLM, request: EntitiesRequest) -> TaskRun[EntitiesResult]:
    """By a causal language model: is each capitalised word a person, a place, an organisation or something else?

    Candidates are found by their capital letters, and each is put into two questions. The answers' log-probabilities
    are shared among the kinds, measured against those of names that are known, and added.

    Source: Zhao et al.: Calibrate Before Use, 2021, arXiv:2102.09690.
    """
    made = yield from weighing(head, request)
    return EntitiesResult(made.entities, made.truncated, guessed=True)


def weighing(head: CausalLM, request: EntitiesRequest, *, alone: bool = False) -> TaskRun[Weighing]:
    """How `weigh_names` comes to its answer.

    Args:
        alone: keep other requests out of the batch.
    """
    candidates = find_candidates(request.text)
    asked = candidates[:MOST_NAMES]
    if not asked:
        return Weighing((), truncated=False)
    yield from calibrate(head)
    leaning = head.calibrations[_LEANING]
    prompts = _prompts(head, [(sentence, name) for name, sentence in (one.asked for one in asked)])
    log_probs = yield from _ask(head, prompts, alone=alone)
    shares = softmax(log_probs)
    answers = np.log(shares)
    scores: Floats = (answers - leaning).sum(axis=1)
    columns = (asked, prompts, log_probs, shares, answers, [leaning] * len(asked), scores, softmax(scores))
    return Weighing(
        tuple(WeighedName(*name) for name in zip(*columns, strict=True)), truncated=len(asked) < len(candidates)
    )


def calibrate(head: CausalLM) -> TaskRun[None]:
    """Find the mean answers to questions about the anchors, (questions, kinds)."""
    if _LEANING not in head.calibrations:
        log_probs = yield from _ask(head, _prompts(head, ANCHORS))
        head.calibrations[_LEANING] = np.log(softmax(log_probs)).mean(axis=0)


def _ask(head: CausalLM, prompts: Sequence[Sequence[str]], *, alone: bool = False) -> TaskRun[Floats]:
    """Log-probabilities of the words for the kinds, (names, questions, kinds).

    Args:
        prompts: for each name its questions.
    """
    words = _kind_words(head)
    rows = [
        head.continuations(head.encode(prompt), some)
        for questions in prompts
        for prompt, some in zip(questions, words, strict=True)
    ]
    outputs = yield from head.score(rows, alone=alone)
    scores: Floats = np.array([[one.sum() for one in output] for output in outputs], dtype=np.float64)
    return scores.reshape(len(prompts), len(QUESTIONS), len(KINDS))


def _prompts(head: CausalLM, names: Sequence[tuple[str, str]]) -> list[tuple[str, ...]]:
    """The questions about names; of a sentence that exceeds the context its beginning is read.

    Args:
        names: each with the sentence that it stands in, before it.
    """
    longest = max(len(word) for some in _kind_words(head) for word in some)

    def about(sentence: str, name: str) -> tuple[str, ...]:
        return tuple(question.prompt.format(text=sentence, name=name) for question in QUESTIONS)

    def fitting(sentence: str, name: str) -> tuple[str, ...]:
        read, _ = head.fit(sentence, lambda text: max(map(len, map(head.encode, about(text, name)))) + longest)
        return about(read, name)

    return [fitting(*one) for one in names]


def _kind_words(head: CausalLM) -> list[list[tuple[int, ...]]]:
    """The words for the kinds in each question, as token ids."""
    return [[head.encode_rest(word) for word in question.words] for question in QUESTIONS]


TASK = Task(
    "entities",
    EntitiesRequest,
    {HeadKind.TOKEN_CLASSIFIER: classify, HeadKind.CAUSAL_LM: weigh_names},
    calibrations={HeadKind.CAUSAL_LM: calibrate},
)

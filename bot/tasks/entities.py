"""`/entities`: which names are in a text, and of what?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bot.inference.requests import Request
from bot.inference.steps import Steps
from bot.inference.task import HeadKind, Task
from bot.tasks.name_candidates import CandidateName, find_candidates
from bot.tasks.scores import Floats, softmax
from bot.tasks.text import clean_text

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.encoder_input import EncoderInput
    from bot.inference.heads.token_classifier import TokenClassifier, TokenSpan

OUTSIDE = "O"
"""The label of what is no entity."""


@dataclass(frozen=True)
class Entity:
    """A part of the text that has a label.

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
        start: its first character.
        end: the character after its last one.
        tokens: which of the text's tokens it consists of: the first, and the one after the last.
        label: of its first token, as the checkpoint writes it.
        probability: of that label.
    """

    start: int
    end: int
    tokens: tuple[int, int]
    label: str
    probability: float


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


def classify(head: TokenClassifier, request: EntitiesRequest) -> Steps[EntitiesResult]:
    """By a token classifier: neighbours with the same label are one entity.

    As transformers' pipeline does with the aggregation strategy "first" where the tokenizer marks words, so that no
    word is split, and with "simple" where it does not.
    """
    made = yield from tagging(head, request)
    return EntitiesResult(tuple(group.entity for group in made.groups), made.inputs.truncated)


def tagging(head: TokenClassifier, request: EntitiesRequest, *, alone: bool = False) -> Steps[Tagging]:
    """How `classify` comes to its answer.

    Args:
        alone: keep other requests out of the batch.
    """
    tagged = head.encode_spans(request.text)
    [logits] = yield from head.tag([tagged.row], alone=alone)
    probabilities = softmax(logits)
    words = tuple(_words(head.labels, tagged.spans, probabilities))
    found = (Group(tuple(group), _entity(request.text, group)) for group in _groups(words))
    groups = tuple(one for one in found if one.entity.label != OUTSIDE and one.entity.start < one.entity.end)
    return Tagging(tagged.row.inputs, logits, probabilities, words, groups)


def _words(labels: Sequence[str], spans: Sequence[TokenSpan | None], probabilities: Floats) -> Iterator[Word]:
    """Each word with its first token's label; the tokens themselves where nothing marks words."""
    word: Word | None = None
    for place, (span, row) in enumerate(zip(spans, probabilities, strict=True)):
        if span is None:
            continue
        if word is not None and span.goes_on:
            word = Word(word.start, span.end, (word.tokens[0], place + 1), word.label, word.probability)
            continue
        if word is not None:
            yield word
        best = int(row.argmax())
        word = Word(span.start, span.end, (place, place + 1), labels[best], float(row[best]))
    if word is not None:
        yield word


def _groups(words: Sequence[Word]) -> Iterator[list[Word]]:
    """Neighbours of the same kind, unless the later one says with `B-` that it begins another entity."""
    group: list[Word] = []
    for word in words:
        if group and (kind_of(word.label) != kind_of(group[-1].label) or word.label.startswith("B-")):
            yield group
            group = []
        group.append(word)
    if group:
        yield group


def kind_of(label: str) -> str:
    """A label without what says whether an entity begins or goes on: `B-PER` → "PER"."""
    return label[2:] if label.startswith(("B-", "I-")) else label


def _entity(text: str, group: Sequence[Word]) -> Entity:
    """A group as one entity; some tokenizers count the space around a word as a part of it."""
    start, end = group[0].start, group[-1].end
    name = text[start:end]
    start += len(name) - len(name.lstrip())
    end = start + len(name.strip())
    return Entity(start, end, kind_of(group[0].label), float(np.mean([word.probability for word in group])))


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


def weigh_names(head: CausalLM, request: EntitiesRequest) -> Steps[EntitiesResult]:
    """By a causal language model: is each capitalised word a person, a place, an organisation or something else?

    Candidates are found by their capital letters, and each is put into two questions. The answers' log-probabilities
    are shared among the kinds, measured against those of names that are known, and added.

    Source: Zhao et al.: Calibrate Before Use, 2021, arXiv:2102.09690.
    """
    made = yield from weighing(head, request)
    return EntitiesResult(made.entities, made.truncated, guessed=True)


def weighing(head: CausalLM, request: EntitiesRequest, *, alone: bool = False) -> Steps[Weighing]:
    """How `weigh_names` comes to its answer.

    Args:
        alone: keep other requests out of the batch.
    """
    candidates = find_candidates(request.text)
    asked = candidates[:MOST_NAMES]
    if not asked:
        return Weighing((), truncated=False)
    yield from calibrate(head)
    leaning: Floats = head.notes["entities"]
    prompts = _prompts(head, [(one.sentence, one.name) for one in asked])
    log_probs = yield from _ask(head, prompts, alone=alone)
    shares = softmax(log_probs)
    answers = np.log(shares)
    scores: Floats = (answers - leaning).sum(axis=1)
    columns = (asked, prompts, log_probs, shares, answers, [leaning] * len(asked), scores, softmax(scores))
    return Weighing(
        tuple(WeighedName(*name) for name in zip(*columns, strict=True)), truncated=len(asked) < len(candidates)
    )


def calibrate(head: CausalLM) -> Steps[None]:
    """Find the mean answers to questions about the anchors, (questions, kinds)."""
    if "entities" not in head.notes:
        log_probs = yield from _ask(head, _prompts(head, ANCHORS))
        head.notes["entities"] = np.log(softmax(log_probs)).mean(axis=0)


def _ask(head: CausalLM, prompts: Sequence[Sequence[str]], *, alone: bool = False) -> Steps[Floats]:
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

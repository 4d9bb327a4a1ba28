"""`/entities`: which names are in a text, and of what?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bot.inference.requests import Request
from bot.inference.steps import Row, Steps
from bot.inference.task import HeadKind, Task
from bot.tasks.name_candidates import find_candidates
from bot.tasks.scores import Floats, softmax
from bot.tasks.text import clean_text

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.scoring import Continuations
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


def classify(head: TokenClassifier, request: EntitiesRequest) -> Steps[EntitiesResult]:
    """By a token classifier: neighbours with the same label are one entity.

    As transformers' pipeline does with the aggregation strategy "first" where the tokenizer marks words, so that no
    word is split, and with "simple" where it does not.
    """
    tagged = head.encode_spans(request.text)
    [logits] = yield from head.tag([tagged.row])
    words = list(_words(head.labels, tagged.spans, softmax(logits)))
    found = (_entity(request.text, group) for group in _groups(words))
    entities = tuple(one for one in found if one.label != OUTSIDE and one.start < one.end)
    return EntitiesResult(entities, tagged.row.inputs.truncated)


def _words(labels: Sequence[str], spans: Sequence[TokenSpan | None], probabilities: Floats) -> Iterator[Entity]:
    """Each word with its first token's label; the tokens themselves where nothing marks words."""
    word: Entity | None = None
    for span, row in zip(spans, probabilities, strict=True):
        if span is None:
            continue
        if word is not None and span.goes_on:
            word = Entity(word.start, span.end, word.label, word.probability)
            continue
        if word is not None:
            yield word
        best = int(row.argmax())
        word = Entity(span.start, span.end, labels[best], float(row[best]))
    if word is not None:
        yield word


def _groups(words: Sequence[Entity]) -> Iterator[list[Entity]]:
    """Neighbours of the same kind, unless the later one says with `B-` that it begins another entity."""
    group: list[Entity] = []
    for word in words:
        if group and (_kind(word.label) != _kind(group[-1].label) or word.label.startswith("B-")):
            yield group
            group = []
        group.append(word)
    if group:
        yield group


def _kind(label: str) -> str:
    return label[2:] if label.startswith(("B-", "I-")) else label


def _entity(text: str, group: Sequence[Entity]) -> Entity:
    """A group as one entity; some tokenizers count the space around a word as a part of it."""
    start, end = group[0].start, group[-1].end
    name = text[start:end]
    start += len(name) - len(name.lstrip())
    end = start + len(name.strip())
    return Entity(start, end, _kind(group[0].label), float(np.mean([word.probability for word in group])))


@dataclass(frozen=True)
class _Question:
    """A prompt that ends where the kind of a name follows, and the words for each of `KINDS` that may."""

    prompt: str
    words: tuple[str, str, str, str]


KINDS = ("PER", "LOC", "ORG", OUTSIDE)
QUESTIONS = (
    _Question(
        "Maria lives in Norway and works at Siemens.\n"
        '"Maria" is the name of a person. "Norway" is the name of a place. "Siemens" is the name of a company.\n\n'
        '{text}\n"{name}" is the name of a',
        (" person", " place", " company", " thing"),
    ),
    _Question(
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


def weigh_names(head: CausalLM, request: EntitiesRequest) -> Steps[EntitiesResult]:
    """By a causal language model: is each capitalised word a person, a place, an organisation or something else?

    Candidates are found by their capital letters, and each is put into two questions. The answers' log-probabilities
    are shared among the kinds, measured against those of names that are known, and added.

    Source: Zhao et al.: Calibrate Before Use, 2021, arXiv:2102.09690.
    """
    candidates = find_candidates(request.text)
    asked = candidates[:MOST_NAMES]
    if not asked:
        return EntitiesResult((), truncated=False, guessed=True)
    yield from calibrate(head)
    leaning: Floats = head.notes["entities"]
    answers = yield from _ask(head, [(one.sentence, one.name) for one in asked])
    probabilities = softmax((answers - leaning).sum(axis=1))
    found = [
        Entity(*place, KINDS[int(row.argmax())], float(row.max()))
        for candidate, row in zip(asked, probabilities, strict=True)
        for place in candidate.places
        if KINDS[int(row.argmax())] != OUTSIDE
    ]
    in_order = tuple(sorted(found, key=lambda entity: entity.start))
    return EntitiesResult(in_order, truncated=len(asked) < len(candidates), guessed=True)


def calibrate(head: CausalLM) -> Steps[None]:
    """Find the mean answers to questions about the anchors, (questions, kinds)."""
    if "entities" not in head.notes:
        answers = yield from _ask(head, ANCHORS)
        head.notes["entities"] = answers.mean(axis=0)


def _ask(head: CausalLM, names: Sequence[tuple[str, str]]) -> Steps[Floats]:
    """Log-probabilities of the kinds, (names, questions, kinds), shared among them.

    Args:
        names: each with the sentence that it stands in, before it.
    """
    words = [[head.encode_rest(word) for word in question.words] for question in QUESTIONS]
    rows = [row for sentence, name in names for row in _rows(head, sentence, name, words)]
    outputs = yield from head.score(rows)
    scores = np.array([[one.sum() for one in output] for output in outputs], dtype=np.float64)
    shared: Floats = np.log(softmax(scores))
    return shared.reshape(len(names), len(QUESTIONS), len(KINDS))


def _rows(
    head: CausalLM, sentence: str, name: str, words: Sequence[Sequence[tuple[int, ...]]]
) -> Iterator[Row[Continuations]]:
    """The questions about a name; of a sentence that exceeds the context its beginning is read."""
    longest = max(len(word) for some in words for word in some)

    def prompts(text: str) -> list[tuple[int, ...]]:
        return [head.encode(question.prompt.format(text=text, name=name)) for question in QUESTIONS]

    text, _ = head.fit(sentence, lambda text: max(map(len, prompts(text))) + longest)
    for prompt, some in zip(prompts(text), words, strict=True):
        yield head.continuations(prompt, some)


TASK = Task(
    "entities",
    EntitiesRequest,
    {HeadKind.TOKEN_CLASSIFIER: classify, HeadKind.CAUSAL_LM: weigh_names},
    calibrations={HeadKind.CAUSAL_LM: calibrate},
)

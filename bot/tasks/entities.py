"""`/entities`: which names are in a text, and of what?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bot.inference.operations import TaskRun
from bot.inference.requests import Result
from bot.inference.task import HeadKind, Implementation, Task
from bot.tasks.names.kinds import OUTSIDE, WeighedNames, calibrate, weighed_names
from bot.tasks.scores import Floats, softmax
from bot.tasks.text_request import TextRequest
from bot.text.graphemes import Graphemes
from bot.text.markup import Markup, markup

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.encoder_head import EncoderInput
    from bot.inference.heads.token_classifier import TokenClassifier, TokenSpan


@dataclass(frozen=True)
class Entity:
    """A labelled span of the text: whole graphemes, without white space at its ends."""

    start: int
    end: int
    label: str
    """The checkpoint's, without `B-` or `I-`."""
    probability: float
    """Mean over its words."""


@dataclass(frozen=True)
class EntitiesResult(Result):
    """The entities in order; none overlap."""

    entities: tuple[Entity, ...]
    truncated: bool
    """The end of the text did not fit into the model's context; if guessed: the text has more names."""
    guessed: bool = False
    """A general language model answered, rather than one that was trained for it."""


@dataclass(frozen=True)
class EntitiesRequest(TextRequest[EntitiesResult]):
    """A text with names."""


@dataclass(frozen=True)
class TaggedWord:
    """A word of the text, or a token if the tokenizer marks no words. Its span consists of whole graphemes."""

    start: int
    end: int
    """`start` if the tokens are only white space."""
    tokens: tuple[int, int]
    """Index of its first token, and the index behind its last one."""
    label: str
    """The first token's; if the word is joined, the likeliest one of the kind of the word before it."""
    probability: float
    """Probability of that label."""
    joined: bool = False
    """It shares a character with the word before it, as the bytes of an emoji do, and so belongs to the same entity."""


@dataclass(frozen=True)
class WordGroup:
    """Neighbouring words that are one entity."""

    words: tuple[TaggedWord, ...]
    entity: Entity


@dataclass(frozen=True)
class Tagging:
    """What a token classifier computed for a text."""

    inputs: EncoderInput
    logits: npt.NDArray[np.float32]
    """(tokens, labels), special tokens included."""
    probabilities: Floats
    """Softmax over each row."""
    words: tuple[TaggedWord, ...]
    """All words of the text."""
    groups: tuple[WordGroup, ...]
    """The words that are entities."""


def classify(head: TokenClassifier, request: EntitiesRequest) -> TaskRun[EntitiesResult]:
    """Answer by a token classifier: neighbours with the same label are one entity.

    Like transformers' pipeline with the aggregation strategy "first" if the tokenizer marks words, and with "simple"
    if it doesn't. Additionally, entities don't overlap or split a character, and Discord's markup is never an entity.
    """
    made = yield from tagging(head, request)
    return EntitiesResult(tuple(group.entity for group in made.groups), made.inputs.truncated)


def tagging(head: TokenClassifier, request: EntitiesRequest, *, alone: bool = False) -> TaskRun[Tagging]:
    """Compute what `classify` answers with."""
    tagged = head.encode_spans(request.text)
    [logits] = yield from head.tag([tagged.row], alone=alone)
    probabilities = softmax(logits)
    words = tuple(_words(request.text, head.labels, tagged.spans, probabilities))
    found = (WordGroup(tuple(group), _entity(group)) for group in _groups(words, markup(request.text)))
    groups = tuple(one for one in found if one.entity.label != OUTSIDE and one.entity.start < one.entity.end)
    return Tagging(tagged.row.inputs, logits, probabilities, words, groups)


def _words(
    text: str, labels: Sequence[str], spans: Sequence[TokenSpan | None], probabilities: Floats
) -> list[TaggedWord]:
    """Return the words, each with its first token's label."""
    graphemes = Graphemes(text)
    words: list[TaggedWord] = []
    reached = 0
    for index, (span, row) in enumerate(zip(spans, probabilities, strict=True)):
        if span is None:
            continue
        start, end = graphemes.widened(span.start, span.end)
        joined = start < reached
        reached = max(reached, end)
        if words and span.goes_on:
            words[-1] = replace(words[-1], end=max(words[-1].end, end), tokens=(words[-1].tokens[0], index + 1))
            continue
        kind = kind_of(words[-1].label) if joined else None
        possible = (number for number, label in enumerate(labels) if kind in (None, kind_of(label)))
        best = max(possible, key=row.__getitem__)
        words.append(TaggedWord(start, end, (index, index + 1), labels[best], float(row[best]), joined))
    return words


def _groups(words: Sequence[TaggedWord], unread: Markup) -> Iterator[list[TaggedWord]]:
    """Yield neighbours of the same kind. A `B-` or a word in markup ends the group before it."""
    group: list[TaggedWord] = []
    for word in words:
        hidden = unread.touches(word.start, word.end)
        if group:
            begins = word.label.startswith("B-") or kind_of(word.label) != kind_of(group[-1].label)
            if hidden or (begins and not word.joined):
                yield group
                group = []
        if not hidden:
            group.append(word)
    if group:
        yield group


def kind_of(label: str) -> str:
    """Return a label without its prefix: `B-PER` → "PER"."""
    return label[2:] if label.startswith(("B-", "I-")) else label


def _entity(group: Sequence[TaggedWord]) -> Entity:
    # Some tokenizers make words of white space, which are not part of the name.
    seen = [word for word in group if word.start < word.end] or group[:1]
    probability = float(np.mean([word.probability for word in group]))
    return Entity(seen[0].start, max(word.end for word in seen), kind_of(group[0].label), probability)


def weigh_names(head: CausalLM, request: EntitiesRequest) -> TaskRun[EntitiesResult]:
    """Answer by a causal language model (see `weighed_names`)."""
    made = yield from weighed_names(head, request.text)
    return EntitiesResult(entities_of(made), made.truncated, guessed=True)


def entities_of(made: WeighedNames) -> tuple[Entity, ...]:
    """Return every occurrence of the names that are entities, in the text's order."""
    found = [
        Entity(*span, name.kind, name.probability)
        for name in made.names
        if name.kind != OUTSIDE
        for span in name.candidate.spans
    ]
    return tuple(sorted(found, key=lambda entity: entity.start))


TASK = Task(
    "entities",
    EntitiesRequest,
    {
        HeadKind.TOKEN_CLASSIFIER: Implementation(classify),
        HeadKind.CAUSAL_LM: Implementation(weigh_names, calibrate=calibrate),
    },
    from_text=True,
)

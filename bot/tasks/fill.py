"""`/fill`: which word was hidden?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import regex  # type: ignore[import-untyped]

from bot.errors import InvalidRequest, ModelUnavailable
from bot.inference.heads.calibration import Calibration
from bot.inference.operations import TaskRun
from bot.inference.requests import Request
from bot.inference.task import HeadKind, Task
from bot.tasks.scores import LabelScore, softmax
from bot.text.accepted import checked_range, clean_text, has_words, visible_text
from bot.text.characters import REPLACEMENT_CHARACTER

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.encoder_head import EncoderInput
    from bot.inference.heads.masked_lm import MaskedLM

MOST_GUESSES = 10
MOST_MASKS = 5
BLANK = "___"
"""How a mask is written to people, whatever the model's own mask token is."""

Floats = npt.NDArray[np.float32]

_MASK = re.compile(r"<mask>|\[MASK\]|<extra_id_0>|_{3,}", re.IGNORECASE)
_FULL_STOP = regex.compile(r"\p{Sentence_Terminal}$")
_PLACEHOLDER = re.compile(r"\[unused\d+\]|<unused\d+>|<extra_id_\d+>|madeupword\d+")
"""Places in a vocabulary that nothing was trained for, as BERT's, Gemma's, T5's and RoBERTa's tokenizers have them."""
_AT_ONCE = 64
"""Tokens that are looked at together for words."""


@dataclass(frozen=True)
class Guess:
    """A word for a mask.

    Attributes:
        word: the token as text, without a leading space.
        probability: 0 to 1.
        sentence: the text with this word in place, and the likeliest words in the other masks.
        place: where the word begins in the sentence, in characters.
    """

    word: str
    probability: float
    sentence: str
    place: int


@dataclass(frozen=True)
class FillResult:
    """For each mask its guesses, likeliest first.

    Attributes:
        completed: the text with the likeliest word in each mask.
        truncated: whether the end of the text was not read, because it exceeds the model's context.
        left_out: for each mask the probability of the tokens that are no words and likelier than its last guess; empty
            where nothing but words was weighed.
    """

    masks: tuple[tuple[Guess, ...], ...]
    completed: str
    truncated: bool
    left_out: tuple[float, ...] = ()

    @property
    def headline(self) -> tuple[LabelScore, ...]:
        """What is said first: the likeliest word of each mask."""
        return tuple(LabelScore(guesses[0].word, guesses[0].probability) for guesses in self.masks)


@dataclass(frozen=True)
class FillRequest(Request[FillResult]):
    """A text with masks, written `<mask>`, `[MASK]` or `___`.

    Raises `InvalidRequest` where there is no mask, or the text or top_k cannot be used.
    """

    text: str
    top_k: int = 5

    def __post_init__(self) -> None:
        checked_range(self.top_k, 1, MOST_GUESSES, "top_k")
        text = clean_text(self.text)
        masks = len(_MASK.findall(text))
        if not masks:
            raise InvalidRequest(
                f"There is no mask in the text. Write `{BLANK}` where a word is hidden, for example: "
                f"`The capital of France is {BLANK}.`"
            )
        if masks > MOST_MASKS:
            raise InvalidRequest(f"There are {masks} masks in the text, and I can fill {MOST_MASKS} at most.")
        if not has_words(_MASK.sub("", text)):
            raise InvalidRequest("There is nothing but masks in the text. Please write some words around them.")
        object.__setattr__(self, "text", text)

    @property
    def parts(self) -> tuple[str, ...]:
        """What stands before, between and after the masks."""
        return tuple(_MASK.split(self.text))


@dataclass(frozen=True)
class Distributions:
    """What a masked language model made of a text.

    Attributes:
        inputs: what it read.
        positions: of the masks among the tokens.
        probabilities: over the whole vocabulary at each mask, (masks, vocabulary).
        words: for each mask the ids of its likeliest tokens that are words, as many as anybody can ask for.
        others: for each mask those that are no words and likelier than the last of these.
    """

    inputs: EncoderInput
    positions: tuple[int, ...]
    probabilities: Floats
    words: tuple[tuple[int, ...], ...]
    others: tuple[tuple[int, ...], ...]

    def likeliest(self, number: int) -> list[list[int]]:
        """For each mask the ids of its likeliest tokens that are words."""
        return [list(words[:number]) for words in self.words]

    def left_out(self, number: int) -> list[list[int]]:
        """For each mask the tokens that are no words and likelier than the last of so many words."""
        found = zip(self.probabilities, self.likeliest(number), self.others, strict=True)
        return [[token for token in others if one[token] > one[words[-1]]] for one, words, others in found]


def unmask(head: MaskedLM, request: FillRequest) -> TaskRun[FillResult]:
    """By a masked language model: softmax over the vocabulary at each mask.

    The probabilities are those of the whole vocabulary. Special tokens, white space and parts of characters are no
    words, and no guesses; what they got is not shared among the words.
    """
    made = yield from distributions(head, request)
    guesses = [
        [(word_of(head.decode([token])), float(probabilities[token])) for token in tokens]
        for probabilities, tokens in zip(made.probabilities, made.likeliest(request.top_k), strict=True)
    ]
    others = zip(made.probabilities, made.left_out(request.top_k), strict=True)
    left_out = tuple(float(probabilities[tokens].sum()) for probabilities, tokens in others)
    return completed(request, guesses, made.inputs.truncated, left_out)


def distributions(head: MaskedLM, request: FillRequest, *, alone: bool = False) -> TaskRun[Distributions]:
    """How `unmask` comes to its answer.

    Args:
        alone: keep other requests out of the batch.
    """
    row = head.encode_masked(request.parts)
    positions = head.mask_positions(row.inputs.ids)
    if len(positions) != len(request.parts) - 1:
        raise InvalidRequest("The text is longer than the model's context, and a mask is beyond it. Please shorten it.")
    [probabilities] = yield from head.fill([row], alone=alone)
    ranked = [_ranked(head, one) for one in probabilities]
    words, others = zip(*ranked, strict=True)
    return Distributions(row.inputs, tuple(positions), probabilities, words, others)


def _ranked(head: MaskedLM, probabilities: Floats) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The likeliest tokens that are words, as many as anybody can ask for, and those before the last that are none."""
    words: list[int] = []
    others: list[int] = []
    for token, is_word in _by_rank(head, probabilities):
        (words if is_word else others).append(token)
        if len(words) == MOST_GUESSES:
            break
    if not words:
        raise ModelUnavailable("The checkpoint that is set for /fill has no words in its vocabulary.")
    return tuple(words), tuple(others)


def _by_rank(head: MaskedLM, probabilities: Floats) -> Iterator[tuple[int, bool]]:
    """Every token, likeliest first, and whether it is a word."""
    order: list[int] = np.argsort(-probabilities, kind="stable").tolist()
    for start in range(0, len(order), _AT_ONCE):
        ids = order[start : start + _AT_ONCE]
        for token in head.tokens(ids):
            yield token.id, not token.special and _is_word(word_of(head.decode([token.id])))


def _is_word(word: str) -> bool:
    """Whether people can read a token as a word: not white space, nothing invisible, no part of a character."""
    return REPLACEMENT_CHARACTER not in word and bool(visible_text(word)) and _PLACEHOLDER.fullmatch(word) is None


def completed(
    request: FillRequest, guesses: list[list[tuple[str, float]]], truncated: bool, left_out: tuple[float, ...] = ()
) -> FillResult:
    """The result, from each mask's words and their probabilities, likeliest first."""
    best = [words[0][0] for words in guesses]
    masks = []
    for index, words in enumerate(guesses):
        masks.append(
            tuple(
                Guess(word, probability, *_sentence(request.parts, [*best[:index], word, *best[index + 1 :]], index))
                for word, probability in words
            )
        )
    return FillResult(tuple(masks), _sentence(request.parts, best, 0)[0], truncated, left_out)


def _sentence(parts: tuple[str, ...], words: list[str], index: int) -> tuple[str, int]:
    """The text with words in its masks, and where the word of one mask begins."""
    pieces = [parts[0]]
    place = 0
    for position, (word, part) in enumerate(zip(words, parts[1:], strict=True)):
        if position == index:
            place = sum(map(len, pieces))
        pieces += [word, part]
    return "".join(pieces), place


def word_of(token: str) -> str:
    """A token as people read it: WordPiece marks the inside of a word with ##, BPE the start of one with a space."""
    return token.strip().removeprefix("##")


CONTEXT = "The sky is blue. Madrid is the capital of Spain. "
"""Stands before the text while it is weighed: a model that starts with nothing guesses wildly."""
CLOZE = (
    "Q: The sky is ___.\nA: blue\nQ: ___ is the capital of Spain.\nA: Madrid\nQ: The ___ swims in the sea.\nA: fish\n"
    "Q: {}\nA:"
)
"""Shows the model what comes after the mask, before it must propose a word."""
FROM_LEFT, FROM_CLOZE = 30, 25
CLOZE_WEIGHT = 0.25
LEFT_TOKENS, RIGHT_TOKENS = 256, 48
"""How much of the text around a mask is weighed: words depend on their neighbourhood. No more than an eighth of the
context stands to the right."""
WORD_TOKENS = 24
"""Room for a proposed word: one token, and in capitals perhaps one per letter."""

_WHOLE_WORDS: Calibration[npt.NDArray[np.int64]] = Calibration("fill")

_WHOLE_WORD = re.compile(r" (?:[^\W\d_]{2,}|[aAI])")


@dataclass(frozen=True)
class Proposal:
    """A word that a causal language model proposes for a mask.

    Attributes:
        sentence: log-probability of the sentence with this word in the mask.
        as_answer: log-probability of the word as the answer to the question.
        probability: its share among all proposals.
    """

    word: str
    sentence: float
    as_answer: float
    probability: float


@dataclass(frozen=True)
class WeighedMask:
    """How a causal language model fills a mask.

    Attributes:
        left: what the model reads before the mask.
        question: what it reads to learn what stands after the mask.
        proposals: likeliest first.
        truncated: whether the context is too short for all of the text that matters.
    """

    left: str
    question: str
    proposals: tuple[Proposal, ...]
    truncated: bool


def weigh_sentences(head: CausalLM, request: FillRequest) -> TaskRun[FillResult]:
    """By a causal language model: which word makes the whole sentence likeliest? Masks are filled from left to right.

    Words are proposed from what stands before the mask, and from a question that shows what stands after it; each is
    put into the sentence, and the sentences' log-probabilities are compared. Probabilities are shared among the
    proposed words.
    """
    masks = yield from weighed_masks(head, request)
    guesses = [[(one.word, one.probability) for one in mask.proposals[: request.top_k]] for mask in masks]
    return completed(request, guesses, any(mask.truncated for mask in masks))


def weighed_masks(head: CausalLM, request: FillRequest, *, alone: bool = False) -> TaskRun[list[WeighedMask]]:
    """How `weigh_sentences` comes to its answer.

    Args:
        alone: keep other requests out of the batches.
    """
    before, masks = request.parts[0], list[WeighedMask]()
    for after in request.parts[1:]:
        near_before, near_after, cut = _neighbourhood(head, before, after.rstrip())
        left, question = _left(near_before), _question(near_before, near_after)
        proposals = yield from _weigh_one(
            head, left, question, near_after, capital=_starts_sentence(before), alone=alone
        )
        masks.append(WeighedMask(left, question, proposals, cut))
        before += proposals[0].word + after
    return masks


def _neighbourhood(head: CausalLM, before: str, after: str) -> tuple[str, str, bool]:
    """What is read of the text around a mask, and whether the model's context is too short for all that matters."""
    near_before, wanted = head.ending(before, LEFT_TOKENS), head.beginning(after, RIGHT_TOKENS)
    near_after = head.beginning(wanted, head.context_length // 8)
    tail = WORD_TOKENS + len(head.encode_rest(near_after))
    near_before, cut = head.fit(
        near_before,
        lambda text: max(len(head.encode(CONTEXT + text)) + tail, len(head.encode(_question(text, near_after)))),
        keep_end=True,
    )
    return near_before, near_after, cut or near_after != wanted


def _left(before: str) -> str:
    return (CONTEXT + before).rstrip()


def _question(before: str, after: str) -> str:
    return CLOZE.format(before + BLANK + after)


def _weigh_one(
    head: CausalLM, left: str, question: str, after: str, *, capital: bool, alone: bool
) -> TaskRun[tuple[Proposal, ...]]:
    """Words for one mask, likeliest first."""
    before = head.encode(left)
    from_left, from_cloze = yield from head.next_token(
        [head.continuations(before, [(0,)]), head.continuations(head.encode(question), [(0,)])], alone=alone
    )
    proposed = _proposals(head, from_left, from_cloze, capital=capital)
    words = list(proposed)
    sentences = [head.encode_rest(f" {word}{after}") for word in words]
    [found] = yield from head.score([head.continuations(before, sentences)], alone=alone)
    weights = [one.sum() for one in found]
    shares = softmax([weight + CLOZE_WEIGHT * proposed[word] for word, weight in zip(words, weights, strict=True)])
    weighed = [
        Proposal(word, float(weight), proposed[word], float(share))
        for word, weight, share in zip(words, weights, shares, strict=True)
    ]
    return tuple(sorted(weighed, key=lambda one: -one.probability))


def _proposals(head: CausalLM, from_left: Floats, from_cloze: Floats, *, capital: bool) -> dict[str, float]:
    """Words that may be meant, each with its log-probability as the answer to the question."""
    allowed = _whole_words(head)
    tokens: list[int] = []
    for log_probs, number in ((from_left, FROM_LEFT), (from_cloze, FROM_CLOZE)):
        order = np.argsort(-log_probs[allowed], kind="stable")[:number]
        tokens += [int(allowed[place]) for place in order]
    proposed: dict[str, float] = {}
    for token in dict.fromkeys(tokens):
        word = head.decode([token]).strip()
        word = word[0].upper() + word[1:] if capital else word
        proposed[word] = max(proposed.get(word, -np.inf), float(from_cloze[token]))
    return proposed


def _whole_words(head: CausalLM) -> npt.NDArray[np.int64]:
    """The tokens that are a whole word with a space before it.

    Raises:
        ModelUnavailable: the vocabulary has none, so this checkpoint cannot fill masks.
    """
    if _WHOLE_WORDS not in head.calibrations:
        texts = head.decode_each(range(head.vocabulary_size))
        head.calibrations[_WHOLE_WORDS] = np.array([token for token, text in enumerate(texts) if _is_whole_word(text)])
    allowed = head.calibrations[_WHOLE_WORDS]
    if not len(allowed):
        raise ModelUnavailable("The checkpoint that is set for /fill has no whole words in its vocabulary.")
    return allowed


def _is_whole_word(text: str) -> bool:
    return _WHOLE_WORD.fullmatch(text) is not None and visible_text(text) == text[1:]


def _starts_sentence(before: str) -> bool:
    return not before.strip() or _FULL_STOP.search(before.rstrip()) is not None


TASK = Task("fill", FillRequest, {HeadKind.MASKED_LM: unmask, HeadKind.CAUSAL_LM: weigh_sentences})

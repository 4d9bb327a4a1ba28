"""How an answer to `/answer` came about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from bot.inference.operations import TaskRun
from bot.inference.task import HeadKind
from bot.tasks import answer
from bot.tasks.answer import AnswerRequest, Location, Pointing
from bot.tasks.prompts import question_answering as prompted
from bot.tasks.prompts.question_answering import AnswerScore, WrittenAnswer
from bot.tasks.work.architecture import architecture
from bot.tasks.work.pieces import (
    Decision,
    Edge,
    EdgeLogits,
    EdgeToken,
    Piece,
    Prepared,
    Quotation,
    SpanCandidate,
    SpanCandidates,
    Tokens,
    WeighedAnswer,
    WeighedToken,
    WindowAnswer,
    WindowAnswers,
    Work,
)
from bot.tasks.work.pieces import Written as WrittenText
from bot.tasks.work.reading import hidden_states, tokens_read
from bot.tasks.work.request import Explain, Written
from bot.tasks.work.wording import MINUS, difference, number, sigmoid_of
from bot.tasks.work.written import check_vocabulary, continuations, numbered
from bot.text.quotes import QUOTED_SHARE, same_words

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.question_answering import QuestionAnswering

SPANS = 8
"""The likeliest spans that are named."""
ABSENT = "not in the text"
NEAREST = "Of several places, the one nearest to the question's words would be marked."


def explain_location(head: QuestionAnswering, request: AnswerRequest, written: Written = ()) -> TaskRun[Work]:
    """Open the answer of a question-answering head. Nothing was written."""
    made = yield from answer.location(head, request, alone=True)
    names = numbered("window", len(made.windows))
    best, name = made.windows[made.best], names[made.best]
    inputs = best.window.row.inputs
    states = yield from hidden_states(head, head.reading(inputs.ids, type_ids=inputs.type_ids), name)
    return Work(
        "answer",
        (
            Prepared((request.question, request.context), _paired(len(made.windows))),
            _tokens(head, made, names),
            architecture(head),
            *states,
            *_edges(head, best, name),
            _candidates(request, best, name),
            *_windows(request, made, names),
            _located(request, made),
        ),
    )


def _paired(windows: int) -> str:
    pair = "The model reads the question and the context as a pair."
    if windows == 1:
        return pair
    return (
        f"{pair} The context is longer than it reads at once, so it is read in {windows} windows, each with the whole "
        "question in front. Neighbouring windows overlap, so that an answer at a border is whole in one of them."
    )


def _tokens(head: QuestionAnswering, made: Location, names: Sequence[str]) -> Tokens:
    rows = [one.window.row.inputs.ids for one in made.windows]
    read = tokens_read(head, rows, names if len(names) > 1 else ())
    return replace(read, note=" ".join(filter(None, (_kinds(made.windows[made.best], names[made.best]), read.note))))


def _kinds(one: Pointing, name: str) -> str:
    """Which tokens are the context's, and how the model is told."""
    places = _context(one)
    where = f"Of {name}, the" if name else "The"
    context = f"{where} context's tokens are {places[0]} to {places[-1]}." if places else "The context has no tokens."
    kinds = one.window.row.inputs.type_ids
    if kinds is None:
        return f"{context} This model knows no token types: special tokens between the two texts tell them apart."
    runs = [(kind, [place for place, _ in run]) for kind, run in groupby(enumerate(kinds), key=lambda pair: pair[1])]
    if len(runs) == 1:
        return f"{context} All token types are {kinds[0]}: special tokens between the two texts tell them apart."
    said = ", ".join(f"{kind} for the tokens {run[0]} to {run[-1]}" for kind, run in runs)
    return f"{context} The token types tell the model so: {said}."


def _context(one: Pointing) -> list[int]:
    """The places of the context's tokens in a window."""
    return [place for place, characters in enumerate(one.window.spans) if characters is not None]


def _edges(head: QuestionAnswering, one: Pointing, name: str) -> Iterator[EdgeLogits]:
    tokens = head.tokens(one.window.row.inputs.ids)
    allowed = [0, *_context(one)]
    for side, edge in enumerate((Edge.START, Edge.END)):
        logits, probabilities = one.logits[side], one.probabilities[side]
        yield EdgeLogits(
            edge=edge,
            window=name,
            tokens=tuple(
                EdgeToken(place, tokens[place], float(logits[place]), float(probabilities[place])) for place in allowed
            ),
            chosen=None if one.borders is None else allowed.index(one.borders[side]),
            masked=len(tokens) - len(allowed),
        )


def _candidates(request: AnswerRequest, one: Pointing, name: str) -> SpanCandidates:
    together = answer.spans(one.probabilities, one.window.spans)
    order = np.argsort(-together, axis=None, kind="stable")[:SPANS]
    pairs = [divmod(int(place), together.shape[1]) for place in order]
    start, end = one.probabilities
    return SpanCandidates(
        window=name,
        candidates=tuple(
            SpanCandidate(
                _quote(request, one, first, last),
                first,
                last,
                float(start[first]),
                float(end[last]),
                float(together[first, last]),
            )
            for first, last in pairs
            if together[first, last] > 0
        ),
        absent=SpanCandidate(ABSENT, 0, 0, float(start[0]), float(end[0]), one.absent),
        how=_characters(request, one),
    )


def _quote(request: AnswerRequest, one: Pointing, first: int, last: int) -> str:
    span = answer.span_of(one.window, first, last)
    return request.context[span.start : span.end]


def _characters(request: AnswerRequest, one: Pointing) -> str:
    """How the tokens of the likeliest span became characters."""
    rules = (
        f"A span has {answer.ANSWER_TOKENS} tokens at most, and does not end before it begins. Token 0 alone stands "
        f"for “{ABSENT}”."
    )
    if one.borders is None:
        return f"{rules} Here no span has a probability."
    (first, last), span = one.borders, one.span
    which = f"Token {first} stands" if first == last else f"Tokens {first} to {last} stand"
    return (
        f"{rules} The tokenizer remembers which characters each token stands for. {which} for the characters "
        f"{span.start} to {span.end - 1} of the context (counted from 0; half words are widened to whole ones): "
        f"“{request.context[span.start : span.end]}”."
    )


def _windows(request: AnswerRequest, made: Location, names: Sequence[str]) -> Iterator[WindowAnswers]:
    if len(names) == 1:
        return
    rows = tuple(
        WindowAnswer(name, request.context[one.span.start : one.span.end], one.probability, one.absent)
        for name, one in zip(names, made.windows, strict=True)
    )
    best, least = rows[made.best], rows[made.least]
    yield WindowAnswers(
        rows,
        f"The likeliest answer of all windows is that of {best.name}, with {number(best.probability)}. A window "
        f"without the answer rightly says “{ABSENT}”, so of these probabilities the smallest counts: "
        f"{number(least.absent)}, in {least.name}.",
    )


def _located(request: AnswerRequest, made: Location) -> Decision:
    best, absent = made.windows[made.best], made.windows[made.least].absent
    text = request.context[best.span.start : best.span.end]
    if absent > best.probability:
        text, probability = ABSENT, absent
    else:
        probability = best.probability
    return Decision(
        f"The likeliest span has {number(best.probability)}, and “{ABSENT}” {number(absent)}, so the answer is "
        f"“{text}”. The two need not add up to 1, because there are other spans.",
        text,
        probability,
    )


def explain_writing(head: CausalLM, request: AnswerRequest, written: Written = ()) -> TaskRun[Work]:
    """Open the answer of a causal language model.

    Args:
        written: the answer's token ids; where there are none, it is written first.

    Raises:
        InvalidRequest: the checkpoint cannot have written it.
    """
    from bot.inference.heads.generation.sampling import Sampling

    ids = tuple(token for text in written for token in text)
    check_vocabulary(head, ids)
    made = yield from prompted.written_answer(head, request.question, request.context, ids, alone=True)
    truncated = "the end of the context" if made.truncated else None
    pieces = yield from continuations(head, made.prompt, [made.ids], Sampling.likeliest(), truncated=truncated)
    prompt = prompted.PROMPT.format(context=made.context, question=request.question)
    weighed = () if made.score is None else (_weighed(head, made.score),)
    return Work(
        "answer",
        (
            Prepared((prompt,), _shown()),
            *(_ended(head, piece) for piece in pieces),
            _quotation(head, request, made),
            *weighed,
            _weighed_decision(made),
        ),
    )


def _shown() -> str:
    return (
        "A language model cannot point at a place, it only goes on with a text. So the context and the question stand "
        "behind two texts with answered questions, which also show what to write where there is no answer: "
        f"“{prompted.NO_ANSWER}”."
    )


def _ended(head: CausalLM, piece: Piece) -> Piece:
    """A line break ends an answer too."""
    if not isinstance(piece, WrittenText) or piece.ended:
        return piece
    return replace(piece, ended="\n" in head.decode([one.token.id for one in piece.tokens]))


def _quotation(head: CausalLM, request: AnswerRequest, made: WrittenAnswer) -> Quotation:
    line = prompted.first_line(head, made.ids).strip()
    if made.span is None:
        return Quotation(line, made.text, "", _unmarked(made))
    quote = request.context[made.span.start : made.span.end]
    where = f"the characters {made.span.start} to {made.span.end - 1} (counted from 0)"
    if same_words(quote, made.text):
        how = f"The answer stands in the context: {where}."
    else:
        how = (
            "The context does not say it in exactly these words. Of the answer's words, the longest run that stands in "
            f"the context is marked there, {where}. It has to have {QUOTED_SHARE:.0%} of the answer's letters, and all "
            "of its numbers."
        )
    return Quotation(line, made.text, quote, f"{how} {NEAREST}")


def _unmarked(made: WrittenAnswer) -> str:
    if not made.text:
        return "The model wrote nothing that could be looked for."
    if made.score is None:
        return "There is nothing to look for: by this line the model says that the text has no answer."
    return (
        f"No run of its words with {QUOTED_SHARE:.0%} of its letters and all of its numbers stands in the context, so "
        "these are the model's own words, and nothing is marked."
    )


def _weighed(head: CausalLM, made: AnswerScore) -> WeighedAnswer:
    rows = zip(head.tokens(made.answer), made.after.tolist(), made.usual.tolist(), strict=True)
    after, usual = float(made.after.sum()), float(made.usual.sum())
    gain = after - usual
    argument = f"{number(gain)} {MINUS} {made.needed:g}"
    return WeighedAnswer(
        tokens=tuple(WeighedToken(*row) for row in rows),
        neutral=prompted.NEUTRAL,
        how=(
            f"The context makes the answer likelier by {difference(after, usual)} = {number(gain)}. For an even chance "
            f"that has to be {prompted.QUOTED_GAIN:g} where the context says it so, and {prompted.OWN_GAIN:g} where "
            f"these are the model's own words; here it is {made.needed:g}. The probability of the answer is "
            f"{sigmoid_of(argument, made.probability)}, and the rest is that of “{ABSENT}”."
        ),
    )


def _weighed_decision(made: WrittenAnswer) -> Decision:
    if made.score is None:
        said = f"wrote “{made.text}”" if made.text else "wrote nothing"
        return Decision(f"The model {said}, so the answer is “{ABSENT}”.", ABSENT, 1.0)
    probability = made.score.probability
    if 1 - probability > probability:
        return Decision(
            f"That is less than an even chance for “{made.text}”, so the answer is “{ABSENT}”.",
            ABSENT,
            1 - probability,
        )
    return Decision(f"The context speaks for it, so the answer is “{made.text}”.", made.text, probability)


EXPLANATIONS: Mapping[HeadKind, Explain] = {
    HeadKind.QUESTION_ANSWERING: explain_location,
    HeadKind.CAUSAL_LM: explain_writing,
}

"""How an answer to `/answer` came about that a causal language model has written."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from bot.inference.operations import TaskRun
from bot.inference.tokenization.tokens import Token
from bot.tasks.answer import AnswerRequest
from bot.tasks.prompts import question_answering as prompted
from bot.tasks.prompts.question_answering import AnswerScore, WrittenAnswer
from bot.tasks.work.answer import ABSENT
from bot.tasks.work.blocks import Bars, Block, Explanation, Page, Quote, column, table
from bot.tasks.work.pages import decided, decision_page, explanation, page, text_page
from bot.tasks.work.request import WrittenIds
from bot.tasks.work.texts import Form, Number, Sentence, Text, general, lone, spaced
from bot.tasks.work.wording import in_brackets, later, sentence
from bot.tasks.work.writing_evidence import postponed_writing
from bot.tasks.work.written import check_vocabulary, continuations
from bot.text.quotes import QUOTED_SHARE, same_words

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM


def explain_writing(head: CausalLM, request: AnswerRequest, written: WrittenIds = ()) -> TaskRun[Explanation]:
    """Open the answer of a causal language model."""
    from bot.inference.heads.generation.sampling import Sampling

    ids = tuple(token for text in written for token in text)
    check_vocabulary(head, ids)
    made = yield from prompted.written_answer(head, request.question, request.context, ids, alone=True)
    truncated = partial(sentence, "reading.end-of-context") if made.truncated else None
    pages, certainty = yield from continuations(
        head, made.prompt, [made.ids], Sampling.likeliest(), truncated=truncated, stop="\n"
    )
    how = sentence("answer_written.prompted", no_answer=prompted.NO_ANSWER)
    line = prompted.first_line(head, made.ids).strip()
    return explanation(
        text_page(how, prompted.PROMPT.format(context=made.context, question=request.question)),
        *pages,
        *postponed_writing(made.context, made.ids),
        quotation_page(request.context, line, made),
        *([] if made.score is None else [weighed_answer_page(head.tokens(made.score.answer), made.score)]),
        decision_page((certainty,), *_decision(made)),
    )


def quotation_page(context: str, line: str, made: WrittenAnswer) -> Page:
    """Show where a written answer stands in the context; the line is as the model wrote it."""
    quote = "" if made.span is None else context[made.span.start : made.span.end]
    tidied = "" if made.text == line else made.text
    texts = ((later("Written:"), line), (later("Tidied up:"), tidied), (later("Marked in the context:"), quote))
    shown = [(name, Quote(one)) for name, one in texts if one.strip()]
    return page("quotation", *(block for pair in shown for block in pair), _marked(quote, made))


def _marked(quote: str, made: WrittenAnswer) -> Sentence | tuple[Text, ...]:
    """Say why this part of the context is marked, or why none."""
    share = Number(QUOTED_SHARE, Form.WHOLE_PERCENT)
    if not made.text:
        return sentence("answer_written.nothing")
    if made.score is None:
        return sentence("answer_written.absent")
    if made.span is None:
        return sentence("answer_written.own-words", share=share)
    place = {"start": made.span.start, "end": made.span.end - 1}
    if same_words(quote, made.text):
        said = sentence("answer_written.quoted", **place)
    else:
        said = sentence("answer_written.longest-run", **place, share=share)
    return spaced(said, sentence("answer_written.nearest"))


def weighed_answer_page(tokens: Sequence[Token], made: AnswerScore) -> Page:
    """Show by how much the context makes a written answer likelier."""
    after, usual = made.after.tolist(), made.usual.tolist()
    gains = tuple(one - other for one, other in zip(after, usual, strict=True))
    total, base = float(made.after.sum()), float(made.usual.sum())
    return page(
        "weighed-answer",
        later("log p of the answer's tokens after the context, after the neutral text (base), and the difference:"),
        table(
            column("log p", after, Form.TWO, sum(after)),
            column(later("base"), usual, Form.TWO, sum(usual)),
            # Translators: what the context adds; the title of a narrow column of numbers.
            column(later("gain"), gains, Form.SIGNED_TWO, sum(after) - sum(usual)),
            column(later("token"), tokens, total=later("sum")),
        ),
        sentence(
            "answer_written.weighed",
            after=total,
            usual=in_brackets(base),
            gain=total - base,
            quoted=general(prompted.QUOTED_GAIN),
            own=general(prompted.OWN_GAIN),
            needed=general(made.needed),
            probability=made.probability,
        ),
        later("The neutral text:"),
        Quote(prompted.NEUTRAL),
        picture=Bars(
            later("What the context adds to each token's log p"), tuple(map(lone, tokens)), gains, probabilities=False
        ),
    )


def _decision(made: WrittenAnswer) -> tuple[Block, ...]:
    if made.score is None:
        if made.text:
            wrote = later("The model wrote “{text}”, so the answer is “{absent}”.", text=made.text, absent=ABSENT)
        else:
            wrote = later("The model wrote nothing, so the answer is “{absent}”.", absent=ABSENT)
        return decided(wrote, ABSENT, 1.0)
    probability = made.score.probability
    if 1 - probability > probability:
        said = later(
            "That is less than an even chance for “{text}”, so the answer is “{absent}”.",
            text=made.text,
            absent=ABSENT,
        )
        return decided(said, ABSENT, 1 - probability)
    said = later("The context speaks for it, so the answer is “{text}”.", text=made.text)
    return decided(said, made.text, probability)

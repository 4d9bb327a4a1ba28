"""How an answer to `/answer` came about that a causal language model has written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.inference.operations import TaskRun
from bot.inference.tokenization.tokens import Token
from bot.tasks.answer import AnswerRequest
from bot.tasks.prompts import question_answering as prompted
from bot.tasks.prompts.question_answering import AnswerScore, WrittenAnswer
from bot.tasks.work.answer import ABSENT
from bot.tasks.work.blocks import Bars, Block, Explanation, Form, Page, Quote, column, lone, table
from bot.tasks.work.pages import decided, decision_page, explanation, page, text_page
from bot.tasks.work.request import WrittenIds
from bot.tasks.work.wording import MINUS, difference, number, sigmoid_of
from bot.tasks.work.written import check_vocabulary, continuations
from bot.text.quotes import QUOTED_SHARE, same_words

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM

NEAREST = "Of several places, the one nearest to the question's words would be marked."
SHOWN = (
    "A language model cannot point at a place, it only goes on with a text. So the context and the question stand "
    "behind two texts with answered questions, which also show what to write where there is no answer: "
    f"“{prompted.NO_ANSWER}”."
)


def explain_writing(head: CausalLM, request: AnswerRequest, written: WrittenIds = ()) -> TaskRun[Explanation]:
    """Open the answer of a causal language model.

    Args:
        written: the answer's token ids; without any, it is written first.

    Raises:
        InvalidRequest: the checkpoint cannot have written it.
    """
    from bot.inference.heads.generation.sampling import Sampling

    ids = tuple(token for text in written for token in text)
    check_vocabulary(head, ids)
    made = yield from prompted.written_answer(head, request.question, request.context, ids, alone=True)
    truncated = "the end of the context" if made.truncated else None
    pages, sentence = yield from continuations(
        head, made.prompt, [made.ids], Sampling.likeliest(), truncated=truncated, stop="\n"
    )
    return explanation(
        text_page(SHOWN, prompted.PROMPT.format(context=made.context, question=request.question)),
        *pages,
        _quotation(head, request, made),
        *([] if made.score is None else [_weighed(head, made.score)]),
        decision_page(sentence, *_decision(made)),
    )


def _quotation(head: CausalLM, request: AnswerRequest, made: WrittenAnswer) -> Page:
    line = prompted.first_line(head, made.ids).strip()
    if made.span is None:
        return quotation_page(line, made.text, "", _unmarked(made))
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
    return quotation_page(line, made.text, quote, f"{how} {NEAREST}")


def quotation_page(line: str, text: str, quote: str, how: str) -> Page:
    """Show where a written answer stands in the context.

    Args:
        line: as the model wrote it.
        text: the line, tidied up.
        quote: the part of the context that is marked; "" for none.
        how: why that one, or why none.
    """
    texts = {"Written": line, "Tidied up": "" if text == line else text, "Marked in the context": quote}
    shown = [(f"{name}:", Quote(one)) for name, one in texts.items() if one.strip()]
    return page("quotation", *(block for pair in shown for block in pair), how)


def _unmarked(made: WrittenAnswer) -> str:
    if not made.text:
        return "The model wrote nothing that could be looked for."
    if made.score is None:
        return "There is nothing to look for: by this line the model says that the text has no answer."
    return (
        f"No run of its words with {QUOTED_SHARE:.0%} of its letters and all of its numbers stands in the context, so "
        "these are the model's own words, and nothing is marked."
    )


def _weighed(head: CausalLM, made: AnswerScore) -> Page:
    after, usual = float(made.after.sum()), float(made.usual.sum())
    gain = after - usual
    argument = f"{number(gain)} {MINUS} {made.needed:g}"
    how = (
        f"The context makes the answer likelier by {difference(after, usual)} = {number(gain)}. For an even chance "
        f"that has to be {prompted.QUOTED_GAIN:g} where the context says it so, and {prompted.OWN_GAIN:g} where these "
        f"are the model's own words; here it is {made.needed:g}. The probability of the answer is "
        f"{sigmoid_of(argument, made.probability)}, and the rest is that of “{ABSENT}”."
    )
    return weighed_answer_page(
        head.tokens(made.answer), made.after.tolist(), made.usual.tolist(), prompted.NEUTRAL, how
    )


def weighed_answer_page(
    tokens: Sequence[Token], after: Sequence[float], usual: Sequence[float], neutral: str, how: str
) -> Page:
    """Show by how much the context makes a written answer likelier.

    Args:
        after: each token's log-probability after the context.
        usual: the same after a text that says nothing about it.
        neutral: that text.
        how: how the probability comes about, with the constants.
    """
    gains = tuple(one - other for one, other in zip(after, usual, strict=True))
    title = "What the context adds to each token's log p"
    return page(
        "weighed-answer",
        "log p of the answer's tokens after the context, after the neutral text (base), and the difference:",
        table(
            column("log p", after, Form.TWO, sum(after)),
            column("base", usual, Form.TWO, sum(usual)),
            column("gain", gains, Form.SIGNED_TWO, sum(after) - sum(usual)),
            column("token", tokens, total="sum"),
        ),
        how,
        "The neutral text:",
        Quote(neutral),
        picture=Bars(title, tuple(map(lone, tokens)), gains, probabilities=False),
    )


def _decision(made: WrittenAnswer) -> tuple[Block, ...]:
    if made.score is None:
        said = f"wrote “{made.text}”" if made.text else "wrote nothing"
        return decided(f"The model {said}, so the answer is “{ABSENT}”.", ABSENT, 1.0)
    probability = made.score.probability
    if 1 - probability > probability:
        said = f"That is less than an even chance for “{made.text}”, so the answer is “{ABSENT}”."
        return decided(said, ABSENT, 1 - probability)
    return decided(f"The context speaks for it, so the answer is “{made.text}”.", made.text, probability)

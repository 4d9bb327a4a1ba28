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
from bot.tasks.work.wording import sentence
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
    truncated = "the end of the context" if made.truncated else None
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
        decision_page(certainty, *_decision(made)),
    )


def quotation_page(context: str, line: str, made: WrittenAnswer) -> Page:
    """Show where a written answer stands in the context; the line is as the model wrote it."""
    quote = "" if made.span is None else context[made.span.start : made.span.end]
    texts = {"Written": line, "Tidied up": "" if made.text == line else made.text, "Marked in the context": quote}
    shown = [(f"{name}:", Quote(one)) for name, one in texts.items() if one.strip()]
    return page("quotation", *(block for pair in shown for block in pair), _marked(quote, made))


def _marked(quote: str, made: WrittenAnswer) -> str:
    """Say why this part of the context is marked, or why none."""
    if not made.text:
        return sentence("answer_written.nothing")
    if made.score is None:
        return sentence("answer_written.absent")
    if made.span is None:
        return sentence("answer_written.own-words", share=QUOTED_SHARE)
    where = f"the characters {made.span.start} to {made.span.end - 1} (counted from 0)"
    key = "answer_written.quoted" if same_words(quote, made.text) else "answer_written.longest-run"
    return f"{sentence(key, where=where, share=QUOTED_SHARE)} {sentence('answer_written.nearest')}"


def weighed_answer_page(tokens: Sequence[Token], made: AnswerScore) -> Page:
    """Show by how much the context makes a written answer likelier."""
    after, usual = made.after.tolist(), made.usual.tolist()
    gains = tuple(one - other for one, other in zip(after, usual, strict=True))
    sums = {"after": float(made.after.sum()), "usual": float(made.usual.sum())}
    constants = {"quoted": prompted.QUOTED_GAIN, "own": prompted.OWN_GAIN, "needed": made.needed}
    return page(
        "weighed-answer",
        "log p of the answer's tokens after the context, after the neutral text (base), and the difference:",
        table(
            column("log p", after, Form.TWO, sum(after)),
            column("base", usual, Form.TWO, sum(usual)),
            column("gain", gains, Form.SIGNED_TWO, sum(after) - sum(usual)),
            column("token", tokens, total="sum"),
        ),
        sentence(
            "answer_written.weighed",
            **(sums | constants),
            gain=sums["after"] - sums["usual"],
            probability=made.probability,
        ),
        "The neutral text:",
        Quote(prompted.NEUTRAL),
        picture=Bars(
            "What the context adds to each token's log p", tuple(map(lone, tokens)), gains, probabilities=False
        ),
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

"""What a model reads before it writes, as a function of the text that a request is about: as in the command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from bot.inference.requests import Request
from bot.tasks import chat, complete, generate, translate
from bot.tasks.answer import AnswerRequest
from bot.tasks.prompts import question_answering
from bot.tasks.summarize import SummarizeRequest, summarizer_of
from bot.tasks.translate import TranslateRequest
from bot.tasks.translation.drafting import Drafting
from bot.tasks.translation.phrasebook import dictionary
from bot.tasks.work.word_evidence import about_text

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.generation.token_logprobs import ForcedText
    from bot.inference.heads.seq2seq_lm import Seq2SeqLM

Reading: TypeAlias = Callable[[str], "tuple[tuple[int, ...], tuple[int, ...]]"]
"""Returns the decoder's tokens before the first written one, and the encoder's, if there is one.

Its argument is a part of a request's text, or of what was written before, and may be empty.
"""


def reading_of(head: CausalLM | Seq2SeqLM, request: Request[Any]) -> Reading:
    """Return how a command reads a text; whatever does not depend on the text is worked out once."""
    from bot.inference.heads.causal_lm import CausalLM

    if isinstance(head, CausalLM):
        ids = _prompt(head, request)
        # Many models begin texts without a token of their own, but none can write after nothing at all.
        return lambda text: (ids(text) or (_first_token(head),), ())
    row = _source(head, request)

    def read(text: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        inputs = row(text).inputs
        return inputs.start, inputs.ids

    return read


def forced(reading: Reading, text: str, written: Sequence[int]) -> ForcedText:
    """Return the teacher forcing of a written text behind what is read of another one."""
    from bot.inference.heads.generation.sampling import Sampling
    from bot.inference.heads.generation.token_logprobs import ForcedText

    start, source = reading(text)
    return ForcedText(start, tuple(written), Sampling.likeliest(), source)


def _prompt(head: CausalLM, request: Request[Any]) -> Callable[[str], tuple[int, ...]]:
    match request:
        case generate.GenerateRequest():
            return lambda text: generate.read_prompt(head, about_text(request, text, "prompt")).ids
        case complete.CompleteRequest():
            return lambda text: complete.read_prompt(head, about_text(request, text, "code")).ids
        case chat.ChatRequest():
            return lambda text: chat.read_prompt(head, about_text(request, text, "message"))[0]
        case AnswerRequest(question=question):
            return lambda text: head.encode(question_answering.PROMPT.format(context=text, question=question))
        case TranslateRequest():
            spoken = Drafting.of(head, request.text, request.source, request.target).languages
            return lambda text: head.encode(dictionary(text, spoken.source, spoken.target))
    assert isinstance(request, SummarizeRequest)
    summarizer = summarizer_of(head, request)
    return lambda text: summarizer.row(text, 1).inputs.prompt


def _source(head: Seq2SeqLM, request: Request[Any]) -> Callable[[str], Any]:
    """Return the row of `rewrite` of a text."""
    if isinstance(request, TranslateRequest):
        # Of the whole text: a word of it may look like another language.
        spoken = request.languages(head.languages)
        return partial(translate.encode, head, source=spoken.source, target=spoken.target)
    assert isinstance(request, SummarizeRequest)
    return partial(summarizer_of(head, request).row, most=1)


def _first_token(head: CausalLM) -> int:
    first = head.tokenizer.bos_token_id
    return int(min(head.end_ids, default=0) if first is None else first)

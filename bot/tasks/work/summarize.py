"""How an answer to `/summarize` came about. Its texts are read again, those about parts included."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.inference.operations import Row, TaskRun
from bot.tasks import summarize
from bot.tasks.prompts.chat_template import has_chat_template
from bot.tasks.summarization import summarizers
from bot.tasks.summarization.summarizers import EncoderDecoderSummarizer, PromptedSummarizer, Summarizer
from bot.tasks.summarize import Condensation, SummarizeRequest
from bot.tasks.work.blocks import Block, Explanation, Form, Page, column, table
from bot.tasks.work.ending import HALF, half_character
from bot.tasks.work.pages import decision_page, explanation, page, text_page
from bot.tasks.work.reading import read_page
from bot.tasks.work.recorded import Recorded
from bot.tasks.work.request import WrittenIds
from bot.tasks.work.written import PagesAndSentence, check_vocabulary, continuations, read_again, rewriting

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.generation.token_logprobs import ForcedText
    from bot.inference.heads.seq2seq_lm import Seq2SeqLM

MOST_OPENED = 6
"""Summaries of parts whose tokens are shown, on two pages each. Of more, only the texts are."""


@dataclass(frozen=True)
class Opener:
    """Opens what a summariser has written about one part.

    Attributes:
        told: how the model learns that it is to summarise.
        text: makes a part as the model is given it of the part and its row.
        read: the token ids of that.
        rereading: of a row and what was written about it.
        pages: of a row, what was written about it, and the part's name.
        left: whether batches are padded on the left.
    """

    head: CausalLM | Seq2SeqLM
    summarizer: Summarizer
    told: str
    text: Callable[[str, Row[Any]], str]
    read: Callable[[Row[Any]], tuple[int, ...]]
    rereading: Callable[[Row[Any], tuple[int, ...]], ForcedText]
    pages: Callable[[Row[Any], tuple[int, ...], str], TaskRun[PagesAndSentence]]
    left: bool


@dataclass(frozen=True)
class Summary:
    """A text that was written about a part.

    Attributes:
        name: of the part; "" where it is the only one of the last round.
    """

    name: str
    part: str
    row: Row[Any]
    written: summarizers.PartSummary


def explain_rewriting(head: Seq2SeqLM, request: SummarizeRequest, written: WrittenIds = ()) -> TaskRun[Explanation]:
    """Open the answer of an encoder-decoder.

    Args:
        written: token ids of each text, round by round; without any, they are written first.

    Raises:
        InvalidRequest: the checkpoint cannot have written them.
    """
    from bot.inference.heads.generation.sampling import Sampling
    from bot.inference.heads.generation.token_logprobs import ForcedText

    prefix = summarizers.summary_prefix(head)
    opener = Opener(
        head,
        EncoderDecoderSummarizer(head),
        told=f"“{prefix.strip()}” in front of the text tells the model what to do, as in its training."
        if prefix
        else "This checkpoint was trained to summarise, so the text goes to it as it is.",
        text=lambda part, row: prefix + part,
        read=lambda row: row.inputs.ids,
        rereading=lambda row, ids: ForcedText(row.inputs.start, ids, Sampling.likeliest(), row.inputs.ids),
        pages=lambda row, ids, name: rewriting(head, [row], [ids], name=name),
        left=False,
    )
    return (yield from _opened(opener, request, written))


def explain_drafts(head: CausalLM, request: SummarizeRequest, written: WrittenIds = ()) -> TaskRun[Explanation]:
    """Open the answer of a causal language model; as `explain_rewriting`."""
    from bot.inference.heads.generation.token_logprobs import ForcedText

    opener = Opener(
        head,
        PromptedSummarizer(head, request.length, summarize.MOST_NEW_TOKENS[request.length]),
        told="This checkpoint was trained to chat, so it is asked. An instruction and the text stand in the form that "
        "a user's message had in its training; the assistant's answer comes next."
        if has_chat_template(head)
        else f"A language model goes on with a text. So {len(summarizers.EXAMPLES)} texts with their summaries stand "
        "in front, and after the last “Summary:” a summary of this text is likely.",
        text=lambda part, row: head.decode(row.inputs.prompt, skip_special_tokens=False),
        read=lambda row: row.inputs.prompt,
        rereading=lambda row, ids: ForcedText(row.inputs.prompt, ids, row.inputs.sampling),
        # If the model was shown examples, a line break ends a text too.
        pages=lambda row, ids, name: continuations(
            head, row.inputs.prompt, [ids], row.inputs.sampling, name=name, stop=row.inputs.stop
        ),
        left=True,
    )
    return (yield from _opened(opener, request, written))


def _opened(opener: Opener, request: SummarizeRequest, written: WrittenIds) -> TaskRun[Explanation]:
    made = yield from _condensed(opener, request, written)
    summaries = list(_summaries(made))
    last = next(one for one in reversed(summaries) if one.written.ids)
    before = [one for one in summaries if one.written.ids and one is not last]
    parts = yield from _parts(opener, request, made, before)
    pages, sentence = yield from opener.pages(last.row, last.written.ids, last.name)
    return explanation(
        *parts,
        text_page(_told(opener, request, made), opener.text(last.part, last.row)),
        *pages,
        decision_page(sentence, _decision(opener.head, made)),
    )


def _condensed(opener: Opener, request: SummarizeRequest, written: WrittenIds) -> TaskRun[Condensation]:
    texts = written if written and written[-1] else written[:-1]  # the answer's text stands last, if there is one
    if not any(texts):
        return (yield from summarize.condensation(opener.summarizer, request, alone=True))
    check_vocabulary(opener.head, (token for text in texts for token in text))
    recorded = Recorded(opener.summarizer, texts)
    made = yield from summarize.condensation(recorded, request)
    recorded.check_all_was_said()
    return made


def _summaries(made: Condensation) -> Iterator[Summary]:
    """Yield all texts, in the order in which they were written."""
    for number, turn in enumerate(made.rounds, 1):
        for place, found in enumerate(zip(turn.parts, turn.rows, turn.summaries, strict=True), 1):
            of = f" of round {number}" if number > 1 else ""
            yield Summary("" if turn is made.last and len(turn.parts) == 1 else f"part {place}{of}", *found)


def _parts(
    opener: Opener, request: SummarizeRequest, made: Condensation, before: Sequence[Summary]
) -> TaskRun[tuple[Page, ...]]:
    """Show how a long text was read; nothing if it was read at once."""
    first = made.rounds[0]
    if len(first.parts) == 1:
        return ()
    text = text_page(_cut(opener, request, made), *first.parts)
    if not before:
        return (text, _rounds_page(opener, made, "Nothing was written about the other parts."))
    if len(before) > MOST_OPENED:
        how = f"The tokens of these {len(before)} texts are not shown one by one."
        return (text, _rounds_page(opener, made, how))
    texts = [opener.rereading(one.row, one.written.ids) for one in before]
    (*written, _), _ = yield from read_again(opener.head, texts, [one.name for one in before])
    rows = [opener.read(row) for row in first.rows]
    return (
        text,
        read_page(opener.head, rows, [f"part {place}" for place in range(1, len(rows) + 1)], left=opener.left),
        _rounds_page(opener, made, "The next pages show how each part's summary was written."),
        *written,
    )


def _cut(opener: Opener, request: SummarizeRequest, made: Condensation) -> str:
    what = "text has" if request.messages is None else "messages have"
    return (
        f"The {what} {made.source_tokens:,} tokens, and {opener.summarizer.room:,} at most are read at once. So there "
        f"are {len(made.rounds[0].parts)} parts of about the same length, which end where a line does if possible, "
        "else a sentence, else a word."
    )


def _rounds_page(opener: Opener, made: Condensation, how: str) -> Page:
    rounds = [
        [
            (opener.summarizer.count(part), one.tokens, one.text)
            for part, one in zip(turn.parts, turn.summaries, strict=True)
        ]
        for turn in made.rounds
    ]
    return rounds_page(rounds, how)


def rounds_page(rounds: Sequence[Sequence[tuple[int, int, str]]], how: str) -> Page:
    """Show how a text that is too long for one reading was summarised.

    Args:
        rounds: of each part in each round, the tokens that were read and written, and the summary. What was written in
            one round is read in the next.
        how: how the text was cut, and which texts are opened.
    """
    blocks: list[Block | str] = [how]
    for number, parts in enumerate(rounds, 1):
        noun = "part" if len(parts) == 1 else "parts"
        read, wrote, texts = zip(*parts, strict=True)
        blocks += [
            f"Round {number}: {len(parts):,} {noun}, with the tokens that were read and written.",
            table(
                column("part", range(1, len(parts) + 1)),
                column("read", read, Form.COUNT),
                column("wrote", wrote, Form.COUNT),
                column("summary", texts),
            ),
        ]
    return page("parts", *blocks)


def _told(opener: Opener, request: SummarizeRequest, made: Condensation) -> str:
    if len(made.rounds) > 1:
        return f"The text is now what was written about the parts, one behind the other. {opener.told}"
    if request.messages is not None:
        return f"The text is a line for each message, behind its writer's name. {opener.told}"
    return opener.told


def _decision(head: CausalLM | Seq2SeqLM, made: Condensation) -> str:
    """Say which of the last texts are the answer."""
    written = made.last.summaries
    text, _ = summarize.summary_of(written)
    if len(written) > 1:
        said = "The texts about the parts were not summarised again, so all of them are the answer."
    else:
        said = "The text that was written last is the answer." if len(made.rounds) > 1 else "This text is the answer."
    if any(one.circled for one in written):
        said = f"{said} The model went round in circles, and what it only says again is left out."
    if text != "\n".join(one.text for one in written if one.text):
        said = f"{said} Its last sentence was cut off at the length, and is left out."
    if any(half_character(head, one.ids) for one in written):
        said = f"{said} {HALF}"
    return f"{said} {made.source_tokens:,} tokens became {sum(one.tokens for one in written):,}."

"""How an answer to `/summarize` came about. Its texts are read again, those about parts included."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.inference.operations import TaskRun
from bot.tasks import summarize
from bot.tasks.prompts.chat_template import has_chat_template
from bot.tasks.summarization import summarizers
from bot.tasks.summarization.summarizers import EncoderDecoderSummarizer, PromptedSummarizer, Summarizer, SummaryRow
from bot.tasks.summarize import Condensation, SummarizeRequest
from bot.tasks.work.blocks import Explanation, Page, column, table
from bot.tasks.work.ending import half_character
from bot.tasks.work.pages import Shown, decision_page, explanation, page, text_page
from bot.tasks.work.reading import read_page
from bot.tasks.work.request import WrittenIds
from bot.tasks.work.stored_summaries import StoredSummaries
from bot.tasks.work.texts import Form, Sentence, Text, Words, grouped, spaced
from bot.tasks.work.wording import counted, later, sentence
from bot.tasks.work.writing_evidence import postponed_writing
from bot.tasks.work.written import PagesAndSentence, check, check_vocabulary, continuations, rewriting, token_pages

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.generation.token_logprobs import ForcedText
    from bot.inference.heads.seq2seq_lm import Seq2SeqLM

MOST_OPENED = 6
"""Summaries of parts whose tokens are shown, on two pages each. Of more, only the texts are."""


@dataclass(frozen=True)
class Opener:
    """Opens the summary of one part."""

    head: CausalLM | Seq2SeqLM
    summarizer: Summarizer
    told: Sentence
    """How the model learns that it is to summarise."""
    text: Callable[[str, SummaryRow], str]
    """The text that the model reads for a part and its row."""
    forced: Callable[[SummaryRow, tuple[int, ...]], ForcedText]
    """The teacher forcing of a row and its generated tokens."""
    pages: Callable[[SummaryRow, tuple[int, ...], Words], TaskRun[PagesAndSentence]]
    """The pages for a row, its generated tokens, and the part's name."""


@dataclass(frozen=True)
class Summary:
    """A part with its summary; its name is "" if it is the only one of the last round."""

    name: Words
    part: str
    row: SummaryRow
    written: summarizers.PartSummary


def explain_rewriting(head: Seq2SeqLM, request: SummarizeRequest, written: WrittenIds = ()) -> TaskRun[Explanation]:
    """Open the answer of an encoder-decoder; its token ids are those of each text, round by round."""
    from bot.inference.heads.generation.sampling import Sampling
    from bot.inference.heads.generation.token_logprobs import ForcedText

    prefix = summarizers.summary_prefix(head)
    opener = Opener(
        head,
        EncoderDecoderSummarizer(head),
        told=sentence("summarize.prefix", prefix=prefix.strip()) if prefix else sentence("summarize.no-prefix"),
        text=lambda part, row: prefix + part,
        forced=lambda row, ids: ForcedText(row.inputs.start, ids, Sampling.likeliest(), row.inputs.ids),
        pages=lambda row, ids, name: rewriting(head, [row], [ids], name=name),
    )
    return (yield from _opened(opener, request, written))


def explain_drafts(head: CausalLM, request: SummarizeRequest, written: WrittenIds = ()) -> TaskRun[Explanation]:
    """Open the answer of a causal language model; as `explain_rewriting`."""
    from bot.inference.heads.generation.token_logprobs import ForcedText

    chats, examples = has_chat_template(head), len(summarizers.EXAMPLES)
    opener = Opener(
        head,
        PromptedSummarizer(head, request.length, summarize.MOST_NEW_TOKENS[request.length]),
        told=sentence("summarize.asked") if chats else sentence("summarize.examples", examples=examples),
        text=lambda part, row: head.decode(row.inputs.prompt, skip_special_tokens=False),
        forced=lambda row, ids: ForcedText(row.inputs.prompt, ids, row.inputs.sampling),
        # If the model was shown examples, a line break ends a text too.
        pages=lambda row, ids, name: continuations(
            head, row.inputs.prompt, [ids], row.inputs.sampling, name=name, stop=row.inputs.stop
        ),
    )
    return (yield from _opened(opener, request, written))


def _opened(opener: Opener, request: SummarizeRequest, written: WrittenIds) -> TaskRun[Explanation]:
    made = yield from _condensed(opener, request, written)
    summaries = list(_summaries(made))
    # The last round may have been stopped before it wrote anything.
    last = next(one for one in reversed(summaries) if one.written.ids)
    before = [one for one in summaries if one.written.ids and one is not last]
    parts = yield from _parts(opener, request, made, before)
    pages, certainty = yield from opener.pages(last.row, last.written.ids, last.name)
    return explanation(
        *parts,
        text_page(_told(opener, request, made), opener.text(last.part, last.row)),
        *pages,
        *_postponed(request, made, last),
        decision_page((certainty,), (spaced(*_decision(opener.head, made)),)),
    )


def _postponed(request: SummarizeRequest, made: Condensation, one: Summary) -> tuple[Page, ...]:
    """Postpone which words of a part, or which of its messages, made the model write its summary."""
    by_lines = request.messages is not None and any(part is one.part for part in made.rounds[0].parts)
    return postponed_writing(one.part, one.written.ids, one.name, by_lines=by_lines)


def _condensed(opener: Opener, request: SummarizeRequest, written: WrittenIds) -> TaskRun[Condensation]:
    texts = written if written and written[-1] else written[:-1]  # the answer's text stands last, if there is one
    if not any(texts):
        return (yield from summarize.condensation(opener.summarizer, request, alone=True))
    check_vocabulary(opener.head, (token for text in texts for token in text))
    stored = StoredSummaries(opener.summarizer, texts)
    made = yield from summarize.condensation(stored, request)
    stored.check_all_were_taken()
    return made


def _summaries(made: Condensation) -> Iterator[Summary]:
    """Yield all summaries, in the order in which they were generated."""
    for number, one in enumerate(made.rounds, 1):
        for part, found in enumerate(zip(one.parts, one.rows, one.summaries, strict=True), 1):
            is_whole = one is made.last and len(one.parts) == 1
            yield Summary("" if is_whole else _part_name(part, number), *found)


def _part_name(part: int, number: int) -> Sentence:
    """Name a part of a round, both counted from 1."""
    if number == 1:
        return sentence("names.numbered", "part", number=part)
    return sentence("names.part-of-round", number=part, round=number)


def _parts(
    opener: Opener, request: SummarizeRequest, made: Condensation, before: Sequence[Summary]
) -> TaskRun[tuple[Page, ...]]:
    """Show how a long text was read; nothing if it was read at once."""
    first = made.rounds[0]
    if len(first.parts) == 1:
        return ()
    facts: dict[str, Text] = {
        "tokens": grouped(made.source_tokens),
        "room": grouped(opener.summarizer.room),
        "parts": len(first.parts),
    }
    key = "summarize.parts-of-text" if request.messages is None else "summarize.parts-of-messages"
    text = text_page(sentence(key, **facts), *first.parts)
    count = opener.summarizer.count
    if not before:
        return text, rounds_page(made, count, later("Nothing was written about the other parts."))
    if len(before) > MOST_OPENED:
        how = later("The tokens of these {number} texts are not shown one by one.", number=len(before))
        return text, rounds_page(made, count, how)
    texts = [opener.forced(one.row, one.written.ids) for one in before]
    check(opener.head, texts)
    found = yield from opener.head.token_log_probs([text.row for text in texts])
    (*written, _), _ = token_pages(opener.head, texts, found, [one.name for one in before])
    rows, names = (
        [opener.forced(row, ()) for row in first.rows],
        [_part_name(part, 1) for part in range(1, len(first.rows) + 1)],
    )
    return (
        text,
        read_page(opener.head, [row.source or row.prompt for row in rows], names),
        rounds_page(made, count, later("The next pages show how each part's summary was written.")),
        *written,
        *(page for one in before for page in _postponed(request, made, one)),
    )


def rounds_page(made: Condensation, count: Callable[[str], int], how: Words) -> Page:
    """Show how a text that is too long for one reading was summarised, round by round.

    Args:
        count: returns the number of a text's tokens.
        how: which summaries are opened.
    """
    blocks: list[Shown] = [how]
    for number, one in enumerate(made.rounds, 1):
        parts = len(one.parts)
        blocks += [
            counted("summarize.round", parts, number=number, parts=grouped(parts)),
            table(
                column(later("part"), range(1, parts + 1)),
                # Translators: tokens that were read, and written; titles of narrow columns.
                column(later("read"), map(count, one.parts), Form.COUNT),
                column(later("wrote"), (summary.tokens for summary in one.summaries), Form.COUNT),
                column(later("summary"), (summary.text for summary in one.summaries)),
            ),
        ]
    return page("parts", *blocks)


def _told(opener: Opener, request: SummarizeRequest, made: Condensation) -> Text:
    if len(made.rounds) > 1:
        return spaced(later("The text is now what was written about the parts, one behind the other."), opener.told)
    if request.messages is not None:
        return spaced(later("The text is a line for each message, behind its writer's name."), opener.told)
    return opener.told


def _decision(head: CausalLM | Seq2SeqLM, made: Condensation) -> Iterator[Sentence]:
    """Say which of the last texts are the answer."""
    written = made.last.summaries
    if len(written) > 1:
        yield later("The texts about the parts were not summarised again, so all of them are the answer.")
    elif len(made.rounds) > 1:
        yield later("The text that was written last is the answer.")
    else:
        yield later("This text is the answer.")
    if any(one.circled for one in written):
        yield later("The model went round in circles, and what it only says again is left out.")
    if summarize.summary_of(written)[0] != "\n".join(one.text for one in written if one.text):
        yield later("Its last sentence was cut off at the length, and is left out.")
    if any(half_character(head, one.ids) for one in written):
        yield sentence("ending.half")
    lengths = {"read": grouped(made.source_tokens), "wrote": grouped(sum(one.tokens for one in written))}
    yield later("{read} tokens became {wrote}.", **lengths)

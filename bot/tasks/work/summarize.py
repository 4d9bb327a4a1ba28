"""How an answer to `/summarize` came about. Its texts are read again, those about parts included; none is rewritten."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from bot.inference.operations import Row, TaskRun
from bot.inference.task import HeadKind
from bot.tasks import summarize
from bot.tasks.prompts.chat_template import has_chat_template
from bot.tasks.summarization import summarizers
from bot.tasks.summarization.summarizers import EncoderDecoderSummarizer, Length, PromptedSummarizer, Summarizer
from bot.tasks.summarize import Condensation, SummarizeRequest
from bot.tasks.work.endings import HALF, half_character
from bot.tasks.work.pieces import (
    Decision,
    Distribution,
    PartSummary,
    Piece,
    Prepared,
    SummaryRounds,
    Tokens,
    Work,
)
from bot.tasks.work.pieces import Written as WrittenText
from bot.tasks.work.reading import tokens_read
from bot.tasks.work.recorded import Recorded
from bot.tasks.work.request import Explain, Written
from bot.tasks.work.written import check_vocabulary, continuations, read_again, rewriting

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.generation.continuous_batching import Generation
    from bot.inference.heads.generation.source_text import SourceText
    from bot.inference.heads.generation.token_logprobs import ForcedText
    from bot.inference.heads.seq2seq_lm import Seq2SeqLM

MOST_OPENED = 6
"""Summaries of parts whose tokens are shown, on two pages each. Of more, only the texts are."""


class Opener(Protocol):
    """Opens what a summariser has written about one part.

    Attributes:
        summarizer: what has written it.
        left: whether its batches are padded on the left.
    """

    summarizer: Summarizer
    left: bool

    @property
    def head(self) -> CausalLM | Seq2SeqLM:
        """The summariser's."""
        ...

    def told(self) -> str:
        """A sentence on how the model learns that it is to summarise."""
        ...

    def text(self, part: str, row: Row[Any]) -> str:
        """A part as the model is given it."""
        ...

    def read(self, row: Row[Any]) -> tuple[int, ...]:
        """The token ids of that."""
        ...

    def rereading(self, row: Row[Any], ids: tuple[int, ...]) -> ForcedText:
        """What was written about it."""
        ...

    def pieces(self, row: Row[Any], ids: tuple[int, ...]) -> TaskRun[tuple[Piece, ...]]:
        """From the tokens that were read to those that were written."""
        ...


class RewriterOpener:
    """Of an encoder-decoder."""

    left = False

    def __init__(self, head: Seq2SeqLM) -> None:
        self.head = head
        self.summarizer: Summarizer = EncoderDecoderSummarizer(head)
        self._prefix = summarizers.summary_prefix(head)

    def told(self) -> str:
        if not self._prefix:
            return "This checkpoint was trained to summarise, so the text goes to it as it is."
        return f"“{self._prefix.strip()}” in front of the text tells the model what to do, as in its training."

    def text(self, part: str, row: Row[SourceText]) -> str:
        return self._prefix + part

    def read(self, row: Row[SourceText]) -> tuple[int, ...]:
        return row.inputs.ids

    def rereading(self, row: Row[SourceText], ids: tuple[int, ...]) -> ForcedText:
        from bot.inference.heads.generation.sampling import Sampling
        from bot.inference.heads.generation.token_logprobs import ForcedText

        return ForcedText(row.inputs.start, ids, Sampling.likeliest(), row.inputs.ids)

    def pieces(self, row: Row[SourceText], ids: tuple[int, ...]) -> TaskRun[tuple[Piece, ...]]:
        return (yield from rewriting(self.head, row, ids))


class DrafterOpener:
    """Of a causal language model."""

    left = True

    def __init__(self, head: CausalLM, length: Length) -> None:
        self.head = head
        self.summarizer: Summarizer = PromptedSummarizer(head, length, summarize.MOST_NEW_TOKENS[length])

    def told(self) -> str:
        if has_chat_template(self.head):
            return (
                "This checkpoint was trained to chat, so it is asked. An instruction and the text stand in the form "
                "that a user's message had in its training; the assistant's answer comes next."
            )
        return (
            f"A language model goes on with a text. So {len(summarizers.EXAMPLES)} texts with their summaries stand in "
            "front, and after the last “Summary:” a summary of this text is likely."
        )

    def text(self, part: str, row: Row[Generation]) -> str:
        return self.head.decode(row.inputs.prompt, skip_special_tokens=False)

    def read(self, row: Row[Generation]) -> tuple[int, ...]:
        return row.inputs.prompt

    def rereading(self, row: Row[Generation], ids: tuple[int, ...]) -> ForcedText:
        from bot.inference.heads.generation.token_logprobs import ForcedText

        return ForcedText(row.inputs.prompt, ids, row.inputs.sampling)

    def pieces(self, row: Row[Generation], ids: tuple[int, ...]) -> TaskRun[tuple[Piece, ...]]:
        found = yield from continuations(self.head, row.inputs.prompt, [ids], row.inputs.sampling)
        return tuple(self._ended(row, piece) for piece in found)

    def _ended(self, row: Row[Generation], piece: Piece) -> Piece:
        """A line break ends a text too where the model was shown examples."""
        if not isinstance(piece, WrittenText) or row.inputs.stop is None or piece.ended:
            return piece
        return replace(piece, ended=row.inputs.stop in self.head.decode([one.token.id for one in piece.tokens]))


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


def explain_rewriting(head: Seq2SeqLM, request: SummarizeRequest, written: Written = ()) -> TaskRun[Work]:
    """By an encoder-decoder.

    Args:
        written: token ids of each text, round by round; where there are none, they are written first.

    Raises:
        InvalidRequest: the checkpoint cannot have written them.
    """
    return (yield from _opened(RewriterOpener(head), request, written))


def explain_drafts(head: CausalLM, request: SummarizeRequest, written: Written = ()) -> TaskRun[Work]:
    """By a causal language model; as `explain_rewriting`."""
    return (yield from _opened(DrafterOpener(head, request.length), request, written))


def _opened(opener: Opener, request: SummarizeRequest, written: Written) -> TaskRun[Work]:
    made = yield from _condensed(opener, request, written)
    summaries = list(_summaries(made))
    last = next(one for one in reversed(summaries) if one.written.ids)
    before = [one for one in summaries if one.written.ids and one is not last]
    parts = yield from _parts(opener, request, made, before)
    pieces = yield from opener.pieces(last.row, last.written.ids)
    prepared = Prepared((opener.text(last.part, last.row),), _told(opener, request, made))
    return Work(
        "summarize",
        (*parts, prepared, *(_named(piece, last.name) for piece in pieces), Decision(_decision(opener.head, made))),
    )


def _condensed(opener: Opener, request: SummarizeRequest, written: Written) -> TaskRun[Condensation]:
    texts = written if written and written[-1] else written[:-1]  # the answer's text stands last, if there is one
    if not any(texts):
        return (yield from summarize.condensation(opener.summarizer, request, alone=True))
    check_vocabulary(opener.head, (token for text in texts for token in text))
    recorded = Recorded(opener.summarizer, opener.head, texts)
    made = yield from summarize.condensation(recorded, request)
    recorded.check_all_was_said()
    return made


def _summaries(made: Condensation) -> Iterator[Summary]:
    """All texts, in the order in which they were written."""
    for number, turn in enumerate(made.rounds, 1):
        for place, found in enumerate(zip(turn.parts, turn.rows, turn.summaries, strict=True), 1):
            of = f" of round {number}" if number > 1 else ""
            yield Summary("" if turn is made.last and len(turn.parts) == 1 else f"part {place}{of}", *found)


def _parts(
    opener: Opener, request: SummarizeRequest, made: Condensation, before: Sequence[Summary]
) -> TaskRun[tuple[Piece, ...]]:
    """How a long text was read: nothing where it was read at once."""
    first = made.rounds[0]
    if len(first.parts) == 1:
        return ()
    prepared = Prepared(first.parts, _cut(opener, request, made))
    if not before:
        return (prepared, _rounds(opener, made, "Nothing was written about the other parts."))
    if len(before) > MOST_OPENED:
        return (prepared, _rounds(opener, made, f"The tokens of these {len(before)} texts are not shown one by one."))
    texts = [opener.rereading(one.row, one.written.ids) for one in before]
    found = yield from read_again(opener.head, texts, [one.name for one in before])
    return (
        prepared,
        _tokens(opener, made),
        _rounds(opener, made, "The next pages show how each part's summary was written."),
        *(piece for piece in found if isinstance(piece, WrittenText)),
    )


def _tokens(opener: Opener, made: Condensation) -> Tokens:
    rows = [opener.read(row) for row in made.rounds[0].rows]
    return tokens_read(opener.head, rows, [f"part {place}" for place in range(1, len(rows) + 1)], left=opener.left)


def _cut(opener: Opener, request: SummarizeRequest, made: Condensation) -> str:
    what = "text has" if request.messages is None else "messages have"
    return (
        f"The {what} {made.source_tokens:,} tokens, and {opener.summarizer.room:,} at most are read at once. So there "
        f"are {len(made.rounds[0].parts)} parts of about the same length, which end where a line does if possible, "
        "else a sentence, else a word."
    )


def _rounds(opener: Opener, made: Condensation, how: str) -> SummaryRounds:
    rounds = tuple(
        tuple(
            PartSummary(opener.summarizer.count(part), one.tokens, one.text)
            for part, one in zip(turn.parts, turn.summaries, strict=True)
        )
        for turn in made.rounds
    )
    return SummaryRounds(rounds, how)


def _told(opener: Opener, request: SummarizeRequest, made: Condensation) -> str:
    if len(made.rounds) > 1:
        return f"The text is now what was written about the parts, one behind the other. {opener.told()}"
    if request.messages is not None:
        return f"The text is a line for each message, behind its writer's name. {opener.told()}"
    return opener.told()


def _named(piece: Piece, name: str) -> Piece:
    return replace(piece, name=name) if isinstance(piece, WrittenText | Distribution) else piece


def _decision(head: CausalLM | Seq2SeqLM, made: Condensation) -> str:
    """What of the last texts is the answer."""
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


EXPLANATIONS: Mapping[HeadKind, Explain] = {
    HeadKind.SEQ2SEQ_LM: explain_rewriting,
    HeadKind.CAUSAL_LM: explain_drafts,
}

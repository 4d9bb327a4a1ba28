"""`/summarize`: a long text in short."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bot.errors import InvalidRequest
from bot.inference.operations import TaskRun
from bot.inference.requests import Result
from bot.inference.task import HeadKind, Implementation, Task
from bot.locales.message import later
from bot.locales.values import later_whole
from bot.tasks.summarization.chunks import chunks
from bot.tasks.summarization.summarizers import (
    EncoderDecoderSummarizer,
    Length,
    PartSummary,
    PromptedSummarizer,
    Summarizer,
    SummaryRow,
)
from bot.tasks.text_request import TextRequest
from bot.tasks.translate import ONLY_TRANSLATORS
from bot.text.accepted import clean_text
from bot.text.characters import whole_characters
from bot.text.sentences import sentence_ends

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.seq2seq_lm import Seq2SeqLM

# Checkpoints that were trained on news may have a minimum of about 56.
MOST_NEW_TOKENS = {"short": 80, "medium": 130, "long": 260}


@dataclass(frozen=True)
class SummarizeResult(Result):
    """The summary."""

    text: str
    source_tokens: int
    tokens: int
    """Of the summary."""
    parts: int
    """Number of parts in which the text was read; the summaries of several were summarised again."""
    finished: bool
    """The summary comes to an end, rather than being cut off at its length."""
    general: bool
    """A general language model answered, rather than one made for summaries."""
    ids: tuple[int, ...] = ()
    """Generated tokens of the last round, and the one that ended them if one did; empty if it has several summaries."""
    drafts: tuple[tuple[int, ...], ...] = ()
    """The tokens of all other summaries, round by round."""

    @property
    def generated(self) -> tuple[tuple[int, ...], ...]:
        """The drafts, then the summary."""
        return (*self.drafts, self.ids)


@dataclass(frozen=True)
class SummarizeRequest(TextRequest[SummarizeResult]):
    """A text to summarise; raises `InvalidRequest` if it cannot be used."""

    LONGEST: ClassVar[int] = 40_000

    length: Length = "medium"
    messages: int | None = None
    """Number of a channel's messages that the text consists of, one a line; None for any other text."""
    file: str | None = None
    """Name of the text's file; None if it is not from a file."""

    def __post_init__(self) -> None:
        if self.messages is not None and len(self.text) > self.LONGEST:
            raise InvalidRequest(
                later(
                    "These {messages} messages have {number} characters, and I can read {longest} at most. Please "
                    "choose fewer `messages`.",
                    messages=self.messages,
                    number=later_whole(len(self.text)),
                    longest=later_whole(self.LONGEST),
                )
            )
        what = "text" if self.file is None else "file"
        object.__setattr__(self, "text", clean_text(self.text, what, self.LONGEST))
        if self.file is not None:  # a name that no JSON could hold would keep the answer from being stored
            object.__setattr__(self, "file", whole_characters(self.file))

    @property
    def quotes_channel(self) -> bool:
        """Whether the text consists of a channel's messages."""
        return self.messages is not None


@dataclass(frozen=True)
class Round:
    """Parts of the text, or of the previous round's summaries, that were summarised together."""

    parts: tuple[str, ...]
    rows: tuple[SummaryRow, ...]
    summaries: tuple[PartSummary, ...]


@dataclass(frozen=True)
class Condensation:
    """How a text was summarised."""

    source_tokens: int
    rounds: tuple[Round, ...]
    """At least one; the last one's summaries are the answer."""

    @property
    def last(self) -> Round:
        """The last round."""
        return self.rounds[-1]


def summarizer_of(head: CausalLM | Seq2SeqLM, request: SummarizeRequest) -> Summarizer:
    """Return a checkpoint's summariser."""
    from bot.inference.heads.seq2seq_lm import Seq2SeqLM

    if isinstance(head, Seq2SeqLM):
        return EncoderDecoderSummarizer(head)
    return PromptedSummarizer(head, request.length, MOST_NEW_TOKENS[request.length])


def summarize(head: CausalLM | Seq2SeqLM, request: SummarizeRequest) -> TaskRun[SummarizeResult]:
    """Answer by an encoder-decoder or a causal language model (see `condensation`)."""
    summarizer = summarizer_of(head, request)
    made = yield from condensation(summarizer, request)
    last = made.last.summaries
    text, finished = summary_of(last)
    earlier = made.rounds if len(last) > 1 else made.rounds[:-1]
    return SummarizeResult(
        text=text,
        source_tokens=made.source_tokens,
        tokens=sum(one.tokens for one in last),
        parts=len(made.rounds[0].parts),
        finished=finished,
        general=summarizer.general,
        ids=last[0].ids if len(last) == 1 else (),
        drafts=tuple(one.ids for done in earlier for one in done.summaries),
    )


def condensation(summarizer: Summarizer, request: SummarizeRequest, *, alone: bool = False) -> TaskRun[Condensation]:
    """Summarise a text, or its parts and then their summaries, until one reading is enough.

    Source: Wu et al.: Recursively Summarizing Books with Human Feedback, 2021, arXiv:2109.10862.
    """
    source_tokens = summarizer.count(request.text)
    parts = chunks(request.text, summarizer.room, summarizer.count)
    most = MOST_NEW_TOKENS[request.length]
    # Three summaries must fit into one part, so that every round leaves fewer parts.
    shorter = max(1, min(most, summarizer.room // 3))
    rounds: list[Round] = []
    while True:
        rows = [summarizer.row(part, most if len(parts) == 1 else shorter) for part in parts]
        summaries = yield from summarizer.write(rows, alone=alone)
        if rounds and not any(one.ids for one in summaries):  # stopped before it began: use the previous round
            return Condensation(source_tokens, tuple(rounds))
        rounds.append(Round(tuple(parts), tuple(rows), tuple(summaries)))
        so_long = [one.text for one in summaries if one.text]
        again = chunks("\n".join(so_long), summarizer.room, summarizer.count) if len(parts) > 1 and so_long else []
        # A user who stops it wants to see the text so far.
        if not again or len(again) >= len(parts) or any(row.was_stopped for row in rows):
            return Condensation(source_tokens, tuple(rounds))
        parts = again


def summary_of(summaries: Sequence[PartSummary]) -> tuple[str, bool]:
    """Join summaries without half sentences; return also whether the result comes to an end."""
    texts = [whole_sentences(one.text) if not one.finished else (one.text, True) for one in summaries]
    return "\n".join(text for text, _ in texts if text), all(whole for _, whole in texts)


def whole_sentences(text: str) -> tuple[str, bool]:
    """Drop the unfinished sentence of a text that was cut off; return also whether the result ends with a whole one."""
    # Less than half of a text would say too little.
    end = max(sentence_ends(text), default=0)
    return (text[:end], True) if end and end >= len(text) / 2 else (text, False)


def so_far(head: CausalLM | Seq2SeqLM, request: SummarizeRequest, progress: Sequence[Sequence[int]]) -> SummarizeResult:
    """Return the summaries as far as they have been generated."""
    texts = [head.decode_whole(ids).strip() for ids in progress]
    return SummarizeResult(
        text="\n".join(filter(None, texts)),
        source_tokens=0,
        tokens=sum(map(len, progress)),
        parts=len(progress),
        finished=False,
        general=head.kind is HeadKind.CAUSAL_LM,
    )


KINDS = (HeadKind.SEQ2SEQ_LM, HeadKind.CAUSAL_LM)
TASK = Task(
    "summarize",
    SummarizeRequest,
    dict.fromkeys(KINDS, Implementation(summarize, so_far)),
    repeatable=False,
    from_text=True,
    suits=lambda abilities: not abilities.architecture.startswith(ONLY_TRANSLATORS),
)

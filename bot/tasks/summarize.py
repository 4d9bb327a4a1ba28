"""`/summarize`: a long text in short."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from bot.errors import InvalidRequest
from bot.inference.operations import Row, TaskRun
from bot.inference.requests import Request
from bot.inference.task import HeadKind, Task
from bot.tasks.chunks import chunks
from bot.tasks.prompts.chat_template import Message, chat_prompt, has_chat_template, inert
from bot.tasks.prompts.writing import GrowingText, circling, without_circles, without_half
from bot.text.accepted import clean_text
from bot.text.sentences import sentence_ends

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.generation.continuous_batching import Generated, Generation
    from bot.inference.heads.generation.source_text import SourceText
    from bot.inference.heads.seq2seq_lm import Seq2SeqLM

Length = Literal["short", "medium", "long"]

MOST_CHARACTERS = 40_000
MOST_NEW_TOKENS = {"short": 80, "medium": 130, "long": 260}
"""A checkpoint that was trained for news may insist on about 56."""
PART_TOKENS = 500
"""The most that a general model reads at once, whatever its context: of more, small ones lose the thread."""


@dataclass(frozen=True)
class SummarizeResult:
    """The summary.

    Attributes:
        source_tokens: of the text.
        tokens: of the summary.
        parts: in how many the text was read; their summaries were summarised again where there are several.
        finished: whether the summary comes to an end, rather than being cut off at its length.
        general: whether a general language model has written it, rather than one made for it.
        ids: the generated tokens of the last round, and the one that ended the text where one did; empty where its
            parts' summaries were not summarised.
        drafts: the same of all other texts, round by round: the summaries of the parts.
    """

    text: str
    source_tokens: int
    tokens: int
    parts: int
    finished: bool
    general: bool
    ids: tuple[int, ...] = ()
    drafts: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True)
class SummarizeRequest(Request[SummarizeResult]):
    """A text to summarise; raises `InvalidRequest` where it cannot be used.

    Attributes:
        messages: how many messages of a channel it consists of, one a line; None where it is no conversation.
        file: the name of the file that it was in, if any.
    """

    text: str
    length: Length = "medium"
    messages: int | None = None
    file: str | None = None

    def __post_init__(self) -> None:
        if self.messages is not None and len(self.text) > MOST_CHARACTERS:
            raise InvalidRequest(
                f"These {self.messages} messages have {len(self.text):,} characters, and I can read "
                f"{MOST_CHARACTERS:,} at most. Please choose fewer `messages`."
            )
        what = "text" if self.file is None else "file"
        object.__setattr__(self, "text", clean_text(self.text, what, MOST_CHARACTERS))


@dataclass(frozen=True)
class Written:
    """What a model has written about a part of the text.

    Attributes:
        tokens: of the text, without special ones.
        finished: whether the model ended it itself.
        ids: the tokens, and the one that ended the text where one did.
        circled: whether the model went round in circles, and was stopped.
    """

    text: str
    tokens: int
    finished: bool
    ids: tuple[int, ...]
    circled: bool = False


@dataclass(frozen=True)
class Round:
    """Parts that were summarised at the same time.

    Attributes:
        parts: what was read: of the first round parts of the text, later parts of what was written in the round before.
        rows: one for each part.
        written: the summary of each part.
    """

    parts: tuple[str, ...]
    rows: tuple[Row[Any], ...]
    written: tuple[Written, ...]


@dataclass(frozen=True)
class Condensation:
    """How a text was summarised.

    Attributes:
        source_tokens: of the text.
        rounds: in order; at least one. The last one's summaries are the answer.
    """

    source_tokens: int
    rounds: tuple[Round, ...]

    @property
    def last(self) -> Round:
        """The last round."""
        return self.rounds[-1]


class Summarizer(Protocol):
    """A way to summarise parts.

    Attributes:
        room: the most tokens of a part.
        general: as in the result.
    """

    room: int
    general: bool

    def count(self, text: str) -> int:
        """A text's tokens, without special ones."""
        ...

    def row(self, part: str, most: int) -> Row[Any]:
        """A row that summarises a part in so many tokens at most."""
        ...

    def write(self, rows: Sequence[Row[Any]], *, alone: bool = False) -> TaskRun[list[Written]]:
        """Summarise.

        Args:
            alone: keep other requests out of the batch.
        """
        ...

    def read(self, row: Row[Any], ids: Sequence[int]) -> Written:
        """What was written about a row's part before, by its token ids."""
        ...


class Rewriter:
    """By an encoder-decoder, with the prefix that it was trained with, if any."""

    general = False

    def __init__(self, head: Seq2SeqLM) -> None:
        self._head = head
        self._prefix = summary_prefix(head)
        special = len(head.tokenize(self._prefix))
        self.room = max(1, head.context_length - special - 2)  # the prefix and the text may meet in further tokens

    def count(self, text: str) -> int:
        return len(self._head.tokenize(text, add_special_tokens=False))

    def row(self, part: str, most: int) -> Row[Any]:
        most = min(most, self._head.context_length - 1)  # BART's decoder has no more positions than its encoder
        return self._head.encode(self._prefix + part, max_new_tokens=most)

    def write(self, rows: Sequence[Row[Any]], *, alone: bool = False) -> TaskRun[list[Written]]:
        outputs = yield from self._head.rewrite(rows, alone=alone)
        return [self.read(row, ids) for row, ids in zip(rows, outputs, strict=True)]

    def read(self, row: Row[SourceText], ids: Sequence[int]) -> Written:
        special = set(self._head.tokenizer.all_special_ids)
        tokens = sum(token not in special for token in ids)
        ended = len(ids) < row.inputs.max_new_tokens or self._head.tokenizer.eos_token_id in ids
        text = self._head.decode_whole(ids).strip()
        return Written(text, tokens, ended and not row.was_stopped, tuple(ids))


def summary_prefix(head: Seq2SeqLM) -> str:
    """What a checkpoint wants in front of a text to summarise, by its configuration; T5's own where that is silent."""
    asked = (getattr(head.model.config, "task_specific_params", None) or {}).get("summarization", {})
    usual = "summarize: " if head.model_type in {"t5", "mt5", "umt5"} else ""
    return str(asked.get("prefix", usual))


INSTRUCTIONS = {
    "short": "Summarize this text in one sentence:",
    "medium": "Summarize this text in three sentences:",
    "long": "Summarize this text in detail:",
}
EXAMPLES = (
    (
        "The zoo has a new tiger. It was born in Leipzig three years ago and came by train on Monday night. Visitors "
        "cannot see it yet, because it has to get used to its keepers first. The director hopes to show it at Easter.",
        "A three-year-old tiger from Leipzig has arrived at the zoo, and visitors may see it at Easter.",
    ),
    (
        "Tom: My bike has a flat tyre, I will be late. Eva: No problem, we start at nine then. Tom: Thanks! Can you "
        "tell Paul? Eva: Done, he is late too.",
        "Tom will be late because of a flat tyre, so they start at nine; Eva has told Paul.",
    ),
    (
        "To grow tomatoes, you need much sun and little wind. Sow the seeds indoors in March and plant them outside "
        "after the last frost in May. Water the soil and never the leaves, because wet leaves get ill. You can pick "
        "the first ones in July.",
        "Tomatoes are sown indoors in March, planted out in May, watered at the soil and picked from July.",
    ),
)
"""For models that were not trained to follow instructions."""


class Drafter:
    """By a causal language model: asked through its chat template, or shown examples where it has none."""

    general = True

    def __init__(self, head: CausalLM, length: Length) -> None:
        self._head = head
        self._length = length
        around = len(self._prompt("")) + MOST_NEW_TOKENS[length]
        self.room = max(1, min(PART_TOKENS, head.context_length - around - 2))

    def count(self, text: str) -> int:
        read = inert(self._head, text) if has_chat_template(self._head) else text
        return len(self._head.encode_rest(read))

    def row(self, part: str, most: int) -> Row[Any]:
        from bot.inference.heads.generation.sampling import Sampling

        stop = None if has_chat_template(self._head) else "\n"
        row = self._head.generation(self._prompt(part), most, sampling=Sampling.likeliest(), stop=stop)
        written = GrowingText(self._head)
        row.stop_criterion = lambda ids: circling(written.text(ids)) > 0
        return row

    def write(self, rows: Sequence[Row[Any]], *, alone: bool = False) -> TaskRun[list[Written]]:
        outputs = yield from self._head.generate(rows, alone=alone)
        return [self._written(one) for one in outputs]

    def read(self, row: Row[Generation], ids: Sequence[int]) -> Written:
        from bot.inference.heads.generation.continuous_batching import Generated

        end = ids[-1] if ids and ids[-1] in self._head.end_ids else None
        body = tuple(ids if end is None else ids[:-1])
        stop = row.inputs.stop
        stopped = stop is not None and stop in self._head.decode(body)
        return self._written(Generated(body, end is not None or stopped, end))

    def _written(self, output: Generated) -> Written:
        text, circled = without_circles(self._head.decode_whole(output.ids))
        text = without_half(text, output.ids, self._head.decode, self._head.decode_whole)
        finished = output.finished or circled
        return Written(text.strip(), len(output.ids), finished, output.written, circled)

    def _prompt(self, part: str) -> tuple[int, ...]:
        if has_chat_template(self._head):
            return chat_prompt(self._head, [Message("user", f"{INSTRUCTIONS[self._length]}\n\n{part}")])
        shown = "".join(f"Text: {text}\nSummary: {summary}\n\n" for text, summary in EXAMPLES)
        return self._head.encode(f"{shown}Text: {' '.join(part.split())}\nSummary:")


def rewrite(head: Seq2SeqLM, request: SummarizeRequest) -> TaskRun[SummarizeResult]:
    """By an encoder-decoder."""
    return (yield from _summarized(Rewriter(head), request))


def draft(head: CausalLM, request: SummarizeRequest) -> TaskRun[SummarizeResult]:
    """By a causal language model."""
    return (yield from _summarized(Drafter(head, request.length), request))


def _summarized(summarizer: Summarizer, request: SummarizeRequest) -> TaskRun[SummarizeResult]:
    made = yield from condensation(summarizer, request)
    last = made.last.written
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
        drafts=tuple(one.ids for turn in earlier for one in turn.written),
    )


def condensation(summarizer: Summarizer, request: SummarizeRequest, *, alone: bool = False) -> TaskRun[Condensation]:
    """Summarise a text, or its parts and then what was written about them, until it is short enough for one reading.

    Args:
        alone: keep other requests out of the batches.

    Source: the way of Wu et al.: Recursively Summarizing Books with Human Feedback, 2021, arXiv:2109.10862.
    """
    source_tokens = summarizer.count(request.text)
    parts = chunks(request.text, summarizer.room, summarizer.count)
    most = MOST_NEW_TOKENS[request.length]
    # Three parts' summaries make one part, so that every round leaves fewer.
    shorter = max(1, min(most, summarizer.room // 3))
    rounds: list[Round] = []
    while True:
        rows = [summarizer.row(part, most if len(parts) == 1 else shorter) for part in parts]
        written = yield from summarizer.write(rows, alone=alone)
        if rounds and not any(one.ids for one in written):  # stopped before it began, so there is the round before
            return Condensation(source_tokens, tuple(rounds))
        rounds.append(Round(tuple(parts), tuple(rows), tuple(written)))
        so_long = [one.text for one in written if one.text]
        again = chunks("\n".join(so_long), summarizer.room, summarizer.count) if len(parts) > 1 and so_long else []
        # Whoever stops it wants to see what there is.
        if not again or len(again) >= len(parts) or any(row.was_stopped for row in rows):
            return Condensation(source_tokens, tuple(rounds))
        parts = again


def summary_of(written: Sequence[Written]) -> tuple[str, bool]:
    """What the last round's texts make, and whether that comes to an end. Half a sentence at an end is left out."""
    texts = [whole_sentences(one.text) if not one.finished else (one.text, True) for one in written]
    return "\n".join(text for text, _ in texts if text), all(whole for _, whole in texts)


def whole_sentences(text: str) -> tuple[str, bool]:
    """A text that was cut off without its last sentence, and whether it ends with one then.

    The full stop of an abbreviation ends none. The text stays as it is where less than half of it would be left.
    """
    ends = list(sentence_ends(text))
    if ends and ends[-1] >= len(text) / 2:
        return text[: ends[-1]], True
    return text, False


def so_far(head: CausalLM | Seq2SeqLM, request: SummarizeRequest, progress: Sequence[Sequence[int]]) -> SummarizeResult:
    """What has been written up to now: of the summary, or of the summaries of parts."""
    texts = [head.decode_whole(ids).strip() for ids in progress]
    return SummarizeResult(
        text="\n".join(filter(None, texts)),
        source_tokens=0,
        tokens=sum(map(len, progress)),
        parts=len(progress),
        finished=False,
        general=head.kind is HeadKind.CAUSAL_LM,
    )


TASK = Task(
    "summarize",
    SummarizeRequest,
    {HeadKind.SEQ2SEQ_LM: rewrite, HeadKind.CAUSAL_LM: draft},
    repeatable=False,
    previews={HeadKind.SEQ2SEQ_LM: so_far, HeadKind.CAUSAL_LM: so_far},
)

"""Summarising parts of a text, with an encoder-decoder or a prompted causal language model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from bot.inference.operations import Row, TaskRun
from bot.tasks.prompts.chat_template import Message, chat_prompt, has_chat_template, inert
from bot.tasks.prompts.writing import GrowingText, circling, without_circles, without_half
from bot.text.tables import read_table

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.generation.continuous_batching import Generated, Generation
    from bot.inference.heads.generation.source_text import SourceText
    from bot.inference.heads.seq2seq_lm import Seq2SeqLM

Length = Literal["short", "medium", "long"]
SummaryRow: TypeAlias = Row[Any]
"""A row of either kind of model; only its own summariser reads it."""

# The most that a general model reads at once, whatever its context: small ones lose the thread of longer parts.
PART_TOKENS = 500


@dataclass(frozen=True)
class PartSummary:
    """The summary of a part of the text."""

    text: str
    tokens: int
    """Without special ones."""
    finished: bool
    """The model ended it itself."""
    ids: tuple[int, ...]
    """Generated tokens, and the one that ended them if one did."""
    circled: bool = False
    """The model repeated itself, and was stopped."""


class Summarizer(Protocol):
    """A model that summarises parts."""

    room: int
    """The most tokens of a part."""
    general: bool
    """It is a general language model, rather than one made for summaries."""

    def count(self, text: str) -> int:
        """Return the number of a text's tokens, without special ones."""

    def row(self, part: str, most: int) -> SummaryRow:
        """Return a row that summarises a part in at most so many tokens."""

    def write(self, rows: Sequence[SummaryRow], *, alone: bool = False) -> TaskRun[list[PartSummary]]:
        """Generate the summaries."""

    def read(self, row: SummaryRow, ids: Sequence[int]) -> PartSummary:
        """Return a row's summary that was generated before, by its token ids."""


class EncoderDecoderSummarizer:
    """An encoder-decoder, with the prefix of its training, if any."""

    general = False

    def __init__(self, head: Seq2SeqLM) -> None:
        self._head = head
        self._prefix = summary_prefix(head)
        special = len(head.tokenize(self._prefix))
        self.room = max(1, head.context_length - special - 2)  # the prefix and the text may meet in further tokens

    def count(self, text: str) -> int:
        return len(self._head.tokenize(text, add_special_tokens=False))

    def row(self, part: str, most: int) -> SummaryRow:
        most = min(most, self._head.context_length - 1)  # BART's decoder has no more positions than its encoder
        return self._head.encode(self._prefix + part, max_new_tokens=most)

    def write(self, rows: Sequence[SummaryRow], *, alone: bool = False) -> TaskRun[list[PartSummary]]:
        outputs = yield from self._head.rewrite(rows, alone=alone)
        return [self.read(row, ids) for row, ids in zip(rows, outputs, strict=True)]

    def read(self, row: Row[SourceText], ids: Sequence[int]) -> PartSummary:
        special = set(self._head.tokenizer.all_special_ids)
        tokens = sum(token not in special for token in ids)
        ended = len(ids) < row.inputs.max_new_tokens or self._head.tokenizer.eos_token_id in ids
        text = self._head.decode_whole(ids).strip()
        return PartSummary(text, tokens, ended and not row.was_stopped, tuple(ids))


def summary_prefix(head: Seq2SeqLM) -> str:
    """Return the text that a checkpoint's configuration wants before a text; T5's own if it wants nothing."""
    asked = (getattr(head.model.config, "task_specific_params", None) or {}).get("summarization", {})
    usual = "summarize: " if head.model_type in {"t5", "mt5", "umt5"} else ""
    return str(asked.get("prefix", usual))


_TABLE = read_table("bot.tasks.prompts", "prompts.toml")["summarize"]
INSTRUCTIONS: dict[Length, str] = _TABLE["instructions"]
EXAMPLES = tuple((example["text"], example["summary"]) for example in _TABLE["examples"])
"""For models without a chat template."""


class PromptedSummarizer:
    """A causal language model, asked through its chat template, or shown examples if it has none."""

    general = True

    def __init__(self, head: CausalLM, length: Length, most: int) -> None:
        """Prepare summaries of at most so many tokens."""
        self._head = head
        self._length = length
        around = len(self._prompt("")) + most
        self.room = max(1, min(PART_TOKENS, head.context_length - around - 2))

    def count(self, text: str) -> int:
        read = inert(self._head, text) if has_chat_template(self._head) else text
        return len(self._head.encode_rest(read))

    def row(self, part: str, most: int) -> SummaryRow:
        from bot.inference.heads.generation.sampling import Sampling

        stop = None if has_chat_template(self._head) else "\n"
        row = self._head.generation(self._prompt(part), most, sampling=Sampling.likeliest(), stop=stop)
        text = GrowingText(self._head)
        row.stop_criterion = lambda ids: circling(text.text(ids)) > 0
        return row

    def write(self, rows: Sequence[SummaryRow], *, alone: bool = False) -> TaskRun[list[PartSummary]]:
        outputs = yield from self._head.generate(rows, alone=alone)
        return [self._summary(one) for one in outputs]

    def read(self, row: Row[Generation], ids: Sequence[int]) -> PartSummary:
        from bot.inference.heads.generation.continuous_batching import Generated

        end = ids[-1] if ids and ids[-1] in self._head.end_ids else None
        body = tuple(ids if end is None else ids[:-1])
        stop = row.inputs.stop
        stopped = stop is not None and stop in self._head.decode(body)
        return self._summary(Generated(body, end is not None or stopped, end))

    def _summary(self, output: Generated) -> PartSummary:
        text, circled = without_circles(self._head.decode_whole(output.ids))
        text = without_half(text, output.ids, self._head.decode, self._head.decode_whole)
        return PartSummary(text.strip(), len(output.ids), output.finished or circled, output.written, circled)

    def _prompt(self, part: str) -> tuple[int, ...]:
        if has_chat_template(self._head):
            return chat_prompt(self._head, [Message("user", f"{INSTRUCTIONS[self._length]}\n\n{part}")])
        shown = "".join(f"Text: {text}\nSummary: {summary}\n\n" for text, summary in EXAMPLES)
        return self._head.encode(f"{shown}Text: {' '.join(part.split())}\nSummary:")

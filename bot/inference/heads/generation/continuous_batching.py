"""Continuous batching: rows join and leave a running batch between two decode steps.

Source: Yu et al.: Orca: A Distributed Serving System for Transformer-Based Generative Models, OSDI 2022.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Sized
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import torch

from bot.errors import NotFinite, Unanswered
from bot.inference.heads.checkpoint import Checkpoint
from bot.inference.heads.generation.sampling import Sampler, Sampling, choose_sound
from bot.inference.heads.generation.source_text import SourceText
from bot.inference.operations import Row

PromptT_contra = TypeVar("PromptT_contra", contravariant=True, bound=Sized)


@dataclass(frozen=True)
class Generation:
    """A prompt to continue, as token ids."""

    prompt: tuple[int, ...]
    max_new_tokens: int
    sampling: Sampling
    stop: str | None = None
    """The stop sequence: the row ends after the first token whose text holds it."""
    forced_ids: tuple[int, ...] = field(default=(), init=False)
    """Forced tokens: read after the prompt, one a step, before the first one is chosen."""

    @property
    def row(self) -> Row[Generation]:
        """A row for `generate`."""
        return Row(self, len(self.prompt) + self.max_new_tokens)

    def resumed(self, written: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the prompt and the forced tokens that continue a text from its written tokens."""
        return (*self.prompt, *written), ()


InputT = TypeVar("InputT", bound=Generation | SourceText)


@dataclass(frozen=True)
class Generated:
    """A generated text."""

    ids: tuple[int, ...]
    """The new tokens, without the end-of-sequence token."""
    finished: bool
    """Whether an end-of-sequence token or a stop sequence ended it, rather than its length or its caller."""
    end: int | None = None
    """The end-of-sequence token that ended it, if one did."""

    @property
    def written(self) -> tuple[int, ...]:
        """The new tokens, the end-of-sequence token included."""
        return self.ids if self.end is None else (*self.ids, self.end)


@dataclass(eq=False)
class _Entry(Generic[InputT]):
    """A row's entry in a running batch, kept as its `session_state`. The row's `progress` are its tokens so far."""

    row: Row[InputT]
    sampler: Sampler
    prompt: Sized = ()
    """The tokens that are read at once, or the source."""
    forced: list[int] = field(default_factory=list)
    """Tokens that are read one a step before the next one is chosen."""
    ended: bool = False
    """Whether an end-of-sequence token or a stop sequence has ended it."""
    end: int | None = None
    complete: bool = False
    """Whether its task's stop criterion has ended it."""
    failure: Unanswered | None = None

    @classmethod
    def of(cls, row: Row[InputT], *, exact: bool) -> _Entry[InputT]:
        """Begin a row, or continue it where a failed session has left it (`exact`: see `RunningBatch`)."""
        inputs = row.inputs
        if row.session_state is None:
            row.session_state = cls(row, Sampler(inputs.sampling))
        entry: _Entry[InputT] = row.session_state
        entry.sampler.rewind()
        # For equal numbers the row reads its tokens as it did the first time, one a step.
        prompt, forced = (inputs.prompt, [*inputs.forced_ids, *row.progress]) if exact else inputs.resumed(row.progress)
        entry.prompt, entry.forced = prompt, list(forced)
        return entry

    @property
    def output(self) -> Generated | Unanswered:
        return self.failure or Generated(tuple(self.row.progress), self.ended, self.end)


class ModelRunner(Protocol[PromptT_contra]):
    """Runs the model's forward passes, and holds the KV cache of the running batch."""

    joinable: bool
    """Whether `forward` takes new rows while there are others."""

    def forward(self, last: torch.Tensor, prompts: Sequence[PromptT_contra], /) -> torch.Tensor:
        """Run a decode step of the old rows and a prefill of new ones, which come after them.

        Args:
            last: the last token of each old row, (rows,).
            prompts: of the new rows.

        Returns:
            Logits of the next token of each row, old and new, (rows, vocabulary), float32.
        """
        ...

    def keep(self, slots: Sequence[int]) -> None:
        """Forget all rows but those in these slots, in this order."""
        ...

    def scrub(self) -> None:
        """Clear the memory of rows that are gone: it may hold NaN, which a mask doesn't hide."""
        ...


class RunningBatch(Generic[InputT]):
    """A running batch: each decode step gives every row one token. Used on the device's thread only.

    Args:
        checkpoint: decodes tokens, and chooses the number of threads.
        end_ids: end-of-sequence tokens.
        runner: makes the model runner; called on the device's thread.
        exact: whether rows that another session has left continue with the same numbers to the last bit.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        end_ids: frozenset[int],
        runner: Callable[[], ModelRunner[Any]],
        *,
        exact: bool = False,
    ) -> None:
        self._checkpoint = checkpoint
        self._end_ids = end_ids
        self._make_runner = runner
        self._exact = exact
        self._decoding: list[_Entry[InputT]] = []
        self._joining: list[_Entry[InputT]] = []
        self._ended: list[_Entry[InputT]] = []
        self._forced = Sampler(Sampling.likeliest())  # of rows with forced tokens: it draws no random number
        self._runner: ModelRunner[Any] | None = None
        self._last = checkpoint.tensor([])
        # Known after the first step. Rows can't join if the checkpoint's cache forgets (sliding windows, recurrent
        # states): such a batch stays together until its last row is finished.
        self.joinable = True

    def __len__(self) -> int:
        return len(self._decoding) + len(self._joining) + len(self._ended)

    def join(self, rows: Sequence[Row[InputT]]) -> None:
        """Add rows, which begin with the next step or continue where another session left them."""
        for row in rows:
            is_done = row.session_state is not None and self._is_done(row.session_state)
            (self._ended if is_done else self._joining).append(_Entry.of(row, exact=self._exact))

    @torch.inference_mode()
    def step(self) -> None:
        """Prefill new rows, and give every row its next token."""
        if not (self._decoding or self._joining):
            return
        if self._runner is None:
            self._runner = self._make_runner()
            self.joinable = self._runner.joinable
        prompts = [entry.prompt for entry in self._joining]
        with self._checkpoint.threads.chosen("step", len(self._last) + sum(map(len, prompts))):
            logits = self._runner.forward(self._last, prompts)
        self._decoding, self._joining = [*self._decoding, *self._joining], []
        self._last = self._choose(self._decoding, logits)

    @torch.inference_mode()
    def leave(self) -> list[tuple[Row[InputT], Generated | Unanswered]]:
        """Remove the rows that are finished, stopped or abandoned; return each with its text or its error."""
        done = [entry for entry in self._decoding if self._is_done(entry)]
        if done and self._runner is not None:
            slots = _compacted([slot for slot, entry in enumerate(self._decoding) if entry not in done])
            self._decoding = [self._decoding[slot] for slot in slots]
            self._last = self._last[self._checkpoint.tensor(slots)]
            self._runner.keep(slots)
            if any(entry.failure for entry in done):
                self._runner.scrub()
        done, self._ended = [*self._ended, *done], []
        return [(entry.row, entry.output) for entry in done]

    def _choose(self, rows: Sequence[_Entry[InputT]], logits: torch.Tensor) -> torch.Tensor:
        """Return each row's next token, (batch,), and append it to the row's text unless it ends that."""
        chosen, tokens = choose_sound(logits, [self._forced if entry.forced else entry.sampler for entry in rows])
        for slot, (entry, token) in enumerate(zip(rows, tokens, strict=True)):
            if token is None:
                entry.failure = NotFinite()
            elif entry.forced:
                chosen[slot] = entry.forced.pop(0)
            elif token in self._end_ids:
                entry.ended, entry.end = True, token
            else:
                entry.row.progress.append(token)
            entry.sampler.commit()
            entry.complete = entry.row.is_complete()
        return chosen

    def _is_done(self, entry: _Entry[InputT]) -> bool:
        row = entry.row
        if entry.failure is not None:
            return True
        if row.inputs.stop is not None and row.inputs.stop in self._checkpoint.decode(row.progress[-1:]):
            entry.ended = True
        return entry.ended or entry.complete or row.is_ending or len(row.progress) >= row.inputs.max_new_tokens


def _compacted(slots: Sequence[int]) -> list[int]:
    """Return the same slots in an order that moves few rows: gaps are filled from the end."""
    last = [slot for slot in slots if slot >= len(slots)]
    return [slot if slot in slots else last.pop() for slot in range(len(slots))]

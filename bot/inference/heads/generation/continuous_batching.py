"""Generation in which rows join and leave between two tokens.

A static batch makes everybody wait for its longest text, and a newcomer for all of them. Here each step gives every row
one token, newcomers included; rows that are finished leave, and rows that wait join, before the next step.

Source: Yu et al.: Orca: A Distributed Serving System for Transformer-Based Generative Models, OSDI 2022.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Sized
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import torch

from bot.errors import NotFinite, Unanswered
from bot.inference.heads.generation.sampling import Sampler, Sampling, choose_sound
from bot.inference.heads.head import Head
from bot.inference.operations import Row

PromptT_contra = TypeVar("PromptT_contra", contravariant=True, bound=Sized)


class Writable(Protocol):
    """What a decoder needs to know of a text that it is to write."""

    @property
    def prompt(self) -> Sized:
        """What is read before the first token is chosen."""
        ...

    @property
    def owed(self) -> Sequence[int]:
        """Tokens that are read after the prompt, one a step, before the first is chosen."""
        ...

    def resumed(self, written: Sequence[int]) -> tuple[Sized, Sequence[int]]:
        """The same two for a text of which so much has been written: what is read at once, and what one a step."""
        ...

    @property
    def max_new_tokens(self) -> int:
        """The most tokens to write."""
        ...

    @property
    def sampling(self) -> Sampling:
        """How they are chosen."""
        ...

    @property
    def stop(self) -> str | None:
        """The row ends after the first token whose text holds this."""
        ...


@dataclass(frozen=True)
class Generation:
    """A prompt to continue, as token ids, and how.

    Attributes:
        max_new_tokens: the most tokens to generate.
        stop: the row ends after the first token whose text holds this.
        owed: none: the prompt is read at once.
    """

    prompt: tuple[int, ...]
    max_new_tokens: int
    sampling: Sampling
    stop: str | None = None
    owed: tuple[int, ...] = field(default=(), init=False)

    def resumed(self, written: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """What was written is read at once with the prompt."""
        return (*self.prompt, *written), ()


@dataclass(frozen=True)
class Generated:
    """What was generated.

    Attributes:
        ids: the new tokens, without the end-of-text token.
        finished: whether the model ended the text itself, rather than reaching `max_new_tokens` or being stopped.
        end: the end-of-text token that it wrote then, unless `stop` has ended the row.
    """

    ids: tuple[int, ...]
    finished: bool
    end: int | None = None

    @property
    def written(self) -> tuple[int, ...]:
        """The new tokens, the end-of-text token included."""
        return self.ids if self.end is None else (*self.ids, self.end)


@dataclass(eq=False)
class _Writing:
    """A row that is being written: its tokens so far are the row's `progress`, and this is its `session_state`.

    Attributes:
        prompt: what is read at once.
        owed: tokens that are read one a step before the next one is chosen.
        ended: whether the text has come to its end.
        end: the token that ended it.
        complete: whether its task's stop criterion ends it.
        failure: what the row gets instead of an output.
    """

    row: Row[Any]
    sampler: Sampler
    prompt: Sized = ()
    owed: list[int] = field(default_factory=list)
    ended: bool = False
    end: int | None = None
    complete: bool = False
    failure: Unanswered | None = None

    @classmethod
    def of(cls, row: Row[Any], *, exact: bool) -> _Writing:
        """A row that begins, or goes on from where a session that failed has left it.

        Args:
            row: of a `Writable` input.
            exact: whether it goes on with the same numbers to the last bit. What it has written is then read again as
                it was the first time, one token a step.
        """
        asked: Writable = row.inputs
        if row.session_state is None:
            row.session_state = cls(row, Sampler(asked.sampling))
        one: _Writing = row.session_state
        one.sampler.rewind()
        prompt, owed = (asked.prompt, [*asked.owed, *row.progress]) if exact else asked.resumed(row.progress)
        one.prompt, one.owed = prompt, list(owed)
        return one

    @property
    def output(self) -> Generated | Unanswered:
        return self.failure or Generated(tuple(self.row.progress), self.ended, self.end)


class Rows(Protocol[PromptT_contra]):
    """What a model remembers of the rows under way."""

    joinable: bool
    """Whether `read` takes new rows while others are under way."""

    def read(self, last: torch.Tensor, prompts: Sequence[PromptT_contra], /) -> torch.Tensor:
        """Have the model read one more token of each row, and the prompts of new rows, which come after them.

        Args:
            last: the tokens, (rows,).
            prompts: of the new rows.

        Returns:
            Logits of the next token of each row, old and new, (rows, vocabulary), float32.
        """
        ...

    def keep(self, places: Sequence[int]) -> None:
        """Forget all rows but those in these places, in this order."""
        ...

    def scrub(self) -> None:
        """Clear the memory of rows that are gone: it may hold what is no number."""
        ...


class Decoder:
    """Rows that are being written together. Used on the device's thread only.

    Attributes:
        joinable: whether rows can join others that are under way; not where the checkpoint's cache forgets (sliding
            windows, recurrent states), where a batch stays together until its last row is finished. Known after the
            first step.
    """

    def __init__(
        self, head: Head, end_ids: frozenset[int], rows: Callable[[], Rows[Any]], *, exact: bool = False
    ) -> None:
        """Begin without rows.

        Args:
            head: decodes tokens, and chooses the number of threads.
            end_ids: tokens that end a text.
            rows: begins what the model remembers of the rows; called on the device's thread.
            exact: whether rows that another session has left go on with the same numbers to the last bit.
        """
        self._head = head
        self._end_ids = end_ids
        self._begin = rows
        self._exact = exact
        self._writing: list[_Writing] = []
        self._joining: list[_Writing] = []
        self._ended: list[_Writing] = []
        self._forced = Sampler(Sampling.likeliest())  # of rows whose next token is given: it draws no random number
        self._rows: Rows[Any] | None = None
        self._last = head.tensor([])
        self.joinable = True

    def __len__(self) -> int:
        return len(self._writing) + len(self._joining) + len(self._ended)

    def join(self, rows: Sequence[Row[Any]]) -> None:
        """Have rows of `Writable` inputs begin with the next step, or go on from where another session has left them.

        Those that have come to their end there leave with the next `leave`.
        """
        for row in rows:
            is_done = row.session_state is not None and self._is_done(row.session_state)
            (self._ended if is_done else self._joining).append(_Writing.of(row, exact=self._exact))

    @torch.inference_mode()
    def step(self) -> None:
        """Read the prompts of new rows, and give every row its next token."""
        if not (self._writing or self._joining):
            return
        if self._rows is None:
            self._rows = self._begin()
            self.joinable = self._rows.joinable
        prompts = [one.prompt for one in self._joining]
        with self._head.threads.chosen("step", len(self._last) + sum(map(len, prompts))):
            logits = self._rows.read(self._last, prompts)
        self._writing, self._joining = [*self._writing, *self._joining], []
        self._last = self._choose(self._writing, logits)

    @torch.inference_mode()
    def leave(self) -> list[tuple[Row[Any], Any]]:
        """Take out the rows that are finished, stopped or abandoned, with what was written, and those that failed."""
        done = [one for one in self._writing if self._is_done(one)]
        if done:
            self._keep([place for place, one in enumerate(self._writing) if one not in done])
        if any(one.failure for one in done):
            assert self._rows is not None
            self._rows.scrub()
        done, self._ended = [*self._ended, *done], []
        return [(one.row, one.output) for one in done]

    def _keep(self, places: list[int]) -> None:
        order = _closed_up(places)
        self._writing = [self._writing[place] for place in order]
        self._last = self._last[self._head.tensor(order)]
        assert self._rows is not None
        self._rows.keep(order)

    def _choose(self, rows: Sequence[_Writing], logits: torch.Tensor) -> torch.Tensor:
        """Each row's next token by its own options, (batch,); kept in its progress unless it ends the text."""
        chosen, tokens = choose_sound(logits, [self._forced if one.owed else one.sampler for one in rows])
        for place, (one, token) in enumerate(zip(rows, tokens, strict=True)):
            if token is None:
                one.failure = NotFinite()
            elif one.owed:
                chosen[place] = one.owed.pop(0)
            elif token in self._end_ids:
                one.ended, one.end = True, token
            else:
                one.row.progress.append(token)
            one.sampler.keep()
            one.complete = one.row.is_complete()
        return chosen

    def _is_done(self, one: _Writing) -> bool:
        row = one.row
        if one.failure is not None:
            return True
        if row.inputs.stop is not None and row.inputs.stop in self._head.decode(row.progress[-1:]):
            one.ended = True
        return one.ended or one.complete or row.is_ending or len(row.progress) >= row.inputs.max_new_tokens


def _closed_up(places: Sequence[int]) -> list[int]:
    """The same places in an order that leaves most where they are: gaps are filled from the end."""
    count = len(places)
    further = [place for place in places if place >= count]
    staying = {place for place in places if place < count}
    return [place if place in staying else further.pop() for place in range(count)]

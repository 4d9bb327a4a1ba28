"""`/generate`: how does a text go on?"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.inference.operations import TaskRun
from bot.inference.requests import Request, Result
from bot.inference.task import HeadKind, Implementation, Task
from bot.locales.message import later
from bot.tasks.prompts.begun import Begun, check_begun, going_on, taken_token
from bot.tasks.prompts.writing import WHOLE, ReadPrompt, Tail
from bot.text.accepted import MAX_CHARACTERS, MAX_SEED, checked_range, clean_text
from bot.text.characters import REPLACEMENT_CHARACTER

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.generation.continuous_batching import Generated

MOST_NEW_TOKENS = 512
MOST_SEQUENCES = 4
LOWEST_TEMPERATURE = 0.05
# How many characters a prompt that is too long may lose so that it is cut between two words.
LONGEST_WORD = 50


@dataclass(frozen=True)
class Continuation:
    """One continuation of the prompt."""

    text: str
    """Leading space included, without part of a character at its end."""
    tokens: int
    finished: bool
    """The model ended the text, rather than reaching `max_new_tokens`."""
    ids: tuple[int, ...] = ()
    """Generated tokens, and the one that ended them if one did."""
    tail: Tail = WHOLE


@dataclass(frozen=True)
class GenerateResult(Result):
    """The continuations."""

    prompt: str
    continuations: tuple[Continuation, ...]
    seed: int | None
    """The requested one."""
    truncated: bool
    """The start of the prompt did not fit into the model's context."""
    taken: str = ""
    """The token that a text was to go on from, the last one of `begun`."""

    @property
    def generated(self) -> tuple[tuple[int, ...], ...]:
        """The continuations."""
        return tuple(one.ids for one in self.continuations)


@dataclass(frozen=True)
class GenerateRequest(Request[GenerateResult]):
    """A prompt to continue; raises `InvalidRequest` if it or an option cannot be used.

    Attributes:
        temperature: 0.05 to 2; below 1, likely tokens become likelier still.
        top_p: 0.01 to 1; tokens are drawn from the likeliest that together have this probability.
        seed: the same seed, prompt and options give the same text again.
        tail: tokens behind the prompt that end with part of a character (see `Tail`).
        begun: tokens that each continuation begins with, for a text that goes on from another token.
    """

    prompt: str
    max_new_tokens: int = 60
    num_return_sequences: int = 1
    temperature: float = 0.8
    top_p: float = 0.95
    seed: int | None = None
    tail: tuple[int, ...] = ()
    begun: Begun = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "prompt", clean_text(self.prompt, "prompt"))
        checked_range(self.max_new_tokens, 1, MOST_NEW_TOKENS, "max_new_tokens")
        checked_range(self.num_return_sequences, 1, MOST_SEQUENCES, "num_return_sequences")
        hint = later("To always get the likeliest text, set `top_p` to 0.01 instead.")
        checked_range(self.temperature, LOWEST_TEMPERATURE, 2, "temperature", hint)
        checked_range(self.top_p, 0.01, 1, "top_p")
        if self.seed is not None:
            checked_range(self.seed, 0, MAX_SEED, "seed")
        check_begun(self.begun, self.max_new_tokens)

    @property
    def subject(self) -> str:
        """The prompt."""
        return self.prompt

    def again(self) -> GenerateRequest:
        """Return the request for another text; one with a seed gets a new seed, so that it stays reproducible."""
        return self if self.seed is None else replace(self, seed=secrets.randbelow(MAX_SEED))

    def continued(self, continuation: Continuation) -> GenerateRequest:
        """Return the request that continues one of the continuations.

        If the text is too long for a prompt, its start is cut off between two words and replaced by `…`.

        Raises:
            InvalidRequest: the rest of the text has no words.
        """
        written = continuation.text[: len(continuation.text) - continuation.tail.characters]
        if not continuation.ids:  # without tokens, its tail is unknown
            written = written.rstrip(REPLACEMENT_CHARACTER)
        text = (self.prompt + written).rstrip()
        if len(text) > MAX_CHARACTERS:
            end = text[1 - MAX_CHARACTERS :]
            word, _, rest = end.partition(" ")
            text = f"…{rest if rest and len(word) <= LONGEST_WORD else end}"
        return replace(self, prompt=text, num_return_sequences=1, tail=continuation.tail.ids, begun=())


def continue_text(head: CausalLM, request: GenerateRequest) -> TaskRun[GenerateResult]:
    """Answer by a causal language model: nucleus sampling, with a random state for each sequence."""
    from bot.inference.heads.generation.sampling import Sampling

    prompt = read_prompt(head, request)
    seed = secrets.randbelow(MAX_SEED) if request.seed is None else request.seed
    # Neighbouring seeds must not share sequences.
    seeds = (seed * MOST_SEQUENCES + index for index in range(request.num_return_sequences))
    samplings = [Sampling(request.temperature, request.top_p, one) for one in seeds]
    # Rounding depends on a batch's shape, and a sampled text on rounding: seeded rows run alone.
    alone = request.seed is not None
    outputs = yield from going_on(head, prompt.ids, request.begun, request.max_new_tokens, samplings, alone=alone)
    return _result(request, prompt, outputs)


def so_far(head: CausalLM, request: GenerateRequest, progress: Sequence[Sequence[int]]) -> GenerateResult:
    """Return the texts as far as they have been generated."""
    from bot.inference.heads.generation.continuous_batching import Generated

    outputs = [Generated((*request.begun, *ids), finished=False) for ids in progress]
    return _result(request, read_prompt(head, request), outputs, ended=False)


def read_prompt(head: CausalLM, request: GenerateRequest) -> ReadPrompt:
    """Encode the request's prompt."""
    return ReadPrompt.of(head, request.prompt, request.tail, request.max_new_tokens)


def _result(
    request: GenerateRequest, prompt: ReadPrompt, outputs: Sequence[Generated], *, ended: bool = True
) -> GenerateResult:
    """Return the result; only texts that have ended have a tail."""
    continuations = (
        Continuation(
            prompt.whole_text(one.ids),
            len(one.ids),
            one.finished,
            one.written,
            WHOLE if one.finished or not ended else prompt.tail_after(one.ids),
        )
        for one in outputs
    )
    taken = taken_token(prompt.head, request.begun)
    return GenerateResult(request.prompt, tuple(continuations), request.seed, prompt.truncated, taken)


TASK = Task(
    "generate",
    GenerateRequest,
    {HeadKind.CAUSAL_LM: Implementation(continue_text, so_far)},
    repeatable=False,
    from_text=True,
)

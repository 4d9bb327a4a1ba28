"""`/generate`: how does a text go on?"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.inference.operations import TaskRun
from bot.inference.requests import Request
from bot.inference.task import HeadKind, Task
from bot.tasks.prompts.writing import WHOLE, Tail, known_tail, tail_of, whole_following
from bot.text.accepted import MAX_CHARACTERS, checked_range, clean_text
from bot.text.characters import REPLACEMENT_CHARACTER

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.generation.continuous_batching import Generated

MOST_NEW_TOKENS = 512
MOST_SEQUENCES = 4
MAX_SEED = 2**31 - 1
LOWEST_TEMPERATURE = 0.05
LONGEST_WORD = 50
"""In characters; how much may be given up to cut between two words."""


@dataclass(frozen=True)
class Continuation:
    """One continuation of the prompt.

    Attributes:
        text: as it follows the prompt, leading space included, without half a character at its end.
        tokens: how many were generated.
        finished: whether the model ended the text, rather than reaching max_new_tokens.
        ids: the generated tokens, and the one that ended the text where one did.
        tail: where the text goes on, if it ends with half a character.
    """

    text: str
    tokens: int
    finished: bool
    ids: tuple[int, ...] = ()
    tail: Tail = WHOLE


@dataclass(frozen=True)
class GenerateResult:
    """The continuations.

    Attributes:
        seed: the one that was asked for, or None.
        truncated: whether the start of the prompt was not read, because it exceeds the model's context.
    """

    prompt: str
    continuations: tuple[Continuation, ...]
    seed: int | None
    truncated: bool


@dataclass(frozen=True)
class GenerateRequest(Request[GenerateResult]):
    """A prompt to continue. Raises `InvalidRequest` where it or an option cannot be used.

    Attributes:
        max_new_tokens: 1 to 512.
        num_return_sequences: 1 to 4.
        temperature: 0.05 to 2; below 1 the likelier tokens become likelier still.
        top_p: above 0, at most 1; tokens are drawn from the likeliest that together have this probability.
        seed: the same seed, prompt and options give the same text again.
        tail: tokens behind the prompt that end with half a character, which the text goes on with (see `Tail`).
    """

    prompt: str
    max_new_tokens: int = 60
    num_return_sequences: int = 1
    temperature: float = 0.8
    top_p: float = 0.95
    seed: int | None = None
    tail: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "prompt", clean_text(self.prompt, "prompt"))
        checked_range(self.max_new_tokens, 1, MOST_NEW_TOKENS, "max_new_tokens")
        checked_range(self.num_return_sequences, 1, MOST_SEQUENCES, "num_return_sequences")
        checked_range(
            self.temperature,
            LOWEST_TEMPERATURE,
            2,
            "temperature",
            "To always get the likeliest text, set `top_p` to 0.01 instead.",
        )
        checked_range(self.top_p, 0.01, 1, "top_p")
        if self.seed is not None:
            checked_range(self.seed, 0, MAX_SEED, "seed")

    def again(self) -> GenerateRequest:
        """The same, for another text: where a seed was asked for, with a new one, so that its text can be had again."""
        return self if self.seed is None else replace(self, seed=secrets.randbelow(MAX_SEED))

    def continued(self, continuation: Continuation) -> GenerateRequest:
        """The request for how the text goes on after one of the continuations.

        A text that is too long for a prompt is cut at its start, between two words, and `…` marks the place. What
        ends with half a character goes on from its tokens.

        Raises:
            InvalidRequest: what is left of it holds no word.
        """
        written = continuation.text[: len(continuation.text) - continuation.tail.characters]
        if not continuation.ids:  # nobody has looked whether it ends with a whole character
            written = written.rstrip(REPLACEMENT_CHARACTER)
        text = (self.prompt + written).rstrip()
        if len(text) > MAX_CHARACTERS:
            end = text[1 - MAX_CHARACTERS :]
            word, _, rest = end.partition(" ")
            text = f"…{rest if rest and len(word) <= LONGEST_WORD else end}"
        return replace(self, prompt=text, num_return_sequences=1, tail=continuation.tail.ids)


def continue_text(head: CausalLM, request: GenerateRequest) -> TaskRun[GenerateResult]:
    """By a causal language model: nucleus sampling, each sequence with its own random state."""
    from bot.inference.heads.generation.sampling import Sampling

    prompt, truncated = read_prompt(head, request)
    seed = secrets.randbelow(MAX_SEED) if request.seed is None else request.seed
    rows = [
        head.generation(
            prompt,
            request.max_new_tokens,
            # Neighbouring seeds must not share sequences.
            sampling=Sampling(request.temperature, request.top_p, seed * MOST_SEQUENCES + index),
        )
        for index in range(request.num_return_sequences)
    ]
    # Rounding depends on a batch's shape, and a sampled text on rounding: a promised seed runs without company.
    outputs = yield from head.generate(rows, alone=request.seed is not None)
    continuations = _continuations(head, request, prompt, outputs)
    return GenerateResult(request.prompt, continuations, request.seed, truncated)


def so_far(head: CausalLM, request: GenerateRequest, progress: Sequence[Sequence[int]]) -> GenerateResult:
    """What has been generated up to now."""
    from bot.inference.heads.generation.continuous_batching import Generated

    prompt, truncated = read_prompt(head, request)
    continuations = _continuations(head, request, prompt, [Generated(tuple(ids), finished=False) for ids in progress])
    return GenerateResult(request.prompt, continuations, request.seed, truncated)


def read_prompt(head: CausalLM, request: GenerateRequest) -> tuple[Sequence[int], bool]:
    """The prompt's token ids, its start left out where the context has no room for it, and whether that is so."""
    whole = (*head.encode(request.prompt), *known_tail(head, request.tail))
    room = max(1, head.context_length - request.max_new_tokens)
    return whole[-room:], len(whole) > room


def _continuations(
    head: CausalLM, request: GenerateRequest, prompt: Sequence[int], outputs: Sequence[Generated]
) -> tuple[Continuation, ...]:
    """Texts of the new tokens: decoded behind the prompt, because many tokenizers drop a first space."""
    tail = known_tail(head, request.tail)
    before = prompt[: len(prompt) - len(tail)]
    return tuple(
        Continuation(
            whole_following(head, before, [*tail, *one.ids]),
            len(one.ids),
            one.finished,
            one.written,
            WHOLE if one.finished else tail_of(head, before, [*tail, *one.ids]),
        )
        for one in outputs
    )


TASK = Task(
    "generate",
    GenerateRequest,
    {HeadKind.CAUSAL_LM: continue_text},
    repeatable=False,
    previews={HeadKind.CAUSAL_LM: so_far},
)

"""`/complete`: how does code go on?"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from bot.errors import InvalidRequest
from bot.inference.operations import TaskRun
from bot.inference.requests import Request, Result
from bot.inference.task import HeadKind, Implementation, Task
from bot.locales.message import later
from bot.locales.values import later_whole
from bot.tasks.code.ending import EndReason, code_end
from bot.tasks.code.fence import unfenced
from bot.tasks.code.languages import CodeLanguage, find_code_language, guess_code_language, known_code_language
from bot.tasks.prompts.begun import Begun, check_begun, going_on, taken_token
from bot.tasks.prompts.writing import WHOLE, ReadPrompt, Tail, without_half
from bot.text.accepted import MAX_SEED, checked_range
from bot.text.characters import FLAG, REPLACEMENT_CHARACTER, line_breaks, visible, without_controls

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM

MOST_CHARACTERS = 6_000
MOST_NEW_TOKENS = 512
TOP_P = 0.95
# So many tokens behind a line break nearly always contain the first word of the line.
WORD_TOKENS = 6

# Except in a flag, these invisible characters make code look like other code, and no model knows them.
_OVERRIDES = re.compile(
    f"(?P<flag>{FLAG})|[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\U000e0000-\U000e007f]"
)


@dataclass(frozen=True)
class CompleteResult(Result):
    """The continuation of the code."""

    text: str
    """White space included, without part of a character at its end."""
    tokens: int
    finished: bool
    """It has come to an end, rather than reaching `max_new_tokens` or being stopped."""
    truncated: bool
    """The start of the code did not fit into the model's context."""
    ids: tuple[int, ...] = ()
    """Generated tokens, and the one that ended them if one did."""
    tail: Tail = WHOLE
    taken: str = ""
    """The token that the code was to go on from, the last one of `begun`."""

    @property
    def generated(self) -> tuple[tuple[int, ...], ...]:
        """The generated text."""
        return (self.ids,)


@dataclass(frozen=True)
class CompleteRequest(Request[CompleteResult]):
    """Code to continue; raises `InvalidRequest` if it or an option cannot be used.

    Attributes:
        code: taken out of a code fence around it, and without white space at its end.
        language: its code in `bot.tasks.code.languages`. May be given as a name or an extension; guessed if empty.
        temperature: 0 to 2; 0 always takes the likeliest token.
        tail: tokens behind the code that end with part of a character (see `Tail`).
        begun: tokens that the new code begins with, for one that goes on from another token.
    """

    code: str
    language: str = ""
    max_new_tokens: int = 160
    temperature: float = 0.2
    tail: tuple[int, ...] = ()
    begun: Begun = ()

    def __post_init__(self) -> None:
        shown = _OVERRIDES.sub(lambda found: found["flag"] or "", line_breaks(self.code))
        # Code is not normalised: another form of a letter would be another value in a string of the program.
        found = unfenced(without_controls(shown, keep="\n\t"), self.language)
        object.__setattr__(self, "code", _checked(found.code))
        checked_range(self.max_new_tokens, 1, MOST_NEW_TOKENS, "max_new_tokens")
        checked_range(self.temperature, 0, 2, "temperature")
        check_begun(self.begun, self.max_new_tokens)
        object.__setattr__(self, "language", _language(self.language, found.language, self.code).code)

    @property
    def subject(self) -> str:
        """The code."""
        return self.code

    @property
    def code_language(self) -> CodeLanguage:
        """The language of the code."""
        return find_code_language(self.language)

    def continued(self, text: str, tail: Tail | None = None) -> CompleteRequest:
        """Return the request that continues after a generated text and its tail, if known.

        Code that is too long loses its first lines.
        """
        code = self.code + (text.rstrip(REPLACEMENT_CHARACTER) if tail is None else text[: len(text) - tail.characters])
        if len(code) > MOST_CHARACTERS:
            rest = code[-MOST_CHARACTERS:]
            code = rest.partition("\n")[2] or rest
        return replace(self, code=code, tail=() if tail is None else tail.ids, begun=())


def _checked(code: str) -> str:
    # Models generate a line break and the indentation behind it as one token, so half of it must not be given.
    clean = code.strip("\n").rstrip()
    if not visible(clean):
        raise InvalidRequest(
            later("There is no code. Please write the beginning of some, for example: def fibonacci(n):")
        )
    if len(clean) > MOST_CHARACTERS:
        raise InvalidRequest(
            later(
                "The code has {number} characters, and I can read {most_characters} at most. Please give only what "
                "comes just before the place where it should go on.",
                number=later_whole(len(clean)),
                most_characters=later_whole(MOST_CHARACTERS),
            )
        )
    return clean


def _language(chosen: str, fence: str, code: str) -> CodeLanguage:
    if chosen.strip():
        return find_code_language(chosen)
    return known_code_language(fence) or guess_code_language(code)  # the info string of a fence may be anything


@dataclass(frozen=True)
class Completion:
    """The part of a generated text that is the answer."""

    text: str
    rest: str
    """The text behind the answer."""
    ended: bool
    """The code has come to an end."""
    reason: EndReason | None = None
    """The rule that ends the answer before the rest; None if no rule applies."""


def go_on(head: CausalLM, request: CompleteRequest, *, seed: int | None = None) -> TaskRun[CompleteResult]:
    """Answer by a causal language model that continues plain code until a definition is complete."""
    from bot.inference.heads.generation.sampling import Sampling

    prompt = read_prompt(head, request)
    sampling = Sampling(request.temperature, TOP_P, secrets.randbelow(MAX_SEED) if seed is None else seed)
    ends = partial(_has_ended, request, prompt)
    [output] = yield from going_on(head, prompt.ids, request.begun, request.max_new_tokens, [sampling], ends=ends)
    found = completion(request, prompt, output.ids, complete=True)
    finished = output.finished or found.ended
    tail = WHOLE if finished else prompt.tail_after(output.ids)
    taken = taken_token(head, request.begun)
    return CompleteResult(found.text, len(output.ids), finished, prompt.truncated, output.written, tail, taken)


def so_far(head: CausalLM, request: CompleteRequest, progress: Sequence[Sequence[int]]) -> CompleteResult:
    """Return the code as far as it has been generated."""
    prompt = read_prompt(head, request)
    ids = (*request.begun, *progress[0])
    return CompleteResult(completion(request, prompt, ids).text, len(ids), False, prompt.truncated)


def read_prompt(head: CausalLM, request: CompleteRequest) -> ReadPrompt:
    """Encode the request's code."""
    return ReadPrompt.of(head, request.code, request.tail, request.max_new_tokens)


def _has_ended(request: CompleteRequest, prompt: ReadPrompt, ids: Sequence[int]) -> bool:
    # Only the beginning of a line can end the code, so the whole text is decoded only near one.
    head = prompt.head
    return ids[-1] in head.tokenizer.all_special_ids or (
        "\n" in head.decode(ids[-WORD_TOKENS:]) and completion(request, prompt, ids).ended
    )


def completion(
    request: CompleteRequest, prompt: ReadPrompt, ids: Sequence[int], *, complete: bool = False
) -> Completion:
    """Return the answer in the text of new tokens.

    Args:
        ids: without the token that ended the text.
        complete: no further tokens will follow.
    """
    text = prompt.text(ids)
    end = code_end(request.code, text, in_blocks=request.code_language.in_blocks, complete=complete)
    if end is None:
        text = prompt.whole_text(ids) if text.endswith(REPLACEMENT_CHARACTER) else text
        return Completion(text, "", ended=bool(ids) and ids[-1] in prompt.head.tokenizer.all_special_ids)
    kept = without_half(text[: end.offset].rstrip(), ids, prompt.text, prompt.whole_text).rstrip()
    return Completion(kept, text[len(kept) :], ended=True, reason=end.reason)


TASK = Task(
    "complete",
    CompleteRequest,
    {HeadKind.CAUSAL_LM: Implementation(go_on, so_far)},
    repeatable=False,
    from_text=True,
)

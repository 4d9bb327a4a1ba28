"""`/complete`: how does code go on?"""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from bot.errors import InvalidRequest
from bot.inference.operations import TaskRun
from bot.inference.requests import Request
from bot.inference.task import HeadKind, Task
from bot.tasks.code.ending import EndReason, code_end
from bot.tasks.code.fence import unfenced
from bot.tasks.code.languages import CodeLanguage, find_code_language, guess_code_language
from bot.tasks.prompts.writing import (
    WHOLE,
    Tail,
    following,
    known_tail,
    tail_of,
    whole_following,
    without_half,
)
from bot.text.accepted import checked_range
from bot.text.characters import FLAG, REPLACEMENT_CHARACTER, visible

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM

MOST_CHARACTERS = 6_000
MOST_NEW_TOKENS = 512
MAX_SEED = 2**31 - 1
TOP_P = 0.95
WORD_TOKENS = 6
"""Within so many tokens after a line break its first word is nearly always known."""

_LINE_BREAKS = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_OVERRIDES = re.compile(
    f"(?P<flag>{FLAG})|[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\U000e0000-\U000e007f]"
)
"""They make code look like other code, and no model knows them, unless they make a flag in a text."""


@dataclass(frozen=True)
class CompleteResult:
    """What follows the code.

    Attributes:
        text: as it follows the code, white space included, without half a character at its end.
        tokens: how many were generated.
        finished: whether it has come to an end, rather than reaching max_new_tokens or being stopped.
        truncated: whether the start of the code was not read, because it exceeds the model's context.
        ids: the generated tokens, and the one that ended the text where one did.
        tail: where the code goes on, if it ends with half a character.
    """

    text: str
    tokens: int
    finished: bool
    truncated: bool
    ids: tuple[int, ...] = ()
    tail: Tail = WHOLE


@dataclass(frozen=True)
class CompleteRequest(Request[CompleteResult]):
    """Code to go on from. Raises `InvalidRequest` where it or an option cannot be used.

    Attributes:
        code: without white space at its end: models write line breaks and indentation as one token, which can no longer
            be chosen where half of it is there. Taken out of a code fence around it.
        language: its code (see `bot.tasks.code.languages`); a name or an extension becomes one, and where there is
            none it is guessed.
        max_new_tokens: 1 to 512.
        temperature: 0 to 2; 0 always takes the likeliest token.
        tail: tokens behind the code that end with half a character, which the code goes on with (see `Tail`).
    """

    code: str
    language: str = ""
    max_new_tokens: int = 160
    temperature: float = 0.2
    tail: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        found = unfenced(_visible(self.code), self.language)
        object.__setattr__(self, "code", _checked(found.code))
        checked_range(self.max_new_tokens, 1, MOST_NEW_TOKENS, "max_new_tokens")
        checked_range(self.temperature, 0, 2, "temperature")
        object.__setattr__(self, "language", _language(self.language, found.language, self.code).code)

    @property
    def code_language(self) -> CodeLanguage:
        """The language."""
        return find_code_language(self.language)

    def continued(self, text: str, tail: Tail | None = None) -> CompleteRequest:
        """The request for how the code goes on after what was written. What is too long loses its first lines.

        Args:
            text: what was written.
            tail: its tail; None where nobody has looked whether it ends with a whole character.
        """
        code = self.code + (text.rstrip(REPLACEMENT_CHARACTER) if tail is None else text[: len(text) - tail.characters])
        if len(code) > MOST_CHARACTERS:
            rest = code[-MOST_CHARACTERS:]
            code = rest.partition("\n")[2] or rest
        return replace(self, code=code, tail=() if tail is None else tail.ids)


def _visible(code: str) -> str:
    """Code without what cannot be seen, and with one kind of line breaks.

    It is not normalised: another form of a letter would be another value in a string of the program.
    """
    return "".join(
        character
        for character in _OVERRIDES.sub(lambda found: found["flag"] or "", _LINE_BREAKS.sub("\n", code))
        if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cs")
    )


def _checked(code: str) -> str:
    clean = code.strip("\n").rstrip()
    if not visible(clean):
        raise InvalidRequest("There is no code. Please write the beginning of some, for example: def fibonacci(n):")
    if len(clean) > MOST_CHARACTERS:
        raise InvalidRequest(
            f"The code has {len(clean):,} characters, and I can read {MOST_CHARACTERS:,} at most. "
            "Please give only what comes just before the place where it should go on."
        )
    return clean


def _language(chosen: str, fence: str, code: str) -> CodeLanguage:
    if chosen.strip():
        return find_code_language(chosen)
    try:
        return find_code_language(fence)
    except InvalidRequest:  # whatever stands at a fence: nobody has chosen it here
        return guess_code_language(code)


@dataclass(frozen=True)
class Completion:
    """How much of what a model has written is the answer.

    Attributes:
        text: that much of it.
        rest: what stands behind it and is not shown.
        ended: whether the code has come to an end.
        reason: the rule by which it ends before the rest; None where none does.
    """

    text: str
    rest: str
    ended: bool
    reason: EndReason | None = None


def go_on(head: CausalLM, request: CompleteRequest, *, seed: int | None = None) -> TaskRun[CompleteResult]:
    """By a causal language model that reads the code as it is, until a definition is complete.

    Args:
        seed: for the same code every time; another one each time where there is none.
    """
    from bot.inference.heads.generation.sampling import Sampling

    prompt, truncated = read_prompt(head, request)
    sampling = Sampling(request.temperature, TOP_P, secrets.randbelow(MAX_SEED) if seed is None else seed)
    row = head.generation(prompt, request.max_new_tokens, sampling=sampling)
    row.stop_criterion = partial(_has_ended, head, request, prompt)
    [output] = yield from head.generate([row])
    found = completion(head, request, prompt, output.ids, complete=True)
    finished = output.finished or found.ended
    tail = WHOLE if finished else tail_of(head, *_behind(head, request, prompt, output.ids))
    return CompleteResult(found.text, len(output.ids), finished, truncated, output.written, tail)


def so_far(head: CausalLM, request: CompleteRequest, progress: Sequence[Sequence[int]]) -> CompleteResult:
    """What has been written up to now."""
    prompt, truncated = read_prompt(head, request)
    [ids] = progress
    found = completion(head, request, prompt, ids)
    return CompleteResult(found.text, len(ids), False, truncated)


def read_prompt(head: CausalLM, request: CompleteRequest) -> tuple[Sequence[int], bool]:
    """The code's token ids, its start left out where the context has no room for it, and whether that is so."""
    whole = (*head.encode(request.code), *known_tail(head, request.tail))
    room = max(1, head.context_length - request.max_new_tokens)
    return whole[-room:], len(whole) > room


def _has_ended(head: CausalLM, request: CompleteRequest, prompt: Sequence[int], ids: Sequence[int]) -> bool:
    # Only the start of a line can end the code, so the whole text is looked at near one only.
    return ids[-1] in head.tokenizer.all_special_ids or (
        "\n" in head.decode(ids[-WORD_TOKENS:]) and completion(head, request, prompt, ids).ended
    )


def completion(
    head: CausalLM, request: CompleteRequest, prompt: Sequence[int], ids: Sequence[int], *, complete: bool = False
) -> Completion:
    """How much of the text of new tokens is the answer.

    Args:
        prompt: what stands before them (see `read_prompt`).
        ids: without the token that ended the text.
        complete: whether nothing follows any more.
    """
    text = text_of(head, request, prompt, ids)
    end = code_end(request.code, text, in_blocks=request.code_language.in_blocks, complete=complete)
    if end is None:
        text = whole_text_of(head, request, prompt, ids) if text.endswith(REPLACEMENT_CHARACTER) else text
        return Completion(text, "", ended=bool(ids) and ids[-1] in head.tokenizer.all_special_ids)
    kept = without_half(
        text[: end.at].rstrip(),
        ids,
        partial(text_of, head, request, prompt),
        partial(whole_text_of, head, request, prompt),
    ).rstrip()
    return Completion(kept, text[len(kept) :], ended=True, reason=end.reason)


def text_of(head: CausalLM, request: CompleteRequest, prompt: Sequence[int], ids: Sequence[int]) -> str:
    """The text of new tokens as it follows the code; with U+FFFD at its end for half a character."""
    return following(head, *_behind(head, request, prompt, ids))


def whole_text_of(head: CausalLM, request: CompleteRequest, prompt: Sequence[int], ids: Sequence[int]) -> str:
    """The same without half a character at its end."""
    return whole_following(head, *_behind(head, request, prompt, ids))


def _behind(
    head: CausalLM, request: CompleteRequest, prompt: Sequence[int], ids: Sequence[int]
) -> tuple[Sequence[int], Sequence[int]]:
    """The code's tokens, and those that follow it: the request's tail, and the new ones."""
    tail = known_tail(head, request.tail)
    return prompt[: len(prompt) - len(tail)], (*tail, *ids)


TASK = Task(
    "complete",
    CompleteRequest,
    {HeadKind.CAUSAL_LM: go_on},
    repeatable=False,
    previews={HeadKind.CAUSAL_LM: so_far},
)

"""`/chat`: a conversation."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bot.errors import InvalidRequest
from bot.inference.operations import TaskRun
from bot.inference.requests import Request
from bot.inference.task import HeadKind, Task
from bot.tasks.prompts.chat_template import Message, chat_prompt, has_chat_template
from bot.tasks.prompts.speakers import NAMELESS, label, said, speaker_name
from bot.tasks.prompts.writing import EndingRow, circling, without_circles, without_half
from bot.text.accepted import checked_range, clean_text

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM

MOST_CHARACTERS = 2_000
MOST_EXCHANGES = 20
"""That a conversation is kept of."""
MOST_NEW_TOKENS = 400
MAX_SEED = 2**31 - 1
TOP_P = 0.9

SYSTEM = "You are a helpful assistant."
SEVERAL = "Several people talk with you; each message begins with the name of who wrote it."
USER, ASSISTANT = NAMELESS, "Assistant"
"""Who speaks in the transcript for a model without a chat template."""


@dataclass(frozen=True)
class Exchange:
    """What somebody has said, and what the model has answered."""

    speaker: str
    message: str
    answer: str


@dataclass(frozen=True)
class ChatResult:
    """The model's next message.

    Attributes:
        tokens: how many were generated.
        finished: whether the model ended it, rather than reaching its limit or being stopped.
        forgotten: how many of the oldest exchanges were not read, because they exceed the model's context.
        by_template: whether the checkpoint has a chat template; else it has continued a transcript.
        circling: whether the model went round in circles, and was stopped.
        ids: the generated tokens, and the one that ended the text where one did.
    """

    text: str
    tokens: int
    finished: bool
    forgotten: int
    by_template: bool
    circling: bool = False
    ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class ChatRequest(Request[ChatResult]):
    """What somebody says in a conversation. Raises `InvalidRequest` where it cannot be used.

    Attributes:
        channel_id: the channel's id on Discord: a conversation belongs to its channel. If Discord shows the answers to
            one person only, their id with a minus: what others cannot see is no part of their conversation.
        speaker: the name of who says it.
        history: what was said there before, the oldest first; of more than a conversation is kept of, the last.
        temperature: 0 to 2; 0 always takes the likeliest token.
        conversation: which of the channel's, by the number of the deletion that it has begun with; 0 is the first.
    """

    message: str
    channel_id: int
    speaker: str
    history: tuple[Exchange, ...] = ()
    temperature: float = 0.5
    conversation: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", clean_text(self.message, "message", MOST_CHARACTERS))
        object.__setattr__(self, "speaker", speaker_name(self.speaker))
        object.__setattr__(self, "history", self.history[-MOST_EXCHANGES:])
        checked_range(self.temperature, 0, 2, "temperature")


def is_private(channel_id: int) -> bool:
    """Whether nobody but one person sees the answers of a conversation, by the channel id of its requests."""
    return channel_id < 0


@dataclass(frozen=True)
class Spoken:
    """How much of what a model has written is the answer.

    Attributes:
        text: that much, without white space around it.
        speaks_for_another: whether it went on to speak for somebody else in a transcript; it ends before that.
        circling: whether it went round in circles; it ends where it begins to say again what stands before.
    """

    text: str
    speaks_for_another: bool
    circling: bool


def reply(head: CausalLM, request: ChatRequest, *, seed: int | None = None) -> TaskRun[ChatResult]:
    """By a causal language model: through its chat template, or as the continuation of a transcript.

    Args:
        seed: for the same answer every time; another one each time where there is none.
    """
    from bot.inference.heads.generation.sampling import Sampling

    prompt, forgotten = read_prompt(head, request)
    sampling = Sampling(request.temperature, TOP_P, secrets.randbelow(MAX_SEED) if seed is None else seed)
    row = head.generation(prompt, room_for_answer(head), sampling=sampling)
    [output] = yield from head.generate([EndingRow(row, partial(_has_ended, head, request))])
    answer = spoken(head, request, output.ids)
    return ChatResult(
        text=answer.text,
        tokens=len(output.ids),
        finished=output.finished or answer.speaks_for_another or answer.circling,
        forgotten=forgotten,
        by_template=has_chat_template(head),
        circling=answer.circling,
        ids=output.written,
    )


def so_far(head: CausalLM, request: ChatRequest, progress: Sequence[Sequence[int]]) -> ChatResult:
    """What has been written up to now."""
    [ids] = progress
    text, _ = _answer(head, request, ids)
    return ChatResult(text, len(ids), False, 0, has_chat_template(head))


def room_for_answer(head: CausalLM) -> int:
    """The most tokens of an answer, which shares the context with what was said before."""
    return min(MOST_NEW_TOKENS, max(1, head.context_length // 4))


def read_prompt(head: CausalLM, request: ChatRequest) -> tuple[tuple[int, ...], int]:
    """The conversation's token ids, and how many of its oldest exchanges the context has no room for."""
    build = _by_template if has_chat_template(head) else _as_transcript
    room = head.context_length - room_for_answer(head)
    speakers = _labels(request)
    for forgotten in range(len(request.history) + 1):
        prompt = build(head, request.history[forgotten:], request, speakers)
        if len(prompt) <= room:
            return prompt, forgotten
    raise InvalidRequest(
        f"This model reads {head.context_length:,} tokens at most, and your message is longer. Please shorten it."
    )


def _labels(request: ChatRequest) -> frozenset[str]:
    """How those are named who speak in a conversation; nobody where it is one person, who is the user."""
    names = {request.speaker, *(one.speaker for one in request.history)}
    return frozenset(map(label, names)) if len(names) > 1 else frozenset()


def _by_template(
    head: CausalLM, history: Sequence[Exchange], request: ChatRequest, speakers: frozenset[str]
) -> tuple[int, ...]:
    def asked(speaker: str, message: str) -> Message:
        return Message("user", said(label(speaker), message, speakers) if speakers else message)

    messages = [Message("system", f"{SYSTEM} {SEVERAL}" if speakers else SYSTEM)]
    for one in history:
        messages += [asked(one.speaker, one.message), Message("assistant", one.answer)]
    return chat_prompt(head, [*messages, asked(request.speaker, request.message)])


def _as_transcript(
    head: CausalLM, history: Sequence[Exchange], request: ChatRequest, speakers: frozenset[str]
) -> tuple[int, ...]:
    def turn(speaker: str, message: str) -> str:
        # An empty line would look like the end of what somebody says.
        return said(speaker, re.sub(r"\n\s*\n", "\n", "\n".join(message.splitlines())), speakers)

    def asked(speaker: str, message: str) -> str:
        return turn(label(speaker) if speakers else USER, message)

    turns = ["A conversation with a helpful assistant."]
    for one in history:
        turns += [asked(one.speaker, one.message), turn(ASSISTANT, one.answer)]
    return head.encode("\n\n".join([*turns, asked(request.speaker, request.message), f"{ASSISTANT}:"]))


def spoken(head: CausalLM, request: ChatRequest, ids: Sequence[int]) -> Spoken:
    """How much of the text of new tokens is the answer.

    Args:
        ids: without the token that ended the text.
    """
    text, speaks_for_another = _answer(head, request, ids)
    text, is_circling = without_circles(text)
    text = _whole(head, ids, text)
    return Spoken(text, speaks_for_another, is_circling)


def _has_ended(head: CausalLM, request: ChatRequest, ids: Sequence[int]) -> bool:
    text, ended = _answer(head, request, ids)
    return ended or circling(text) > 0


def _answer(head: CausalLM, request: ChatRequest, ids: Sequence[int]) -> tuple[str, bool]:
    """What the model has said, and whether it has gone on to speak for somebody else in a transcript."""
    if has_chat_template(head):
        return head.decode_whole(ids).strip(), False
    text = head.decode(ids)
    people = {request.speaker, *(one.speaker for one in request.history)}
    names = "|".join(map(re.escape, {USER, ASSISTANT, *people, *map(label, people)}))
    # As turns do: a single line break before `Note:` begins another line of the same answer.
    turn = re.search(rf"\n[^\S\n]*\n\s*(?:{names}):", text)
    if turn is None:
        return head.decode_whole(ids).strip(), False
    return _whole(head, ids, text[: turn.start()].strip()), True


def _whole(head: CausalLM, ids: Sequence[int], text: str) -> str:
    """The beginning of what these tokens say, white space aside, without half a character at its end."""
    written = head.decode(ids)
    before = written[: len(written) - len(written.lstrip())]
    return without_half(before + text, ids, head.decode, head.decode_whole).strip()


TASK = Task(
    "chat",
    ChatRequest,
    {HeadKind.CAUSAL_LM: reply},
    repeatable=False,
    previews={HeadKind.CAUSAL_LM: so_far},
)

"""`/chat`: a conversation."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.errors import InvalidRequest
from bot.inference.operations import TaskRun
from bot.inference.requests import Request, Result
from bot.inference.task import HeadKind, Implementation, Task
from bot.locales.message import later
from bot.locales.values import later_whole
from bot.tasks.prompts.begun import Begun, check_begun, going_on, taken_token
from bot.tasks.prompts.chat_template import Message, chat_prompt, has_chat_template
from bot.tasks.prompts.speakers import NAMELESS, label, said, speaker_name
from bot.tasks.prompts.writing import GrowingText, circling, without_circles, without_half
from bot.text.accepted import MAX_SEED, checked_range, clean_text
from bot.text.characters import visible

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM

MOST_CHARACTERS = 20_000
"""Of a message, with the files that are attached to it. What the model's context holds is another limit."""
MOST_SYSTEM_CHARACTERS = 2_000
"""Of a system prompt."""
MOST_EXCHANGES = 20
"""The most exchanges of a conversation that are kept."""
MOST_NEW_TOKENS = 400
TOP_P = 0.9

SYSTEM = "You are a helpful assistant."
SEVERAL = "Several people talk with you; each message begins with the name of who wrote it."
USER, ASSISTANT = NAMELESS, "Assistant"
"""Speakers in the transcript for a model without a chat template."""
INSTRUCTIONS = "Instructions for the assistant"
"""Stands before a system prompt there."""


@dataclass(frozen=True)
class Exchange:
    """A person's message, and the model's answer to it."""

    speaker: str
    message: str
    answer: str


@dataclass(frozen=True)
class ChatResult(Result):
    """The model's next message."""

    text: str
    tokens: int
    finished: bool
    """The model ended it, rather than reaching its limit or being stopped."""
    forgotten: int
    """How many of the oldest exchanges did not fit into the model's context."""
    by_template: bool
    """The model read the checkpoint's chat template, rather than a transcript."""
    circling: bool = False
    """The model repeated itself, and was stopped."""
    ids: tuple[int, ...] = ()
    """Generated tokens, and the one that ended them if one did."""
    taken: str = ""
    """The token that the answer was to go on from, the last one of `begun`."""

    @property
    def generated(self) -> tuple[tuple[int, ...], ...]:
        """The generated text."""
        return (self.ids,)


@dataclass(frozen=True)
class ChatRequest(Request[ChatResult]):
    """A message in a conversation; raises `InvalidRequest` if it cannot be used.

    Attributes:
        channel_id: Discord's, or the user's id with a minus if answers are ephemeral.
        history: earlier exchanges, the oldest first; only the last `MOST_EXCHANGES` are used.
        temperature: 0 to 2; 0 always takes the likeliest token.
        conversation: which of the channel's conversations: how many deletions came before it.
        system: the system prompt of the place; empty for the bot's own. Longer ones are cut.
        begun: tokens that the answer begins with, for one that goes on from another token.
    """

    message: str
    # A conversation belongs to its channel. Ephemeral answers must never become part of one that others see.
    channel_id: int
    speaker: str
    history: tuple[Exchange, ...] = ()
    temperature: float = 0.5
    conversation: int = 0
    system: str = ""
    begun: Begun = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "system", visible(self.system).strip()[:MOST_SYSTEM_CHARACTERS])
        object.__setattr__(self, "message", clean_text(self.message, "message", MOST_CHARACTERS))
        object.__setattr__(self, "speaker", speaker_name(self.speaker))
        object.__setattr__(self, "history", self.history[-MOST_EXCHANGES:])
        checked_range(self.temperature, 0, 2, "temperature")
        check_begun(self.begun, MOST_NEW_TOKENS)

    @property
    def subject(self) -> str:
        """The message."""
        return self.message

    @property
    def quotes_channel(self) -> bool:
        """Whether it contains what others have said in a channel before."""
        return bool(self.history) and not is_private(self.channel_id)


def is_private(channel_id: int) -> bool:
    """Return whether only one person sees the conversation with this channel id."""
    return channel_id < 0


@dataclass(frozen=True)
class ChatAnswer:
    """The part of a generated text that is the answer."""

    text: str
    speaks_for_another: bool
    """The model went on to speak for somebody else in a transcript, which is cut off."""
    circling: bool
    """The model repeated itself, which is cut off."""


def reply(head: CausalLM, request: ChatRequest, *, seed: int | None = None) -> TaskRun[ChatResult]:
    """Answer by a causal language model, through its chat template or by continuing a transcript."""
    from bot.inference.heads.generation.sampling import Sampling

    prompt, forgotten = read_prompt(head, request)
    sampling = Sampling(request.temperature, TOP_P, secrets.randbelow(MAX_SEED) if seed is None else seed)
    ends = AnswerEnds(head, request)
    [output] = yield from going_on(head, prompt, request.begun, room_for_answer(head), [sampling], ends=ends)
    answer = answer_in(head, request, output.ids)
    return ChatResult(
        text=answer.text,
        tokens=len(output.ids),
        finished=output.finished or answer.speaks_for_another or answer.circling,
        forgotten=forgotten,
        by_template=has_chat_template(head),
        circling=answer.circling,
        ids=output.written,
        taken=taken_token(head, request.begun),
    )


def so_far(head: CausalLM, request: ChatRequest, progress: Sequence[Sequence[int]]) -> ChatResult:
    """Return the message as far as it has been generated."""
    ids = (*request.begun, *progress[0])
    text, _ = _answer(head, request, ids)
    return ChatResult(text, len(ids), False, 0, has_chat_template(head))


def room_for_answer(head: CausalLM) -> int:
    """Return the most tokens of an answer, which shares the context with earlier messages."""
    return min(MOST_NEW_TOKENS, max(1, head.context_length // 4))


def read_prompt(head: CausalLM, request: ChatRequest) -> tuple[tuple[int, ...], int]:
    """Return the conversation's token ids, and how many of its oldest exchanges did not fit."""
    build = _by_template if has_chat_template(head) else _as_transcript
    room = head.context_length - room_for_answer(head)
    names = {request.speaker, *(one.speaker for one in request.history)}
    speakers = frozenset(map(label, names)) if len(names) > 1 else frozenset()  # a single person is the user
    for forgotten in range(len(request.history) + 1):
        prompt = build(head, request.history[forgotten:], request, speakers)
        if len(prompt) <= room:
            return prompt, forgotten
    if request.system:
        sentence = later(
            "This model reads {limit} tokens at most, and your message, with the system prompt of this place, is "
            "longer. Please shorten it."
        )
    else:
        sentence = later("This model reads {limit} tokens at most, and your message is longer. Please shorten it.")
    raise InvalidRequest(sentence.filled(limit=later_whole(head.context_length)))


def _by_template(
    head: CausalLM, history: Sequence[Exchange], request: ChatRequest, speakers: frozenset[str]
) -> tuple[int, ...]:
    def asked(speaker: str, message: str) -> Message:
        return Message("user", said(label(speaker), message, speakers) if speakers else message)

    system = request.system or SYSTEM
    between = "\n" if request.system else " "
    messages = [Message("system", f"{system}{between}{SEVERAL}" if speakers else system)]
    for one in history:
        messages += [asked(one.speaker, one.message), Message("assistant", one.answer)]
    return chat_prompt(head, [*messages, asked(request.speaker, request.message)])


def _as_transcript(
    head: CausalLM, history: Sequence[Exchange], request: ChatRequest, speakers: frozenset[str]
) -> tuple[int, ...]:
    def turn(speaker: str, message: str) -> str:
        # An empty line would end the message.
        return said(speaker, re.sub(r"\n\s*\n", "\n", "\n".join(message.splitlines())), speakers)

    def asked(speaker: str, message: str) -> str:
        return turn(label(speaker) if speakers else USER, message)

    turns = [turn(INSTRUCTIONS, request.system) if request.system else "A conversation with a helpful assistant."]
    for one in history:
        turns += [asked(one.speaker, one.message), turn(ASSISTANT, one.answer)]
    return head.encode("\n\n".join([*turns, asked(request.speaker, request.message), f"{ASSISTANT}:"]))


def answer_in(head: CausalLM, request: ChatRequest, ids: Sequence[int]) -> ChatAnswer:
    """Return the answer in the text of new tokens, which exclude the one that ended the text."""
    text, speaks_for_another = _answer(head, request, ids)
    text, is_circling = without_circles(text)
    return ChatAnswer(_whole(head, ids, text), speaks_for_another, is_circling)


class AnswerEnds:
    """The stop criterion of an answer: the model repeats itself, or speaks for somebody else in a transcript."""

    def __init__(self, head: CausalLM, request: ChatRequest) -> None:
        self._text = GrowingText(head)
        self._next_turn = None if has_chat_template(head) else _next_turn(request)

    def __call__(self, ids: Sequence[int]) -> bool:
        text = self._text.whole_text(ids)
        # A turn begins with a name and a colon, so only text with a new colon is searched.
        if self._next_turn is not None and ":" in self._text.new and self._next_turn.search(text):
            return True
        return circling(text.strip()) > 0


def _next_turn(request: ChatRequest) -> re.Pattern[str]:
    """Return the pattern of a new turn in a transcript: an empty line, and a name with a colon."""
    people = {request.speaker, *(one.speaker for one in request.history)}
    names = "|".join(map(re.escape, {USER, ASSISTANT, *people, *map(label, people)}))
    # A single line break before `Note:` begins another line of the same answer.
    return re.compile(rf"\n[^\S\n]*\n\s*(?:{names}):")


def _answer(head: CausalLM, request: ChatRequest, ids: Sequence[int]) -> tuple[str, bool]:
    """Return the model's message, and whether it went on to speak for somebody else in a transcript."""
    if has_chat_template(head):
        return head.decode_whole(ids).strip(), False
    text = head.decode(ids)
    turn = _next_turn(request).search(text)
    if turn is None:
        return head.decode_whole(ids).strip(), False
    return _whole(head, ids, text[: turn.start()].strip()), True


def _whole(head: CausalLM, ids: Sequence[int], text: str) -> str:
    """Drop part of a character from the end of a text, which is the stripped beginning of the tokens' text."""
    written = head.decode(ids)
    before = written[: len(written) - len(written.lstrip())]
    return without_half(before + text, ids, head.decode, head.decode_whole).strip()


TASK = Task("chat", ChatRequest, {HeadKind.CAUSAL_LM: Implementation(reply, so_far)}, repeatable=False)

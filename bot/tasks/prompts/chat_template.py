"""Prompts in the form that a chat model was trained with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from bot.inference.heads.calibration import Calibration
from bot.inference.tokenization.markers import Marker, MarkerPosition, Markers, Span

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM

Role = Literal["system", "user", "assistant", "tool"]

_TEMPLATE: Calibration[ChatTemplate] = Calibration("chat template")
_CONVERSATIONS: tuple[tuple[Role, ...], ...] = (
    ("user",),
    ("system", "user"),
    ("user", "assistant", "user", "assistant", "user"),
    ("system", "user", "assistant", "user", "assistant", "user"),
    ("user", "assistant", "tool", "assistant", "user"),
)
"""In which a template shows what it writes around contents."""
_GENERATION = re.compile(r"\{%[-+]?\s*(?:end)?generation\s*[-+]?%\}")
"""transformers' own tag, which marks what the assistant says."""
_MARKUP = re.compile(r"<<?[^<>\s]+>>?|\[[^\[\]\s]+\]|\{\{?[^{}\s]+\}\}?|\|[^|\s]+\|")
_SENTENCE_END = frozenset(".,!?…\"'’”)")
_FEW_WORDS = 4
"""A line of more is an instruction, which anybody may repeat."""


@dataclass(frozen=True)
class Message:
    """One message of a conversation, as templates know it."""

    role: Role
    content: str


def has_chat_template(head: CausalLM) -> bool:
    """Whether a checkpoint was trained to chat, as far as its tokenizer says."""
    return bool(head.tokenizer.chat_template)


def chat_prompt(head: CausalLM, messages: Sequence[Message]) -> tuple[int, ...]:
    """Token ids of a conversation, after which the model writes the assistant's next message.

    What the template writes around messages is broken by a space where a message holds it, be it a control token or
    text such as `[/INST]`, so that nobody can speak in another one's role. All other messages give the ids of
    transformers' own `apply_chat_template`.

    Args:
        head: of a checkpoint with a chat template.
        messages: at most one of the system, then the user and the assistant in turn, the user last.

    Source: https://huggingface.co/docs/transformers/chat_templating
    """
    from jinja2 import TemplateError

    template = ChatTemplate.of(head)
    try:
        return template.encode(messages)
    except TemplateError:  # some, such as Gemma's first ones, know no system
        return template.encode(_without_system(messages))


def inert(head: CausalLM, text: str) -> str:
    """A message's text as `chat_prompt` reads it."""
    return ChatTemplate.of(head).markers.broken(text)


def _without_system(messages: Sequence[Message]) -> list[Message]:
    """The same, with what the system says at the start of the user's first message."""
    system = "\n\n".join(one.content for one in messages if one.role == "system")
    first, *rest = (one for one in messages if one.role != "system")
    return [Message(first.role, f"{system}\n\n{first.content}"), *rest] if system else [first, *rest]


class ChatTemplate:
    """A checkpoint's chat template, and what it writes around contents.

    Attributes:
        markers: what must not stand in a message: the control tokens, and the template's own text.
    """

    def __init__(self, head: CausalLM) -> None:
        from bot.inference.tokenization.literal import control_tokens

        self._head = head
        self._state = _state(head)
        control = control_tokens(head.tokenizer)
        # An unknown character is no control token, but it has the id of one.
        self._control_ids = frozenset(control.values()) - _unknown(head)
        self._around: dict[tuple[Role, ...], tuple[str, ...]] = {}
        self._control_read: dict[tuple[Role, ...], list[int]] = {}
        tokens = [Marker(token) for token in control if len(token.strip()) > 1]
        self.markers = Markers([*tokens, *_markers(self._shown(), control), *_constants(head.tokenizer)])

    @classmethod
    def of(cls, head: CausalLM) -> ChatTemplate:
        """The one that a head's tokenizer has now. It is made once."""
        kept = head.calibrations.get(_TEMPLATE)
        if kept is None or kept._state != _state(head):
            kept = head.calibrations[_TEMPLATE] = cls(head)
        return kept

    def encode(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """Token ids of messages in this form, and of what stands before the assistant's next one.

        Raises:
            jinja2.TemplateError: the template knows no such conversation.
        """
        roles = tuple(one.role for one in messages)
        around = self._written_around(roles)
        contents = self._safe([one.content for one in messages], around)
        ids = self._head.tokenize_template(self._rendered(roles, contents), add_special_tokens=False)
        if self._controls(ids) == self._controls_of(roles):
            return tuple(ids)
        return self._by_pieces(contents, around)

    def _safe(self, contents: Sequence[str], around: Sequence[str]) -> list[str]:
        """Contents without markers, also together with what stands around them."""
        reach = self.markers.longest
        safe = []
        for content, before, after in zip(contents, around, around[1:], strict=False):
            inside = self.markers.broken(content)
            for _ in range(len(inside)):  # each round takes a character away
                changed = self._without_borders(before[-reach:] if reach else "", inside, after[:reach])
                if changed == inside:
                    break
                inside = self.markers.broken(changed)
            safe.append(inside)
        return safe

    def _without_borders(self, before: str, content: str, after: str) -> str:
        """A content without the half of a marker whose other half the template writes."""
        here = Span(len(before), len(before) + len(content))
        for found in self.markers.find(before + content + after):
            start, end = max(found.start, here.start), min(found.end, here.end)
            if start < end and not (here.start <= found.start and found.end <= here.end):
                return content[: start - here.start] + content[end - here.start :]
        return content

    def _by_pieces(self, contents: Sequence[str], around: Sequence[str]) -> tuple[int, ...]:
        """The template's parts, read with control tokens, and contents, read without. It is for tokenizers that find
        control tokens in what looks like none, and for templates that change what they write with the contents."""
        ids = list(self._head.tokenize_template(around[0], add_special_tokens=False))
        for content, after in zip(contents, around[1:], strict=True):
            ids += self._head.encode_rest(content)
            ids += self._head.tokenize_template(after, add_special_tokens=False)
        return tuple(ids)

    def _controls(self, ids: Iterable[int]) -> list[int]:
        return [one for one in ids if one in self._control_ids]

    def _controls_of(self, roles: tuple[Role, ...]) -> list[int]:
        """The control tokens of a conversation of these roles in which nobody forges any."""
        if roles not in self._control_read:
            text = "a".join(self._written_around(roles))
            self._control_read[roles] = self._controls(self._head.tokenize_template(text, add_special_tokens=False))
        return self._control_read[roles]

    def _written_around(self, roles: tuple[Role, ...]) -> tuple[str, ...]:
        """What the template writes before, between and after the contents of messages of these roles."""
        if roles not in self._around:
            placeholders = [f"Content{place}Here" for place in range(len(roles))]
            rest, around = self._rendered(roles, placeholders), []
            for one in placeholders:
                # A template that leaves a message out writes nothing between it and the next one.
                before, _, after = rest.partition(one) if one in rest else ("", "", rest)
                around.append(before)
                rest = after
            self._around[roles] = (*around, rest)
        return self._around[roles]

    def _shown(self) -> Iterator[tuple[str, ...]]:
        """What the template writes around contents, in conversations of each kind that it knows."""
        for roles in _CONVERSATIONS:
            with suppress(Exception):  # a template may expect anything of a conversation
                yield self._written_around(roles)

    def _rendered(self, roles: Sequence[Role], contents: Sequence[str]) -> str:
        tokenizer: Any = self._head.tokenizer
        text = tokenizer.apply_chat_template(
            [{"role": role, "content": content} for role, content in zip(roles, contents, strict=True)],
            add_generation_prompt=True,
            tokenize=False,
            enable_thinking=False,  # for templates that ask, such as Qwen3's: thoughts would take the answer's room
        )
        return str(text)


def _state(head: CausalLM) -> tuple[str, int]:
    return str(head.tokenizer.chat_template), len(head.tokenizer)


def _unknown(head: CausalLM) -> frozenset[int]:
    """The id of unknown characters, where it means nothing else."""
    tokenizer: Any = head.tokenizer
    others = {tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id}
    return frozenset() if tokenizer.unk_token_id in others else frozenset((tokenizer.unk_token_id,))


def _markers(shown: Iterable[Sequence[str]], control: Iterable[str]) -> Iterator[Marker]:
    """The text that a template writes around contents, as markers."""
    known = [*shown]
    written = "\0".join(literal for around in known for literal in around)
    present = sorted((token for token in control if token in written), key=len, reverse=True)
    tokens = re.compile("|".join(map(re.escape, present)) or "(?!)")
    for around in known:
        for place, literal in enumerate(around):
            yield from _markers_of(literal, tokens, is_first=place == 0, is_last=place == len(around) - 1)


def _markers_of(literal: str, tokens: re.Pattern[str], *, is_first: bool, is_last: bool) -> Iterator[Marker]:
    """The markers of what stands between two contents."""
    parts = tokens.split(literal)
    for number, part in enumerate(parts):
        lines = part.split("\n")
        for place, line in enumerate(lines):
            at_start = place > 0 or (is_first and number == 0)
            at_end = place < len(lines) - 1 or (is_last and number == len(parts) - 1)
            yield from _markers_in(line.strip(), is_line_start=at_start, is_line=at_start and at_end)


def _markers_in(line: str, *, is_line_start: bool, is_line: bool) -> Iterator[Marker]:
    """The markers of a line, or of what a template writes of one."""
    yield from map(Marker, _MARKUP.findall(line))
    words = line.split()
    if not words:
        return
    if line[0].isalnum() and (line[-1].isalnum() or line[-1] in _SENTENCE_END):
        # Plain words beside a control token, such as `user`, mean nothing without it.
        if is_line and len(words) <= _FEW_WORDS:
            yield Marker(line, MarkerPosition.LINE)
        return
    if len(words) <= _FEW_WORDS:
        yield Marker(
            line, MarkerPosition.LINE_START if is_line_start and line[0].isalnum() else MarkerPosition.ANYWHERE
        )
    elif line.endswith(":"):
        yield Marker(words[-1])


def _constants(tokenizer: Any) -> Iterator[Marker]:
    """The marks in the strings of a template, also of those that it writes only where there are tools or thoughts."""
    from jinja2 import Environment, TemplateError, nodes

    environment = Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"])  # noqa: S701 - only parsed
    for source in _sources(tokenizer.chat_template):
        with suppress(TemplateError):
            tree = environment.parse(_GENERATION.sub("", source))
            strings = [one.data for one in tree.find_all(nodes.TemplateData)]
            strings += [one.value for one in tree.find_all(nodes.Const) if isinstance(one.value, str)]
            yield from (
                Marker(mark) for text in strings for mark in _MARKUP.findall(text) if any(map(str.isalnum, mark))
            )


def _sources(template: Any) -> list[str]:
    """A tokenizer may have several templates, by name."""
    return [str(one) for one in template.values()] if isinstance(template, dict) else [str(template or "")]

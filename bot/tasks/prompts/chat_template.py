"""Prompts in the form that a chat model was trained with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bot.inference.heads.calibration import Calibration
from bot.inference.tokenization.markers import Marker, MarkerPosition, Markers
from bot.text.graphemes import Span

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from bot.inference.heads.causal_lm import CausalLM

Role = Literal["system", "user", "assistant", "tool"]

# A template is shown these to find out what it writes around contents.
_CONVERSATIONS: tuple[tuple[Role, ...], ...] = (
    ("user",),
    ("system", "user"),
    ("user", "assistant", "user", "assistant", "user"),
    ("system", "user", "assistant", "user", "assistant", "user"),
    ("user", "assistant", "tool", "assistant", "user"),
)
# transformers' own tag around the assistant's messages, which is not Jinja.
_GENERATION = re.compile(r"\{%[-+]?\s*(?:end)?generation\s*[-+]?%\}")
_MARKUP = re.compile(r"<<?[^<>\s]+>>?|\[[^\[\]\s]+\]|\{\{?[^{}\s]+\}\}?|\|[^|\s]+\|")
_SENTENCE_END = frozenset(".,!?…\"'’”)")
# A longer line is an instruction, which any message may contain.
_FEW_WORDS = 4


@dataclass(frozen=True)
class Message:
    """A message of a conversation, as templates read it."""

    role: Role
    content: str


def has_chat_template(head: CausalLM) -> bool:
    """Return whether a checkpoint was trained to chat, according to its tokenizer."""
    return bool(head.tokenizer.chat_template)


def chat_prompt(head: CausalLM, messages: Sequence[Message]) -> tuple[int, ...]:
    """Return token ids of a conversation that the model continues with the assistant's next message.

    A space breaks the template's own markers in a message, such as `[/INST]`, so that nobody can speak in another role.
    All other messages have the ids of transformers' own `apply_chat_template`.

    Args:
        head: of a checkpoint with a chat template.
        messages: at most one of the system, then the user and the assistant in turn, the user last.

    Source: https://huggingface.co/docs/transformers/chat_templating
    """
    from jinja2 import TemplateError

    template = ChatTemplate.of(head)
    try:
        return template.encode(head, messages)
    except TemplateError:  # some, such as Gemma 1's, have no system role
        return template.encode(head, _without_system(messages))


def inert(head: CausalLM, text: str) -> str:
    """Return a message's text as `chat_prompt` reads it."""
    return ChatTemplate.of(head).markers.broken(text)


def _without_system(messages: Sequence[Message]) -> list[Message]:
    """Move the system's message to the start of the user's first one."""
    system = "\n\n".join(one.content for one in messages if one.role == "system")
    first, *rest = (one for one in messages if one.role != "system")
    return [Message(first.role, f"{system}\n\n{first.content}"), *rest] if system else [first, *rest]


class ChatTemplate:
    """What is known of a checkpoint's chat template, found out once.

    Attributes:
        markers: must not occur in a message: the control tokens, and the template's own text.
    """

    # A calibration outlives its head. So a template must not keep the head, or an evicted checkpoint would stay in
    # memory.
    def __init__(self, head: CausalLM) -> None:
        from bot.inference.tokenization.literal import control_tokens

        tokenizer = head.tokenizer
        self._state = _state(head)
        control = control_tokens(tokenizer)
        others = {tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id}
        # An unknown character is not a control token, but has the id of one.
        self._control_ids = frozenset(control.values()) - ({tokenizer.unk_token_id} - others)
        self._around: dict[tuple[Role, ...], tuple[str, ...]] = {}
        self._control_read: dict[tuple[Role, ...], list[int]] = {}
        tokens = [Marker(token) for token in control if len(token.strip()) > 1]
        self.markers = Markers([*tokens, *_markers(self._shown(head), control), *_constants(tokenizer)])

    @classmethod
    def of(cls, head: CausalLM) -> ChatTemplate:
        """Return the template of a head's tokenizer."""
        kept = head.calibrations.get(_TEMPLATE)
        if kept is None or kept._state != _state(head):
            kept = head.calibrations[_TEMPLATE] = cls(head)
        return kept

    def encode(self, head: CausalLM, messages: Sequence[Message]) -> tuple[int, ...]:
        """Return token ids of messages; raises `jinja2.TemplateError` if the template refuses such a conversation."""
        roles = tuple(one.role for one in messages)
        around = self._written_around(head, roles)
        contents = self._safe([one.content for one in messages], around)
        ids = head.tokenize_template(_rendered(head, roles, contents), add_special_tokens=False)
        if self._controls(ids) == self._controls_of(head, roles):
            return tuple(ids)
        # The tokenizer finds control tokens in other text, or the template writes other text for these contents.
        return _by_pieces(head, contents, around)

    def _safe(self, contents: Sequence[str], around: Sequence[str]) -> list[str]:
        """Break the markers in contents, including those that contents would form with the template's text."""
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
        """Drop the half of a marker from a content if the template writes the other half."""
        here = Span(len(before), len(before) + len(content))
        for found in self.markers.find(before + content + after):
            start, end = max(found.start, here.start), min(found.end, here.end)
            if start < end and not (here.start <= found.start and found.end <= here.end):
                return content[: start - here.start] + content[end - here.start :]
        return content

    def _controls(self, ids: Iterable[int]) -> list[int]:
        return [one for one in ids if one in self._control_ids]

    def _controls_of(self, head: CausalLM, roles: tuple[Role, ...]) -> list[int]:
        """Return the control tokens of a conversation of these roles in which nobody has forged one."""
        if roles not in self._control_read:
            text = "a".join(self._written_around(head, roles))
            self._control_read[roles] = self._controls(head.tokenize_template(text, add_special_tokens=False))
        return self._control_read[roles]

    def _written_around(self, head: CausalLM, roles: tuple[Role, ...]) -> tuple[str, ...]:
        """Return the template's text before, between and behind the contents of messages of these roles."""
        if roles not in self._around:
            placeholders = [f"Content{index}Here" for index in range(len(roles))]
            rest, around = _rendered(head, roles, placeholders), []
            for one in placeholders:
                # A template that omits a message writes nothing between it and the next one.
                before, _, after = rest.partition(one) if one in rest else ("", "", rest)
                around.append(before)
                rest = after
            self._around[roles] = (*around, rest)
        return self._around[roles]

    def _shown(self, head: CausalLM) -> Iterator[tuple[str, ...]]:
        """Yield the template's text around contents, for each kind of conversation that it accepts."""
        for roles in _CONVERSATIONS:
            with suppress(Exception):  # a template may raise anything
                yield self._written_around(head, roles)


_TEMPLATE: Calibration[ChatTemplate] = Calibration("chat template")


def _state(head: CausalLM) -> tuple[str, int]:
    return str(head.tokenizer.chat_template), len(head.tokenizer)


def _rendered(head: CausalLM, roles: Sequence[Role], contents: Sequence[str]) -> str:
    text = head.tokenizer.apply_chat_template(
        [{"role": role, "content": content} for role, content in zip(roles, contents, strict=True)],
        add_generation_prompt=True,
        tokenize=False,
        enable_thinking=False,  # for templates that ask, such as Qwen3's: thoughts would take the answer's room
    )
    return str(text)


def _by_pieces(head: CausalLM, contents: Sequence[str], around: Sequence[str]) -> tuple[int, ...]:
    """Encode the template's parts with control tokens, and contents without."""
    ids = list(head.tokenize_template(around[0], add_special_tokens=False))
    for content, after in zip(contents, around[1:], strict=True):
        ids += head.encode_rest(content)
        ids += head.tokenize_template(after, add_special_tokens=False)
    return tuple(ids)


def _markers(shown: Iterable[Sequence[str]], control: Iterable[str]) -> Iterator[Marker]:
    """Yield the markers in a template's text around contents."""
    known = [*shown]
    written = "\0".join(literal for around in known for literal in around)
    present = sorted((token for token in control if token in written), key=len, reverse=True)
    tokens = re.compile("|".join(map(re.escape, present)) or "(?!)")
    for around in known:
        for index, literal in enumerate(around):
            yield from _markers_of(literal, tokens, is_first=index == 0, is_last=index == len(around) - 1)


def _markers_of(literal: str, tokens: re.Pattern[str], *, is_first: bool, is_last: bool) -> Iterator[Marker]:
    """Yield the markers in the text between two contents."""
    parts = tokens.split(literal)
    for number, part in enumerate(parts):
        lines = part.split("\n")
        for index, line in enumerate(lines):
            at_start = index > 0 or (is_first and number == 0)
            at_end = index < len(lines) - 1 or (is_last and number == len(parts) - 1)
            yield from _markers_in(line.strip(), is_line_start=at_start, is_line=at_start and at_end)


def _markers_in(line: str, *, is_line_start: bool, is_line: bool) -> Iterator[Marker]:
    """Yield the markers in a line's part between contents and control tokens."""
    yield from map(Marker, _MARKUP.findall(line))
    words = line.split()
    if not words:
        return
    if line[0].isalnum() and (line[-1].isalnum() or line[-1] in _SENTENCE_END):
        # Words beside a control token, such as `user`, are no marker without it.
        if is_line and len(words) <= _FEW_WORDS:
            yield Marker(line, MarkerPosition.LINE)
        return
    if len(words) <= _FEW_WORDS:
        yield Marker(
            line, MarkerPosition.LINE_START if is_line_start and line[0].isalnum() else MarkerPosition.ANYWHERE
        )
    elif line.endswith(":"):
        yield Marker(words[-1])


def _constants(tokenizer: PreTrainedTokenizerBase) -> Iterator[Marker]:
    """Yield the markers in the strings of a template, including those that it only writes for tools or thoughts."""
    from jinja2 import Environment, TemplateError, nodes

    environment = Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"])  # noqa: S701 - only parsed
    template = tokenizer.chat_template or ""  # or several by name
    for source in template.values() if isinstance(template, dict) else [template]:
        with suppress(TemplateError):
            tree = environment.parse(_GENERATION.sub("", source))
            strings = [one.data for one in tree.find_all(nodes.TemplateData)]
            strings += [one.value for one in tree.find_all(nodes.Const) if isinstance(one.value, str)]
            yield from (
                Marker(mark) for text in strings for mark in _MARKUP.findall(text) if any(map(str.isalnum, mark))
            )

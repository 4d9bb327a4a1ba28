"""Prompts in the form that a chat model was trained with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM

_CONTROL = "chat template: control tokens"
"""Where a checkpoint's pattern is kept in its notes."""


@dataclass(frozen=True)
class Message:
    """One message of a conversation, as templates know it."""

    role: Literal["system", "user", "assistant"]
    content: str


def has_chat_template(head: CausalLM) -> bool:
    """Whether a checkpoint was trained to chat, as far as its tokenizer says."""
    return bool(head.tokenizer.chat_template)


def chat_prompt(head: CausalLM, messages: Sequence[Message]) -> tuple[int, ...]:
    """Token ids of a conversation, after which the model writes the assistant's next message.

    Control tokens in the messages themselves are made plain text, so that nobody can speak in another one's role.

    Args:
        head: of a checkpoint with a chat template.
        messages: at most one of the system, then the user and the assistant in turn, the user last.

    Source: https://huggingface.co/docs/transformers/chat_templating
    """
    from jinja2 import TemplateError

    inert = [Message(one.role, _inert(head, one.content)) for one in messages]
    try:
        return head.encode_rest(_rendered(head, inert))
    except TemplateError:  # some, such as Gemma's first ones, know no system
        return head.encode_rest(_rendered(head, _without_system(inert)))


def _rendered(head: CausalLM, messages: Sequence[Message]) -> str:
    tokenizer: Any = head.tokenizer
    text = tokenizer.apply_chat_template(
        [{"role": one.role, "content": one.content} for one in messages],
        add_generation_prompt=True,
        tokenize=False,
        enable_thinking=False,  # for templates that ask, such as Qwen3's: thoughts would take the answer's room
    )
    return str(text)


def _without_system(messages: Sequence[Message]) -> list[Message]:
    """The same, with what the system says at the start of the user's first message."""
    system = "\n\n".join(one.content for one in messages if one.role == "system")
    first, *rest = (one for one in messages if one.role != "system")
    return [Message(first.role, f"{system}\n\n{first.content}"), *rest] if system else [first, *rest]


def _inert(head: CausalLM, text: str) -> str:
    """A text in which a space breaks every control token."""
    pattern = head.notes.get(_CONTROL)
    if pattern is None:
        added = head.tokenizer.added_tokens_decoder.values()
        tokens = sorted({str(one) for one in added if len(str(one).strip()) > 1}, key=len, reverse=True)
        pattern = head.notes[_CONTROL] = re.compile("|".join(map(re.escape, tokens)) or r"(?!)")
    return re.sub(pattern, lambda found: f"{found[0][0]} {found[0][1:]}", text)

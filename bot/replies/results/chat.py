"""What `/chat` answers, at its end and on the way there."""

from __future__ import annotations

from dataclasses import replace

import discord

from bot.inference.requests import Answer
from bot.replies.components.buttons import Action, Button
from bot.replies.formatting.text import Keep, escape, fit, quoted, unfinished
from bot.replies.reply import Draft, Reply
from bot.tasks.chat import ChatRequest, ChatResult, is_private

FORGET = Action("chat-forget", "New conversation")

COLOUR = 0x6F9A5B
MESSAGE = 500
"""Units of the message that is answered."""
ROOM = 3_200
NOTHING = "*The model said nothing.*"
CIRCLING = "The model went round in circles, and was stopped."
TRANSCRIPT = "This checkpoint has no chat template: it has continued a plain transcript."
CURSOR = "▌"


def render(request: ChatRequest, answer: Answer[ChatResult]) -> Reply:
    """The message, quoted, and the model's."""
    result = answer.result
    draft = Draft(COLOUR)
    text = result.text if result.finished else unfinished(result.text)
    draft.lines = [draft.fit(request.message, MESSAGE, quoted), "", draft.fit(text, ROOM) if result.text else NOTHING]
    whole = f"{request.speaker}: {request.message}\n\n{result.text}"
    reply = draft.reply("chat", answer, whole, _remark(request, result), fact=f"{result.tokens} tokens")
    return replace(reply, buttons=(Button(FORGET, replace(request, history=())),))  # what is forgotten need not be kept


def preview(request: ChatRequest, result: ChatResult) -> Reply:
    """What there is so far; of what exceeds the room, the end, where something happens."""
    message = fit(request.message, MESSAGE, quoted)[0]
    shown = fit(result.text, ROOM - 1, keep=Keep.END)[0] + CURSOR
    embed = discord.Embed(description=f"{message}\n\n{shown}", colour=COLOUR)
    return Reply(embed.set_footer(text=f"Writing: {result.tokens} tokens so far"))


def forgotten(name: str, place: int) -> str:
    """What is said when somebody has ended a conversation.

    Args:
        place: of the conversation, as in its requests.
    """
    where = "where nobody else sees the answers" if is_private(place) else "in this channel"
    return f"{escape(name)} has begun a new conversation: I have forgotten what was said with /chat {where}."


def _remark(request: ChatRequest, result: ChatResult) -> str | None:
    read = len(request.history) - result.forgotten
    where = "that nobody else saw," if is_private(request.place) else "of this channel"
    lines = [
        f"Remembers {read} earlier message{'s' if read != 1 else ''} {where} with the answers." if read else None,
        f"{result.forgotten} older ones exceed this model's context and were not read." if result.forgotten else None,
        CIRCLING if result.circling else None,
        None if result.by_template else TRANSCRIPT,
    ]
    return "\n".join(filter(None, lines)) or None

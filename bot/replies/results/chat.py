"""The results of `/chat`, complete and partial, as replies."""

from __future__ import annotations

from dataclasses import replace

from bot.inference.requests import Answer
from bot.locales.message import _, later, plural
from bot.replies.components.buttons import Action, Button
from bot.replies.formatting.text import escape, quoted, unfinished, unfinished_end
from bot.replies.formatting.tokens import tokens_in_words, written_so_far
from bot.replies.reply import Draft, Reply, gone_on
from bot.tasks.chat import ChatRequest, ChatResult, is_private

FORGET = Action("chat-forget", later("New conversation"))

COLOUR = 0x6F9A5B
MESSAGE = 500
"""Units of the message that is answered."""
ROOM = 3_200
# Translators: keep the asterisks: Discord shows the sentence in italics.
NOTHING = later("*The model said nothing.*")
CIRCLING = later("The model went round in circles, and was stopped.")
STAYS = later("A try beside the conversation, which goes on with the answer that it had.")
TRANSCRIPT = later("This checkpoint has no chat template: it has continued a plain transcript.")


def render(request: ChatRequest, answer: Answer[ChatResult]) -> Reply:
    """Render the message, quoted, and the model's answer."""
    return _rendered(_begin(request), request, answer)


def render_reply(request: ChatRequest, answer: Answer[ChatResult], remark: str | None = None) -> Reply:
    """Render the model's answer for a reply to the message.

    Args:
        remark: a further sentence for the footer.
    """
    return _rendered(Draft(COLOUR), request, answer, remark)


def render_branch(request: ChatRequest, answer: Answer[ChatResult]) -> Reply:
    """Render an answer that goes on from another token, which the conversation does not learn of."""
    remark = "\n".join(filter(None, (gone_on(request.begun, answer.result.taken), str(STAYS))))
    return replace(_rendered(_begin(request), request, answer, remark), buttons=())


def _rendered(draft: Draft, request: ChatRequest, answer: Answer[ChatResult], remark: str | None = None) -> Reply:
    result = answer.result
    text = result.text if result.finished else unfinished(result.text)
    draft.lines.append(draft.fit(text, ROOM) if result.text else str(NOTHING))
    whole = f"{request.speaker}: {request.message}\n\n{result.text}"
    remarks = "\n".join(filter(None, (_remark(request, result), remark)))
    reply = draft.reply("chat", answer, whole, remarks, fact=tokens_in_words(result.tokens))
    # Forgetting needs no history, so none is stored with the button.
    return replace(reply, buttons=(Button(FORGET, replace(request, history=())),))


def preview(request: ChatRequest, result: ChatResult) -> Reply:
    """Render the message, quoted, and the text so far."""
    return _previewed(_begin(request), result)


def preview_reply(request: ChatRequest, result: ChatResult) -> Reply:
    """Render the text so far for a reply to the message."""
    return _previewed(Draft(COLOUR), result)


def _previewed(draft: Draft, result: ChatResult) -> Reply:
    draft.lines.append(unfinished_end(result.text, ROOM))
    return draft.preview(written_so_far(result.tokens))


def forgotten(name: str, channel_id: int) -> str:
    """Return the sentence for a channel in which somebody has begun a new conversation."""
    if is_private(channel_id):
        return _(
            "{name} has begun a new conversation: I have forgotten what was said with /chat where nobody else sees the "
            "answers.",
            name=escape(name),
        )
    return _(
        "{name} has begun a new conversation: I have forgotten what was said with /chat in this channel.",
        name=escape(name),
    )


def _begin(request: ChatRequest) -> Draft:
    draft = Draft(COLOUR)
    draft.lines = [draft.fit(request.message, MESSAGE, quoted), ""]
    return draft


def _remark(request: ChatRequest, result: ChatResult) -> str:
    read = len(request.history) - result.forgotten
    lines = [
        _remembered(read, is_private(request.channel_id)) if read else None,
        _forgotten(result.forgotten) if result.forgotten else None,
        str(CIRCLING) if result.circling else None,
        None if result.by_template else str(TRANSCRIPT),
    ]
    return "\n".join(filter(None, lines))


def _remembered(read: int, is_private: bool) -> str:
    """Say how many messages of a conversation the model has read besides the new one."""
    if is_private:
        return plural(
            "Remembers {count} earlier message that nobody else saw, with its answer.",
            "Remembers {count} earlier messages that nobody else saw, with the answers.",
            read,
        )
    return plural(
        "Remembers {count} earlier message of this channel with its answer.",
        "Remembers {count} earlier messages of this channel with the answers.",
        read,
    )


def _forgotten(number: int) -> str:
    return plural(
        "{count} older one exceeds this model's context and was not read.",
        "{count} older ones exceed this model's context and were not read.",
        number,
    )

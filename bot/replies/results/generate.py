"""What `/generate` answers, at its end and on the way there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import discord

from bot.errors import InvalidRequest
from bot.inference.requests import Answer
from bot.replies.components.buttons import Action, Button
from bot.replies.formatting.text import CUT, Keep, bold, fit, quoted, unfinished
from bot.replies.reply import Colour, Draft, Reply, truncation
from bot.tasks.generate import Continuation, GenerateRequest, GenerateResult
from bot.text.characters import REPLACEMENT_CHARACTER

REGENERATE = Action("regenerate", "Regenerate")
CONTINUE = Action("continue", "Continue")

INLINE_PROMPT = 300
"""Units of a prompt that its continuation follows in the same line."""
LONG_PROMPT = 600
ROOM = 3_100
"""Units of all continuations together."""
NOTHING = "*The model ended the text here.*"
CURSOR = "▌"
"""Stands where the next word will."""

Show = Callable[[Continuation, int], str]
"""Writes a continuation in Markdown of so many units at most."""


def render(request: GenerateRequest, answer: Answer[GenerateResult]) -> Reply:
    """The prompt in bold and its continuation plain; several of them numbered, below the quoted prompt."""
    result = answer.result
    draft = Draft(Colour.GENERATE)

    def show(continuation: Continuation, room: int) -> str:
        text = continuation.text.rstrip()
        if not text and continuation.finished:
            return f" {NOTHING}"
        return draft.fit(text if continuation.finished else _going_on(result.prompt, text), room)

    draft.lines = _lines(draft, result, show)
    seed = None if result.seed is None else f"seed {result.seed}"
    unread = truncation(result.truncated, "prompt", "start")
    reply = draft.reply("generate", answer, _whole(result), unread, fact=seed)
    return replace(reply, buttons=(Button(REGENERATE, request), *_continuing(request, result)))


def preview(request: GenerateRequest, result: GenerateResult) -> Reply:
    """What there is so far. Of what exceeds the room, the end is shown: it is where something happens.

    Nothing in it needs to be closed, however early it is cut: texts are cut first and escaped then, and the cursor is
    no Markdown.
    """
    draft = Draft(Colour.GENERATE)

    def show(continuation: Continuation, room: int) -> str:
        return fit(continuation.text.rstrip(REPLACEMENT_CHARACTER).rstrip(), room - 1, keep=Keep.END)[0] + CURSOR

    description = "\n".join(_lines(draft, result, show))
    written = sum(continuation.tokens for continuation in result.continuations)
    most = request.max_new_tokens * request.num_return_sequences
    embed = discord.Embed(description=description, colour=Colour.GENERATE)
    return Reply(embed.set_footer(text=f"Writing: {written} of at most {most} tokens"))


def _lines(draft: Draft, result: GenerateResult, show: Show) -> list[str]:
    if len(result.continuations) == 1 and "\n" not in result.prompt and len(result.prompt) <= INLINE_PROMPT:
        return [bold(result.prompt) + show(result.continuations[0], ROOM)]
    return [draft.fit(result.prompt, LONG_PROMPT, quoted, Keep.END), *_numbered(result, show)]


def _numbered(result: GenerateResult, show: Show) -> Iterator[str]:
    room = ROOM // len(result.continuations)
    for place, continuation in enumerate(result.continuations, 1):
        number = f"`{place}` " if len(result.continuations) > 1 else ""
        yield ""
        yield number + show(continuation, room).lstrip()


def _continuing(request: GenerateRequest, result: GenerateResult) -> Iterator[Button]:
    """A button for each continuation that may go on. Of equal ones the first has it: they would go on alike."""
    several = len(result.continuations) > 1
    offered: set[GenerateRequest] = set()
    for place, continuation in enumerate(result.continuations, 1):
        if continuation.finished:
            continue
        try:
            following = request.continued(continuation)
        except InvalidRequest:  # nothing but punctuation
            continue
        if following not in offered:
            offered.add(following)
            yield Button(CONTINUE, following, f"Continue {place}" if several else None)


def _whole(result: GenerateResult) -> str:
    texts = [
        result.prompt + (one.text if one.finished else _going_on(result.prompt, one.text))
        for one in result.continuations
    ]
    return texts[0] if len(texts) == 1 else "\n\n".join(f"[{place}]\n{text}" for place, text in enumerate(texts, 1))


def _going_on(prompt: str, text: str) -> str:
    """A continuation with the sign that it would have gone on; where it is empty, the sign follows the prompt."""
    return unfinished(text) if text.strip() else unfinished(prompt)[len(prompt.rstrip()) :] or CUT

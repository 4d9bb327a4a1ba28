"""What `/complete` answers, at its end and on the way there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import discord

from bot.errors import InvalidRequest
from bot.inference.requests import Answer
from bot.replies.components.buttons import Action, Button
from bot.replies.formatting.code import code_block, holds_fence
from bot.replies.formatting.text import Keep, fit
from bot.replies.reply import Draft, Reply, TextFile, truncation
from bot.tasks.complete import CompleteRequest, CompleteResult
from bot.text.characters import REPLACEMENT_CHARACTER

REGENERATE = Action("complete-again", "Regenerate")
CONTINUE = Action("complete-on", "Continue")

COLOUR = 0x5B8DB8
GIVEN = 700
"""Units of the code that was given."""
ROOM = 2_900
"""Units of what follows it."""
NOTHING = "*The model ended the code here.*"
BROKEN = "*Three backticks cannot be shown in a block; the file has them.*"
CURSOR = "▌"


def render(request: CompleteRequest, answer: Answer[CompleteResult]) -> Reply:
    """The end of the code that was given, and below it what the model wrote, each in a block."""
    result = answer.result
    draft = Draft(COLOUR)
    block = code_block(request.language)
    new = result.text.strip("\n").rstrip()
    given = draft.fit(request.code, GIVEN, block, Keep.END)
    draft.lines = [given, draft.fit(new, ROOM, block) if new.strip() else NOTHING]
    broken = holds_fence(request.code + result.text)
    if broken:
        draft.lines.append(BROKEN)
    remark = truncation(result.truncated, "code", "start")
    reply = draft.reply("complete", answer, "", remark, fact=f"{request.code_language.name} · {result.tokens} tokens")
    return replace(
        reply,
        file=_file(request, result) if draft.cut or broken else None,
        buttons=tuple(_offers(request, result)),
    )


def preview(request: CompleteRequest, result: CompleteResult) -> Reply:
    """What there is so far; of what exceeds the room, the end, where something happens."""
    block = code_block(request.language)
    new = result.text.rstrip(REPLACEMENT_CHARACTER).strip("\n").rstrip() + CURSOR
    given = fit(request.code, GIVEN, block, Keep.END)[0]
    embed = discord.Embed(description=f"{given}\n{fit(new, ROOM, block, Keep.END)[0]}", colour=COLOUR)
    return Reply(embed.set_footer(text=f"Writing: {result.tokens} of at most {request.max_new_tokens} tokens"))


def _offers(request: CompleteRequest, result: CompleteResult) -> Iterator[Button]:
    if request.temperature:  # else the same again
        yield Button(REGENERATE, request)
    if result.finished or not result.text.strip():
        return
    try:
        following = request.continued(result.text, result.tail)
    except InvalidRequest:  # nothing but fences is left of it
        return
    yield Button(CONTINUE, following)


def _file(request: CompleteRequest, result: CompleteResult) -> TextFile:
    return TextFile(f"complete.{request.code_language.extension}", (request.code + result.text).rstrip() + "\n")

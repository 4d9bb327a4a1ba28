"""The results of `/complete`, complete and partial, as replies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bot.errors import InvalidRequest
from bot.inference.requests import Answer
from bot.locales.message import later
from bot.replies.components.buttons import Action, Button
from bot.replies.formatting.code import code_block, holds_fence
from bot.replies.formatting.text import Keep
from bot.replies.formatting.tokens import tokens_in_words, written_of
from bot.replies.reply import Draft, Reply, TextFile, gone_on, truncation
from bot.tasks.complete import CompleteRequest, CompleteResult
from bot.text.characters import CURSOR, REPLACEMENT_CHARACTER

# Translators: the labels of two buttons: write another text, and go on with this one.
REGENERATE = Action("complete-again", later("Regenerate"))
CONTINUE = Action("complete-on", later("Continue"))

COLOUR = 0x5B8DB8
GIVEN = 700
"""Units of the given code."""
ROOM = 2_900
"""Units of the code after it."""
# Translators: keep the asterisks around this and the next sentence: Discord shows them in italics.
NOTHING = later("*The model ended the code here.*")
BROKEN = later("*Three backticks cannot be shown in a block; the file has them.*")


def render(request: CompleteRequest, answer: Answer[CompleteResult]) -> Reply:
    """Render the end of the given code, and below it what the model wrote, each in a block."""
    result = answer.result
    draft = _begin(request)
    new = result.text.strip("\n").rstrip()
    draft.lines.append(draft.fit(new, ROOM, code_block(request.language)) if new.strip() else str(NOTHING))
    file = None
    if (is_broken := holds_fence(request.code + result.text)) or draft.cut:
        text = (request.code + result.text).rstrip() + "\n"
        file = TextFile(f"complete.{request.code_language.extension}", text)
    if is_broken:
        draft.lines.append(str(BROKEN))
    remarks = filter(None, (gone_on(request.begun, result.taken), truncation(result.truncated, "code", "start")))
    fact = f"{request.code_language.name} · {tokens_in_words(result.tokens)}"
    reply = draft.reply("complete", answer, "", "\n".join(remarks), fact=fact)
    return replace(reply, file=file, buttons=tuple(_buttons(request, result)))


def preview(request: CompleteRequest, result: CompleteResult) -> Reply:
    """Render the code so far; of code that is too long the end, which is what changes."""
    draft = _begin(request)
    new = result.text.rstrip(REPLACEMENT_CHARACTER).strip("\n").rstrip() + CURSOR
    draft.lines.append(draft.fit(new, ROOM, code_block(request.language), Keep.END))
    return draft.preview(written_of(result.tokens, request.max_new_tokens))


def _begin(request: CompleteRequest) -> Draft:
    draft = Draft(COLOUR)
    draft.lines = [draft.fit(request.code, GIVEN, code_block(request.language), Keep.END)]
    return draft


def _buttons(request: CompleteRequest, result: CompleteResult) -> Iterator[Button]:
    if request.temperature:  # at 0 the code would be the same again
        yield Button(REGENERATE, request)
    if result.finished or not result.text.strip():
        return
    try:
        following = request.continued(result.text, result.tail)
    except InvalidRequest:  # nothing but fences
        return
    yield Button(CONTINUE, following)

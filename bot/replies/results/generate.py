"""The results of `/generate`, complete and partial, as replies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from bot.errors import InvalidRequest
from bot.inference.requests import Answer
from bot.locales.message import _, later
from bot.replies.components.buttons import Action, Button
from bot.replies.formatting.text import Keep, bold, quoted, unfinished, unfinished_end
from bot.replies.formatting.tokens import written_of
from bot.replies.reply import Colour, Draft, Reply, gone_on, truncation
from bot.tasks.generate import Continuation, GenerateRequest, GenerateResult
from bot.text.characters import CUT, REPLACEMENT_CHARACTER

# Translators: the labels of two buttons: write another text, and go on with this one.
REGENERATE = Action("regenerate", later("Regenerate"))
CONTINUE = Action("continue", later("Continue"))

INLINE_PROMPT = 300
"""Units of a prompt that its continuation follows in the same line."""
LONG_PROMPT = 600
ROOM = 3_100
"""Units of all continuations together."""
# Translators: keep the asterisks: Discord shows the sentence in italics.
NOTHING = later("*The model ended the text here.*")

Show = Callable[[Continuation, int], str]
"""Writes a continuation in Markdown of at most a number of units."""


def render(request: GenerateRequest, answer: Answer[GenerateResult]) -> Reply:
    """Render the prompt in bold and its continuation plain, or several continuations, numbered, below the prompt."""
    result = answer.result
    draft = Draft(Colour.GENERATE)

    def show(continuation: Continuation, room: int) -> str:
        text = continuation.text.rstrip()
        if not text and continuation.finished:
            return f" {NOTHING}"
        return draft.fit(text if continuation.finished else _going_on(result.prompt, text), room)

    draft.lines = _lines(draft, result, show)
    texts = [
        result.prompt + (one.text if one.finished else _going_on(result.prompt, one.text))
        for one in result.continuations
    ]
    whole = texts[0] if len(texts) == 1 else "\n\n".join(f"[{number}]\n{text}" for number, text in enumerate(texts, 1))
    remarks = filter(None, (gone_on(request.begun, result.taken), truncation(result.truncated, "prompt", "start")))
    # Translators: stands in a footer beside the checkpoint and the time: the number that the random draw began with.
    seed = None if result.seed is None else _("seed {number}", number=result.seed)
    reply = draft.reply("generate", answer, whole, "\n".join(remarks), fact=seed)
    return replace(reply, buttons=(Button(REGENERATE, request), *_continuing(request, result)))


def preview(request: GenerateRequest, result: GenerateResult) -> Reply:
    """Render the texts so far."""
    draft = Draft(Colour.GENERATE)

    def show(continuation: Continuation, room: int) -> str:
        return unfinished_end(continuation.text.rstrip(REPLACEMENT_CHARACTER).rstrip(), room)

    draft.lines = _lines(draft, result, show)
    written = sum(continuation.tokens for continuation in result.continuations)
    most = request.max_new_tokens * request.num_return_sequences
    return draft.preview(written_of(written, most))


def _lines(draft: Draft, result: GenerateResult, show: Show) -> list[str]:
    if len(result.continuations) == 1 and "\n" not in result.prompt and len(result.prompt) <= INLINE_PROMPT:
        return [bold(result.prompt) + show(result.continuations[0], ROOM)]
    lines = [draft.fit(result.prompt, LONG_PROMPT, quoted, Keep.END)]
    for number, continuation in enumerate(result.continuations, 1):
        heading = f"`{number}` " if len(result.continuations) > 1 else ""
        lines += ["", heading + show(continuation, ROOM // len(result.continuations)).lstrip()]
    return lines


def _continuing(request: GenerateRequest, result: GenerateResult) -> Iterator[Button]:
    """Yield a button for each unfinished continuation, and a single one for equal continuations."""
    several = len(result.continuations) > 1
    offered: set[GenerateRequest] = set()
    for number, continuation in enumerate(result.continuations, 1):
        if continuation.finished:
            continue
        try:
            following = request.continued(continuation)
        except InvalidRequest:  # only punctuation
            continue
        if following not in offered:
            offered.add(following)
            # Translators: the label of a button that continues the text with this number; at most 80 characters.
            yield Button(CONTINUE, following, _("Continue {number}", number=number) if several else None)


def _going_on(prompt: str, text: str) -> str:
    """Return an unfinished continuation with `…`; if it is empty, the `…` fits the end of the prompt."""
    return unfinished(text) if text.strip() else unfinished(prompt)[len(prompt.rstrip()) :] or CUT

"""The results of `/translate` as replies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bot.inference.languages.lookup import Language, language
from bot.inference.requests import Answer
from bot.replies.components.buttons import Action, Button
from bot.replies.formatting.text import escape, quoted, unfinished
from bot.replies.reply import Colour, Draft, Reply, truncation
from bot.tasks.translate import TranslateRequest, TranslateResult

SOURCE = 1_200
"""Units of the text."""
ROOM = 2_400
"""Units of the translation."""
FROM = Action("translate-from", "From another language")
MOST_LABEL = 80  # characters of a button's label
UNFINISHED = "The translation reached the length limit, so it is incomplete. A shorter text may fit."
NOTHING = "*The model gave no translation.*"


def render(request: TranslateRequest, answer: Answer[TranslateResult]) -> Reply:
    """Render the text in one language, quoted, and in the other."""
    result = answer.result
    draft = Draft(Colour.TRANSLATE)
    text = result.text if result.finished or not result.text.strip() else unfinished(result.text)
    draft.lines = [
        _heading(result.source),
        draft.fit(request.text, SOURCE, quoted),
        "",
        _heading(result.target),
        draft.fit(text, ROOM) if text.strip() else NOTHING,
    ]
    whole = f"{result.source}\n{request.text}\n\n{result.target}\n{text}"
    remarks = (truncation(result.truncated), None if result.finished else UNFINISHED, _doubt(result))
    reply = draft.reply("translate", answer, whole, "\n".join(filter(None, remarks)), fact=_detected(result))
    return replace(reply, buttons=tuple(_corrections(request, result)))


def render_below(request: TranslateRequest, answer: Answer[TranslateResult]) -> Reply:
    """Render only the translation, for a reply to the message that it is of."""
    result = answer.result
    draft = Draft(Colour.TRANSLATE)
    text = result.text if result.finished or not result.text.strip() else unfinished(result.text)
    draft.lines = [_heading(result.target), draft.fit(text, SOURCE + ROOM) if text.strip() else NOTHING]
    guessed = result.detection is not None and not result.detection.sure
    doubt = f"I am not sure that this was {result.source.name}." if guessed else None
    remarks = (truncation(result.truncated), None if result.finished else UNFINISHED, doubt)
    return draft.reply("translate", answer, text, "\n".join(filter(None, remarks)), fact=_detected(result))


def _detected(result: TranslateResult) -> str | None:
    """Return the language that was found in the text, if nobody had chosen one."""
    if result.detection is None or not result.detection.told:
        return None
    return f"detected: {result.source.name}"


def _doubt(result: TranslateResult) -> str | None:
    """Return a sentence if the language is a guess."""
    detection, name = result.detection, result.source.name
    if detection is None or detection.sure:
        return None
    if not detection.told:
        return f"Nothing in the text tells its language, so it was read as {name}. If that is wrong, set “from”."
    if detection.alternatives():
        right = "press the button with the right language, or set “from”"
        return f"I am not sure that this is {name}. If it is not, {right}."
    return f"I am not sure that this is {name}. If it is not, set “from”."


def _corrections(request: TranslateRequest, result: TranslateResult) -> Iterator[Button]:
    """Yield a button for each other language that the text may be in."""
    if result.detection is None:
        return
    for guess in result.detection.alternatives():
        other = language(guess.code)
        yield Button(FROM, replace(request, source=guess.code), f"From {other.name}"[:MOST_LABEL])


def _heading(language: Language) -> str:
    own = "" if language.own_name == language.name else f" · {escape(language.own_name)}"
    return f"**{escape(language.name)}**{own}"

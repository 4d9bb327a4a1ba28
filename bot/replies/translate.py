"""What `/translate` answers."""

from __future__ import annotations

from bot.inference.languages import Language
from bot.inference.requests import Answer
from bot.replies.reply import Colour, Draft, Reply, truncation
from bot.replies.text import escape, quoted
from bot.tasks.translate import TranslateRequest, TranslateResult

SOURCE = 1_200
"""Units of the text."""
ROOM = 2_400
"""Units of the translation."""
NOTHING = "*The model gave no translation.*"


def render(request: TranslateRequest, answer: Answer[TranslateResult]) -> Reply:
    """The text in the one language, quoted, and in the other."""
    result = answer.result
    draft = Draft(Colour.TRANSLATE)
    draft.lines = [
        _heading(result.source),
        draft.fit(request.text, SOURCE, quoted),
        "",
        _heading(result.target),
        draft.fit(result.text, ROOM) if result.text.strip() else NOTHING,
    ]
    whole = f"{result.source}\n{request.text}\n\n{result.target}\n{result.text}"
    return draft.reply("translate", answer, whole, truncation(result.truncated))


def _heading(language: Language) -> str:
    own = "" if language.own_name == language.name else f" · {escape(language.own_name)}"
    return f"**{escape(language.name)}**{own}"

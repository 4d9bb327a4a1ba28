"""The results of `/translate` as replies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bot.inference.languages.lookup import Language, language
from bot.inference.requests import Answer
from bot.locales.languages import language_name
from bot.locales.message import _, later
from bot.replies.components.buttons import Action, Button
from bot.replies.formatting.text import escape, quoted, unfinished
from bot.replies.reply import Colour, Draft, Reply, truncation
from bot.tasks.translate import TranslateRequest, TranslateResult

SOURCE = 1_200
"""Units of the text."""
ROOM = 2_400
"""Units of the translation."""
FROM = Action("translate-from", later("From another language"))
UNFINISHED = later("The translation reached the length limit, so it is incomplete. A shorter text may fit.")
# Translators: keep the asterisks: Discord shows the sentence in italics.
NOTHING = later("*The model gave no translation.*")


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
        draft.fit(text, ROOM) if text.strip() else str(NOTHING),
    ]
    whole = f"{_plain(result.source)}\n{request.text}\n\n{_plain(result.target)}\n{text}"
    remarks = (truncation(result.truncated), None if result.finished else str(UNFINISHED), _doubt(result))
    reply = draft.reply("translate", answer, whole, "\n".join(filter(None, remarks)), fact=_detected(result))
    return replace(reply, buttons=tuple(_corrections(request, result)))


def render_below(request: TranslateRequest, answer: Answer[TranslateResult]) -> Reply:
    """Render only the translation, for a reply to the message that it is of."""
    result = answer.result
    draft = Draft(Colour.TRANSLATE)
    text = result.text if result.finished or not result.text.strip() else unfinished(result.text)
    draft.lines = [_heading(result.target), draft.fit(text, SOURCE + ROOM) if text.strip() else str(NOTHING)]
    guessed = result.detection is not None and not result.detection.sure
    doubt = _("I am not sure that this was {language}.", language=_name(result.source)) if guessed else None
    remarks = (truncation(result.truncated), None if result.finished else str(UNFINISHED), doubt)
    return draft.reply("translate", answer, text, "\n".join(filter(None, remarks)), fact=_detected(result))


def _detected(result: TranslateResult) -> str | None:
    """Return the language that was found in the text, if nobody had chosen one."""
    if result.detection is None or not result.detection.told:
        return None
    # Translators: stands in a footer: the language that was recognised in the text.
    return _("detected: {language}", language=_name(result.source))


def _doubt(result: TranslateResult) -> str | None:
    """Return a sentence if the language is a guess."""
    detection, name = result.detection, _name(result.source)
    if detection is None or detection.sure:
        return None
    if not detection.told:
        # Translators: “from” is an option of /translate.
        return _(
            "Nothing in the text tells its language, so it was read as {language}. If that is wrong, set “from”.",
            language=name,
        )
    if detection.alternatives():
        return _(
            "I am not sure that this is {language}. If it is not, press the button with the right language, or set "
            "“from”.",
            language=name,
        )
    return _("I am not sure that this is {language}. If it is not, set “from”.", language=name)


def _corrections(request: TranslateRequest, result: TranslateResult) -> Iterator[Button]:
    """Yield a button for each other language that the text may be in."""
    if result.detection is None:
        return
    for guess in result.detection.alternatives():
        other = language(guess.code)
        # Translators: the label of a button that translates a text again, from this language; at most 80 characters.
        label = _("From {language}", language=_name(other))
        yield Button(FROM, replace(request, source=guess.code), label)


def _heading(language: Language) -> str:
    name = _name(language)
    own = "" if language.own_name == name else f" · {escape(language.own_name)}"
    return f"**{escape(name)}**{own}"


def _plain(language: Language) -> str:
    name = _name(language)
    return name if language.own_name == name else f"{name} ({language.own_name})"


def _name(language: Language) -> str:
    return language_name(language.code)

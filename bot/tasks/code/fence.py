"""Taking code out of a fence, backticks, or a sentence around it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from bot.tasks.code.languages import PLAIN, guess_code_language, known_code_language

_OPENING = re.compile(r"\s*(?P<mark>`{3,}+|~{3,}+)")
_MARKS = re.compile(r"`{3,}|~{3,}")
# A fence that begins behind another one, perhaps with some words between them.
_NAMED_FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})(?:[ \t][^`~\n]*[ \t](?:`{3,}|~{3,}))?\w", re.MULTILINE)
_INLINE = re.compile(r"\s*(?:`(?P<one>[^`\n]+)`|``(?P<two>(?:[^`\n]|`(?!`))+)``)\s*")
_FIRST_WORD = re.compile(r"(?P<language>[\w+#.-]*)(?:[ \t]*(?P<line>\n)|[ \t]+(?=\S))")
# Follows a variable that is named like a language (`c = 1`, `r <- 2`), or a command (`sh -c`).
_OPERATOR = re.compile(r"[-+*/%&|^<>!:.]?=|<-|[-=]>|[-+*/%&|<>] |\+\+|--|-\w|[.,:;)\]]")
# May surround a fence. With any other character, or indented, the text is code that contains a fence.
_PROSE = re.compile(r"(?!.*\"\"\")(?:(?:[\w\s.,!?:;'\"()-]|[^\x00-\x7f])(?!^[ \t]))*", re.DOTALL | re.MULTILINE)
# `here:`, `My code:`.
_LEADING_LINE = re.compile(r"(?!(?:class|else|try|finally|do|default)\b)[^\W\d_][\w ,'’-]*:")


@dataclass(frozen=True)
class Unfenced:
    """Code without its surroundings."""

    code: str
    language: str = ""
    """The outer fence's; empty if it names none."""


@dataclass(frozen=True)
class _Inside:
    """The part of a text from `start` to `end`, with the language that the fence around it names."""

    start: int
    end: int
    language: str = ""


def unfenced(code: str, chosen: str = "") -> Unfenced:
    """Take code out of a fence or backticks, and a fence out of a sentence.

    Args:
        code: as the user wrote it.
        chosen: the language that the user chose; in Markdown a fence is part of the code.
    """
    # All surroundings are removed, so that a request with another request's code is the same request.
    language, known = "", chosen.strip()
    in_markdown = _is_markdown(known)
    while True:
        block = _one_block(code, 0, len(code))
        if block is None:
            found = _other(code, in_markdown)
        else:
            found = _innermost(code, block, in_markdown, is_known=bool(known))
        if found is None:
            return Unfenced(code, language)
        code, language = code[found.start : found.end], language or found.language
        if not known and language:
            known, in_markdown = language, _is_markdown(language)


def _innermost(code: str, block: _Inside | None, in_markdown: bool, *, is_known: bool) -> _Inside | None:
    """Return the contents of all fences around a whole text, with the language that the first of them names.

    Args:
        block: the contents of the outermost fence.
        is_known: whether the language is known; if not, the first fence that names it is the last that is taken away,
            because in Markdown the others stay.

    Returns:
        None if the outermost fence stays, because it is part of Markdown, or one of several.
    """
    # The text is cut only once, because there may be as many fences around it as it is long.
    found, language = None, ""
    while block is not None and not (in_markdown and block.language and not _is_markdown(block.language)):
        further = _one_block(code, block.start, block.end)
        if further is None and _are_several(code[block.start : block.end]):
            break
        language = language or block.language
        found = replace(block, language=language)
        block = None if language and not is_known else further
    return found


def _one_block(code: str, start: int, end: int) -> _Inside | None:
    """Return the contents of a fence around the part of a text; None if there is none."""
    opening = _OPENING.match(code, start, end)
    if opening is None:
        return None
    while end > opening.end() and code[end - 1].isspace():
        end -= 1
    if not code.endswith(opening["mark"], opening.end(), end):
        return None
    return _split(code, opening.end(), end - len(opening["mark"]))


def _are_several(inside: str) -> bool:
    """Return whether the contents of a fence, which is around no other one, are those of several."""
    return _NAMED_FENCE.search(inside) is not None or _amid(inside) is not None


def _other(code: str, in_markdown: bool) -> _Inside | None:
    """Return what is in backticks, behind a fence that stays open, or in a fence amid prose; None for anything else."""
    if (found := _INLINE.fullmatch(code)) is not None:
        inside = _Inside(*found.span("one" if found["one"] else "two"))
        return None if "${" in code[inside.start : inside.end] else inside  # a template literal of JavaScript
    if in_markdown:
        return None
    opening = _OPENING.match(code)
    if opening is not None and code.find(opening["mark"], opening.end()) < 0:
        return _split(code, opening.end(), len(code))
    return _amid(code)


def _amid(code: str) -> _Inside | None:
    """Return the contents of a fence amid prose; None if there is no fence, or something else surrounds it."""
    opening = _MARKS.search(code)
    if opening is None or not (opening.start() == 0 or code[opening.start() - 1].isspace()):
        return None
    end = code.find(opening[0], opening.end())
    after = code[end + len(opening[0]) :]
    # The user doesn't mean an empty fence behind some code.
    if end < 0 or "`" in after or "~" in after or not code[opening.end() : end].strip():
        return None
    is_in_prose = _is_prose(code[: opening.start()]) and _is_prose(after)
    return _split(code, opening.end(), end) if is_in_prose else None


def _is_prose(text: str) -> bool:
    # A line of words and a colon would otherwise count as a key in YAML.
    is_line = _LEADING_LINE.fullmatch(text.strip()) is not None
    return is_line or (_PROSE.fullmatch(text.strip()) is not None and guess_code_language(text) is PLAIN)


def _split(code: str, start: int, end: int) -> _Inside:
    """Split the language off the contents of a fence, which are a part of a text."""
    # Desktop clients join the lines of a block that is pasted into an option, so code may follow in the same line. Then
    # only a known language counts.
    found = _FIRST_WORD.match(code, start, end)
    if found is None:
        return _Inside(start, end)
    language, first = found["language"], found.end()
    if not found["line"] and (known_code_language(language) is None or _OPERATOR.match(code, first, end)):
        return _Inside(start, end)
    return _Inside(first, end - code.endswith("\n", first, end), language)


def _is_markdown(name: str) -> bool:
    language = known_code_language(name)
    return language is not None and language.code == "md"

"""Taking code out of a fence, backticks, or a sentence around it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.tasks.code.languages import PLAIN, guess_code_language, known_code_language

_MARK = r"(?P<mark>`{3,}+|~{3,}+)"
_BLOCK = re.compile(rf"\s*{_MARK}(?P<inside>.*?)(?P=mark)\s*", re.DOTALL)
# A fence that begins behind another one, perhaps with some words between them.
_NAMED_FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})(?:[ \t][^`~\n]*[ \t](?:`{3,}|~{3,}))?\w", re.MULTILINE)
_OPENED = re.compile(rf"\s*{_MARK}(?P<inside>(?:(?!(?P=mark)).)*)", re.DOTALL)
_AROUND = re.compile(
    rf"(?P<before>(?:(?!`{{3}}|~{{3}}).)*)(?<!\S){_MARK}(?P<inside>(?:(?!(?P=mark)).)*)(?P=mark)(?P<after>[^`~]*)",
    re.DOTALL,
)
_INLINE = re.compile(r"\s*(?:`(?P<one>[^`\n]+)`|``(?P<two>(?:[^`\n]|`(?!`))+)``)\s*")
_FIRST_WORD = re.compile(r"(?P<language>[\w+#.-]*)(?P<gap>[ \t]*\n|[ \t]+(?=\S))(?P<code>.*)", re.DOTALL)
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


def unfenced(code: str, chosen: str = "") -> Unfenced:
    """Take code out of a fence or backticks, and a fence out of a sentence.

    Args:
        code: as the user wrote it.
        chosen: the language that the user chose; in Markdown a fence is part of the code.
    """
    # All surroundings are removed, so that a request with another request's code is the same request.
    language = ""
    while (found := _inside(code, chosen.strip() or language)) is not None:
        code, language = found.code, language or found.language
    return Unfenced(code, language)


def _inside(code: str, chosen: str) -> Unfenced | None:
    """Return the contents of one fence; None if there is none around the code, or it is part of Markdown."""
    in_markdown = _is_markdown(chosen)
    if (found := _BLOCK.fullmatch(code)) is not None:
        block = _split(found["inside"])
        is_code = in_markdown and block.language and not _is_markdown(block.language)
        are_several = not _BLOCK.fullmatch(block.code) and (_NAMED_FENCE.search(block.code) or _amid(block.code))
        return None if is_code or are_several else block
    if (found := _INLINE.fullmatch(code)) is not None:
        inside = found["one"] or found["two"]
        return None if "${" in inside else Unfenced(inside)  # a template literal of JavaScript
    if in_markdown:
        return None
    if (found := _OPENED.fullmatch(code)) is not None:
        return _split(found["inside"])
    return _amid(code)


def _amid(code: str) -> Unfenced | None:
    """Return the contents of a fence amid prose; None if there is no fence, or something else surrounds it."""
    found = _AROUND.fullmatch(code)
    if not found or not found["inside"].strip():  # the user doesn't mean an empty fence behind some code
        return None
    return _split(found["inside"]) if _is_prose(found["before"]) and _is_prose(found["after"]) else None


def _is_prose(text: str) -> bool:
    # A line of words and a colon would otherwise count as a key in YAML.
    is_line = _LEADING_LINE.fullmatch(text.strip()) is not None
    return is_line or (_PROSE.fullmatch(text.strip()) is not None and guess_code_language(text) is PLAIN)


def _split(inside: str) -> Unfenced:
    """Split the language off a fence's contents."""
    # Desktop clients join the lines of a block that is pasted into an option, so code may follow in the same line. Then
    # only a known language counts.
    found = _FIRST_WORD.fullmatch(inside)
    if found is None:
        return Unfenced(inside)
    in_line = "\n" not in found["gap"]
    if in_line and (known_code_language(found["language"]) is None or _OPERATOR.match(found["code"])):
        return Unfenced(inside)
    return Unfenced(found["code"].removesuffix("\n"), found["language"])


def _is_markdown(name: str) -> bool:
    language = known_code_language(name)
    return language is not None and language.code == "md"

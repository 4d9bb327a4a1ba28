"""What is wrong with requests, and the rules that say so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import regex

DOCS = "https://docs.discord.com/developers"
RULES = {
    "schema": "https://github.com/discord/discord-api-spec, specs/openapi.json",
    "route": "the same, paths; tests/protocol/trim.py lists those that the bot uses",
    "empty-message": f"{DOCS}/resources/message#create-message (at least one of content, embeds, components, files)",
    "embed-total": f"{DOCS}/resources/message#embed-object-embed-limits (6000 over all embeds of a message)",
    "length": f"{DOCS}/resources/message#embed-object-embed-limits and components/reference; the API counts code "
    "points, the client UTF-16 code units, and a text has to fit by both",
    "blank": "an empty string where Discord demands a character: 50035 BASE_TYPE_REQUIRED (texts are trimmed)",
    "attachment-url": f"{DOCS}/reference#uploading-files (attachment://filename names a file of the message)",
    "attachment": f"{DOCS}/resources/message#attachment-object, {DOCS}/reference#uploading-files",
    "size": f"{DOCS}/reference#uploading-files (10 MiB a file, 25 MiB a request)",
    "mentions": "allowed_mentions: the bot promises that nobody is pinged (README)",
    "flags": f"{DOCS}/resources/message#message-object-message-flags, and where each can be set",
    "v2": f"{DOCS}/components/reference (IS_COMPONENTS_V2: no content, embeds, polls or stickers; 40 components, 4000 "
    "characters of text)",
    "custom-id": f"{DOCS}/components/reference#custom-id (no two of a message alike), and so with component ids",
    "rows": f"{DOCS}/components/reference#action-row (5 rows of 5 buttons or 1 menu)",
    "options": f"{DOCS}/components/reference#string-select (values differ; no more defaults than max_values)",
    "modal": f"{DOCS}/interactions/receiving-and-responding#interaction-response-object-modal",
    "choices": f"{DOCS}/interactions/application-commands#application-command-object-application-command-option-choice-"
    "structure",
    "command": f"{DOCS}/interactions/application-commands#application-command-object",
    "callback": f"{DOCS}/interactions/receiving-and-responding#interaction-response-object-interaction-callback-type",
    "followups": f"{DOCS}/interactions/receiving-and-responding#create-followup-message (5 where not installed)",
    "reference": f"{DOCS}/resources/message#message-reference-structure",
    "thread": f"{DOCS}/resources/channel#start-thread-from-message (names of 1 to 100 characters)",
    "reaction": f"{DOCS}/resources/message#create-reaction (an emoji, or name:id)",
    "unicode": "lone surrogates are not UTF-8; control characters are stripped by Discord; NaN is no JSON",
    "refused": "the simulated Discord answered with status 400",
    "silence": "the person got no response, or a response that never ends",
}
"""Where each rule stands."""

_STRANGE = regex.compile(r"[\p{Cc}\p{Cs}--[\n\t]]", flags=regex.V1)


@dataclass(frozen=True)
class Fault:
    """Something that Discord does not take, or that nobody should be sent."""

    rule: str
    what: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.what}\n    rule: {RULES[self.rule]}"


class Faults:
    """The faults that were found."""

    def __init__(self) -> None:
        self.found: list[Fault] = []
        self._request = ""

    @contextmanager
    def at(self, request: str) -> Iterator[None]:
        """What is found within is about this request."""
        before, self._request = self._request, request
        try:
            yield
        finally:
            self._request = before

    def add(self, rule: str, what: str) -> None:
        """Note a fault; `rule` is one of `RULES`."""
        assert rule in RULES, rule
        self.found.append(Fault(rule, f"{what} [{self._request}]" if self._request else what))

    def measure(self, what: str, text: str | None, most: int, *, filled: bool = False) -> None:
        """Check the length of a text, in code points and in UTF-16 code units.

        Args:
            filled: it needs a character that is not a space.
        """
        text = text or ""
        if len(text) > most:
            self.add("length", f"{what}: {len(text)} characters, at most {most}: {short(text)}")
        elif (wide := units(text)) > most:
            self.add("length", f"{what}: {wide} UTF-16 units, at most {most}: {short(text)}")
        if filled and not text.strip():
            self.add("blank", f"{what} is blank: {short(text)}")


def units(text: str) -> int:
    """The length of a text in UTF-16 code units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def short(value: Any) -> str:
    """A value as JSON, in at most 90 characters."""
    shown = json.dumps(value, default=str)
    return shown if len(shown) <= 90 else f"{shown[:89]}…"


def check_texts(found: Faults, node: Any, at: str = "$") -> None:
    """Check that a body can be written as JSON, and that Discord keeps each character of it."""
    if isinstance(node, str):
        if not node.isprintable() and (strange := set(_STRANGE.findall(node))):
            found.add("unicode", f"{at} holds {sorted(map(ascii, strange))}: {short(node)}")
    elif isinstance(node, dict):
        for name, one in node.items():
            check_texts(found, one, f"{at}.{name}")
    elif isinstance(node, list):
        for place, one in enumerate(node):
            check_texts(found, one, f"{at}[{place}]")
    elif isinstance(node, float) and not -float("inf") < node < float("inf"):
        found.add("unicode", f"{at} is {node}")

"""Bodies that Discord takes, to break one rule at a time, and ways to have them checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.protocol.attachments import PNG
from tests.protocol.checking import Checker
from tests.protocol.description import description
from tests.protocol.exchanges import Arrival, Exchange, Record, SentFile

Json = dict[str, Any]

QUIET: Json = {"allowed_mentions": {"parse": []}}
EMBED: Json = {"title": "t", "description": "d", "footer": {"text": "f"}}
PICTURE = SentFile("a.png", None, 9, PNG)
LISTED: Json = {"attachments": [{"id": 0, "filename": "a.png"}]}
SHOWN: Json = {"embeds": [{**EMBED, "image": {"url": "attachment://a.png"}}]}
BUTTON: Json = {"type": 2, "style": 2, "label": "a", "custom_id": "x"}
LINK: Json = {"type": 2, "style": 5, "label": "a", "url": "https://example.org"}
OPTION: Json = {"label": "a", "value": "1"}
MENU: Json = {"type": 3, "custom_id": "m", "options": [OPTION]}
ROLES: Json = {"type": 6, "custom_id": "r", "default_values": [{"id": "5", "type": "role"}]}
V2: Json = {"flags": 1 << 15}
TEXT: Json = {"type": 10, "content": "words"}
SECTION: Json = {"type": 9, "components": [TEXT], "accessory": BUTTON}
INPUT: Json = {"type": 4, "custom_id": "i", "style": 2}
CHECKBOXES: Json = {"type": 22, "custom_id": "c", "options": [OPTION, {"label": "b", "value": "2"}]}
STRING: Json = {"type": 3, "name": "o", "description": "d"}
COMMAND: Json = {
    "name": "c",
    "description": "d",
    "options": [STRING],
    "integration_types": [0, 1],
    "contexts": [0, 1, 2],
}
MESSAGE_MENU: Json = {"name": "Show the work", "type": 3}
CHOICE: Json = {"name": "n", "value": "v"}

CALLBACK = "/interactions/1/t/callback"
WEBHOOK = "/webhooks/1/t"
ORIGINAL = f"{WEBHOOK}/messages/@original"
MESSAGES = "/channels/1/messages"


def row(*inside: Json) -> list[Json]:
    """A row of components."""
    return [{"type": 1, "components": list(inside)}]


def label(component: Json) -> Json:
    """A component of a modal, under a label."""
    return {"type": 18, "label": "l", "component": component}


def modal(*components: Json) -> Json:
    """The response that opens a modal."""
    return {"type": 9, "data": {"custom_id": "m", "title": "t", "components": list(components)}}


def arrival(kind: int = 2, **more: Any) -> Arrival:
    """An interaction with the token `t`."""
    return Arrival({"token": "t", "type": kind, "data": {"name": "c"}, **more})


def sent(method: str, path: str, body: Any = None, *files: SentFile, **more: Any) -> Exchange:
    """A request."""
    return Exchange(method, path, body, files=files, **more)


DEFERRED = sent("POST", CALLBACK, {"type": 5}, message="9")


def broken(*events: Arrival | Exchange, ended: bool = True) -> set[str]:
    """The rules that a record breaks."""
    checker = Checker(description())
    checker.check(Record(list(events)), ended=ended)
    return {fault.rule for fault in checker.faults.found}


def broken_by_edit(body: Json, files: Sequence[SentFile] = ()) -> set[str]:
    """The rules that the edit of a deferred response breaks."""
    return broken(arrival(), DEFERRED, sent("PATCH", ORIGINAL, body, *files, message="9"))


def broken_by_response(kind: int, body: Json) -> set[str]:
    """The rules that the first response to an interaction breaks."""
    return broken(arrival(kind), sent("POST", CALLBACK, body), ended=False)

"""Each rule about messages notices what breaks it, and lets through what does not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.protocol.bodies import (
    BUTTON,
    DEFERRED,
    EMBED,
    LINK,
    LISTED,
    MENU,
    MESSAGES,
    OPTION,
    ORIGINAL,
    PICTURE,
    QUIET,
    ROLES,
    SECTION,
    SHOWN,
    TEXT,
    V2,
    arrival,
    broken,
    broken_by_edit,
    row,
    sent,
)
from tests.protocol.exchanges import SentFile

LONG_OPTIONS = [{**OPTION, "value": str(number)} for number in range(26)]


@pytest.mark.parametrize(
    ("rule", "body"),
    [
        (None, {"embeds": [EMBED], "components": row(BUTTON, LINK)}),
        (None, {"content": "x" * 2000, "components": row(MENU) + row(ROLES)}),
        (None, {"content": None, "embeds": [EMBED], "attachments": []}),
        ("schema", {"content": "x" * 2001}),
        ("schema", {"content": 5}),
        ("length", {"content": "𝔸" * 1001}),
        ("empty-message", {"content": " ", "embeds": []}),
        ("mentions", {"content": "x", "allowed_mentions": {"parse": ["users"]}}),
        ("mentions", {"content": "x", "allowed_mentions": None}),
        ("embed-total", {"embeds": [{**EMBED, "description": "x" * 3500}] * 2}),
        ("embed-total", {"embeds": [{**EMBED, "description": "😀" * 1600}] * 2}),
        ("blank", {"embeds": [{**EMBED, "fields": [{"name": "n", "value": " "}]}]}),
        ("blank", {"embeds": [{"color": 5}]}),
        ("schema", {"embeds": [{**EMBED, "title": "x" * 257}]}),
        ("schema", {"embeds": [{**EMBED, "fields": [{"name": "n", "value": "v"}] * 26}]}),
        ("length", {"embeds": [{**EMBED, "title": "😀" * 129}]}),
        ("schema", {"embeds": [{**EMBED, "type": "image"}]}),
        ("attachment-url", {"embeds": [{**EMBED, "image": {"url": "attachment://b.png"}}]}),
        ("attachment-url", {"embeds": [{**EMBED, "thumbnail": {"url": "file:///b.png"}}]}),
        ("custom-id", {"content": "x", "components": row(BUTTON, {**BUTTON, "label": "b"})}),
        ("rows", {"content": "x", "components": row(BUTTON, MENU)}),
        ("rows", {"content": "x", "components": [row({**BUTTON, "custom_id": str(n)})[0] for n in range(6)]}),
        ("rows", {"content": "x", "components": row({**BUTTON, "url": "https://example.org"})}),
        ("blank", {"content": "x", "components": row({**BUTTON, "label": ""})}),
        ("schema", {"content": "x", "components": row({**BUTTON, "label": "x" * 81})}),
        ("length", {"content": "x", "components": row({**BUTTON, "label": "😀" * 41})}),
        ("options", {"content": "x", "components": row({**MENU, "options": [OPTION, OPTION]})}),
        ("schema", {"content": "x", "components": row({**MENU, "options": LONG_OPTIONS})}),
        ("options", {"content": "x", "components": row({**MENU, "max_values": 2})}),
        ("options", {"content": "x", "components": row({**MENU, "options": [
            {**OPTION, "value": str(number), "default": True} for number in range(2)]})}),
        ("schema", {"content": "x", "components": row({**ROLES, "default_values": [{"id": "5", "type": "user"}]})}),
        ("options", {"content": "x", "components": row({**ROLES, "default_values": ROLES["default_values"] * 2})}),
        ("schema", {"content": "x", "components": [{"type": 99}]}),
        ("flags", {"content": "x", "flags": 1 << 6}),
        ("flags", {"content": "x", "tts": True}),
        ("unicode", {"content": "x\ud800"}),
        ("unicode", {"content": "x\x00"}),
        ("unicode", {"content": "x\x85"}),
        ("unicode", {"embeds": [{**EMBED, "color": float("nan")}]}),
    ],
)  # fmt: skip
def test_texts_embeds_and_rows(rule: str | None, body: dict[str, Any]) -> None:
    found = broken_by_edit({**QUIET, **body})
    assert found == set() if rule is None else rule in found


@pytest.mark.parametrize(
    ("rule", "body"),
    [
        (None, {"components": [TEXT, SECTION, {"type": 14}, *row(MENU), {"type": 17, "components": [TEXT]}]}),
        (None, {"components": [one for n in range(8) for one in row({**BUTTON, "custom_id": str(n)})]}),
        ("v2", {"components": [TEXT], "flags": 0}),
        ("v2", {"components": [TEXT], "content": "x"}),
        ("v2", {"components": [TEXT], "embeds": [EMBED]}),
        ("schema", {"components": [TEXT] * 41}),
        ("v2", {"components": [{"type": 17, "components": [TEXT] * 20}] * 2}),
        ("length", {"components": [{"type": 10, "content": "x" * 2500}] * 2}),
        ("blank", {"components": [{"type": 10, "content": " "}]}),
        ("schema", {"components": [{"type": 9, "components": [TEXT]}]}),
        ("schema", {"components": [{**SECTION, "components": [TEXT] * 4}]}),
        ("custom-id", {"components": [SECTION, SECTION]}),
        ("custom-id", {"components": [{**TEXT, "id": 5}] * 2}),
        ("attachment-url", {"components": [{"type": 12, "items": [{"media": {"url": "attachment://b.png"}}]}]}),
        ("attachment-url", {"components": [{"type": 13, "file": {"url": "https://example.org/b.png"}}]}),
    ],
)
def test_components_of_the_second_version(rule: str | None, body: dict[str, Any]) -> None:
    found = broken_by_edit({**QUIET, **V2, **body})
    assert found == set() if rule is None else rule in found


@pytest.mark.parametrize(
    ("rule", "body", "file"),
    [
        (None, SHOWN | LISTED, PICTURE),
        ("attachment", {"attachments": []}, PICTURE),
        ("attachment", LISTED, SentFile("b.png", None, 9, PICTURE.head)),
        ("attachment", LISTED, SentFile("a.png", None, 9, b"GIF89a")),
        ("attachment", LISTED, SentFile("a.png", None, 0, b"")),
        ("attachment", {"attachments": [{"id": 0, "filename": "ä b.txt"}]}, SentFile("ä b.txt", None, 9, b"x")),
        ("attachment", {"attachments": LISTED["attachments"] * 2}, PICTURE),
        ("size", LISTED, SentFile("a.png", None, 11 * 2**20, PICTURE.head)),
        ("schema", {"attachments": [{**LISTED["attachments"][0], "description": "x" * 1025}]}, PICTURE),
        ("length", {"attachments": [{**LISTED["attachments"][0], "description": "😀" * 513}]}, PICTURE),
    ],
)
def test_files(rule: str | None, body: dict[str, Any], file: SentFile) -> None:
    found = broken_by_edit({**QUIET, "content": "x", **body}, [file])
    assert found == set() if rule is None else rule in found


def test_what_an_edit_does_not_name_stays() -> None:
    first = sent("PATCH", ORIGINAL, {**QUIET, **SHOWN, **LISTED}, PICTURE, message="9")
    bodies: dict[str | None, dict[str, Any]] = {
        None: {"content": "x"},
        "attachment-url": {"attachments": []},
        "empty-message": {"embeds": [], "attachments": []},
        "embed-total": {"content": "x", "embeds": [{**EMBED, "description": "x" * 4000}] * 2},
    }
    for rule, body in bodies.items():
        found = broken(arrival(), DEFERRED, first, sent("PATCH", ORIGINAL, {**QUIET, **body}, message="9"))
        assert found == (set() if rule is None else {rule})


@pytest.mark.parametrize(
    ("rule", "body"),
    [
        (None, {"message_reference": {"message_id": 5, "channel_id": 1, "fail_if_not_exists": False}}),
        (None, {"allowed_mentions": {"parse": [], "replied_user": False}}),
        ("mentions", {"allowed_mentions": {"parse": [], "replied_user": True}}),
        ("reference", {"message_reference": {"message_id": 5}}),
        ("schema", {"message_reference": {"type": 1, "message_id": 5}}),
        ("schema", {"message_reference": {"channel_id": 5}}),
        ("length", {"content": "x" * 2001}),
        ("schema", {"content": "x" * 4001}),
        ("flags", {"flags": 1 << 6}),
    ],
)
def test_messages_in_channels(rule: str | None, body: dict[str, Any]) -> None:
    found = broken(sent("POST", MESSAGES, {**QUIET, "content": "x", **body}, message="9"))
    assert found == set() if rule is None else rule in found


@pytest.mark.parametrize(
    ("rule", "method", "path", "body"),
    [
        (None, "POST", f"{MESSAGES}/5/threads", {"name": "a talk", "auto_archive_duration": 60}),
        ("blank", "POST", f"{MESSAGES}/5/threads", {"name": " "}),
        ("length", "POST", f"{MESSAGES}/5/threads", {"name": "😀" * 51}),
        ("schema", "POST", f"{MESSAGES}/5/threads", {"name": "a talk", "auto_archive_duration": 61}),
        (None, "PATCH", "/channels/1", {"applied_tags": ["1", "2"]}),
        ("thread", "PATCH", "/channels/1", {"applied_tags": ["1", "1"]}),
        (None, "PUT", f"{MESSAGES}/5/reactions/%F0%9F%91%8D/@me", None),
        (None, "PUT", f"{MESSAGES}/5/reactions/party:5/@me", None),
        ("reaction", "PUT", f"{MESSAGES}/5/reactions/thumbsup/@me", None),
        (None, "PATCH", f"{MESSAGES}/5", {**QUIET, "content": "nothing is known of this message"}),
        (None, "PATCH", f"{MESSAGES}/5", {**QUIET, "components": [TEXT]}),
        (None, "POST", "/users/@me/channels", {"recipient_id": 5}),
        ("schema", "POST", "/users/@me/channels", {"recipient_id": "Bob"}),
        (None, "POST", "/channels/1/typing", None),
        ("route", "POST", "/channels/1/shouting", None),
        ("schema", "POST", MESSAGES, None),
    ],
)
def test_other_requests_about_channels(rule: str | None, method: str, path: str, body: Any) -> None:
    found = broken(sent(method, path, body))
    assert found == set() if rule is None else rule in found


def test_parameters_that_discord_does_not_know() -> None:
    assert broken(sent("GET", MESSAGES, params=frozenset({"limit", "before"}))) == set()
    assert broken(sent("GET", MESSAGES, params=frozenset({"number"}))) == {"route"}


def test_refusals_that_nobody_planned() -> None:
    body = {**QUIET, "content": "x"}
    assert broken(sent("POST", MESSAGES, body, refusal="no", status=400)) == {"refused"}
    assert broken(sent("POST", MESSAGES, body, refusal="no", status=400, planned=True)) == set()
    assert broken(sent("POST", MESSAGES, body, refusal="no", status=403)) == set()

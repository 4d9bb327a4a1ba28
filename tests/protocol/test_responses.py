"""Each rule about interactions, modals and commands notices what breaks it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.protocol.bodies import (
    CALLBACK,
    CHECKBOXES,
    CHOICE,
    COMMAND,
    DEFERRED,
    INPUT,
    MENU,
    MESSAGE_MENU,
    OPTION,
    ORIGINAL,
    QUIET,
    ROLES,
    STRING,
    TEXT,
    WEBHOOK,
    arrival,
    broken,
    broken_by_response,
    label,
    modal,
    sent,
)
from tests.protocol.exchanges import Arrival, Exchange
from tests.protocol.interactions import AUTOCOMPLETE, COMPONENT, MODAL_SUBMIT
from tests.protocol.interactions import COMMAND as ASKED

MANY = [{"name": f"{number}" * 40, "value": f"{number}" * 40} for number in range(20)]


@pytest.mark.parametrize(
    ("rule", "kind", "body"),
    [
        (None, ASKED, modal(label(INPUT))),
        (None, AUTOCOMPLETE, {"type": 8, "data": {"choices": []}}),
        (None, COMPONENT, {"type": 6}),
        (None, ASKED, {"type": 4, "data": {**QUIET, "content": "x", "flags": 1 << 6}}),
        ("callback", ASKED, {"type": 6}),
        ("callback", MODAL_SUBMIT, modal(label(INPUT))),
        ("callback", MODAL_SUBMIT, {"type": 6}),
        ("callback", AUTOCOMPLETE, {"type": 5}),
        ("schema", ASKED, {"type": 3}),
        ("flags", ASKED, {"type": 5, "data": {"flags": 128}}),
        ("flags", ASKED, {"type": 5, "data": {"content": "x"}}),
        ("callback", COMPONENT, {"type": 6, "data": {"content": "x"}}),
        ("schema", AUTOCOMPLETE, {"type": 8, "data": {"choices": [CHOICE] * 26}}),
        ("length", AUTOCOMPLETE, {"type": 8, "data": {"choices": [{**CHOICE, "value": "x" * 101}]}}),
        ("blank", AUTOCOMPLETE, {"type": 8, "data": {"choices": [{**CHOICE, "name": " "}]}}),
        ("choices", AUTOCOMPLETE, {"type": 8, "data": {"choices": [CHOICE] * 2}}),
    ],
)
def test_first_responses(rule: str | None, kind: int, body: dict[str, Any]) -> None:
    found = broken_by_response(kind, body)
    assert found == set() if rule is None else rule in found


@pytest.mark.parametrize(
    ("rule", "parts"),
    [
        (None, [TEXT, label(INPUT), label(MENU), label(ROLES), label(CHECKBOXES)]),
        (None, [label({"type": 21, "custom_id": "g", "options": CHECKBOXES["options"]})]),
        (None, [label({"type": 19, "custom_id": "f"})]),
        (None, [label({"type": 23, "custom_id": "agreed"})]),
        (None, [label({**CHECKBOXES, "min_values": 0, "required": False})]),
        ("modal", [label({**INPUT, "custom_id": str(number)}) for number in range(6)]),
        ("schema", []),
        ("custom-id", [label(INPUT), label({**MENU, "custom_id": "i"})]),
        ("blank", [{**label(INPUT), "label": " "}]),
        ("schema", [{**label(INPUT), "label": "x" * 46}]),
        ("length", [{**label(INPUT), "label": "😀" * 23}]),
        ("modal", [label({**INPUT, "min_length": 9, "max_length": 5})]),
        ("length", [label({**INPUT, "max_length": 5, "value": "longer"})]),
        ("options", [label({**MENU, "options": [OPTION, OPTION]})]),
        ("schema", [label({"type": 21, "custom_id": "g", "options": [OPTION]})]),
        ("options", [label({**CHECKBOXES, "max_values": 3})]),
        ("modal", [label({**CHECKBOXES, "min_values": 0})]),
        ("modal", [label({"type": 19, "custom_id": "f", "min_values": 3, "max_values": 2})]),
        ("schema", [label({"type": 2, "style": 1, "label": "a", "custom_id": "b"})]),
    ],
)  # fmt: skip
def test_modals(rule: str | None, parts: list[dict[str, Any]]) -> None:
    found = broken_by_response(ASKED, modal(*parts))
    assert found == set() if rule is None else rule in found


@pytest.mark.parametrize(
    ("rule", "command"),
    [
        (None, COMMAND),
        (None, MESSAGE_MENU),
        (None, {**COMMAND, "options": [{"type": 1, "name": "s", "description": "d", "options": [STRING]}]}),
        ("command", {**COMMAND, "name": "Upper"}),
        ("command", {**COMMAND, "name": "a b"}),
        ("schema", {**COMMAND, "name": "x" * 33}),
        ("blank", {**COMMAND, "description": ""}),
        ("blank", {"name": "c"}),
        ("schema", {**COMMAND, "description": "x" * 101}),
        ("schema", {**COMMAND, "contexts": [3]}),
        ("command", {**MESSAGE_MENU, "description": "d"}),
        ("blank", {**MESSAGE_MENU, "name": " "}),
        ("command", {**COMMAND, "options": [STRING, {**STRING, "name": "p", "required": True}]}),
        ("command", {**COMMAND, "options": [STRING, STRING]}),
        ("command", {**COMMAND, "options": [STRING, {"type": 1, "name": "s", "description": "d"}]}),
        ("command", {**COMMAND, "options": [{**STRING, "name": f"o{number}", "choices": MANY} for number in range(8)]}),
        ("command", {**COMMAND, "options": [{**STRING, "type": 4, "min_value": 5, "max_value": 1}]}),
        ("command", {**COMMAND, "options": [{**STRING, "autocomplete": True, "choices": [CHOICE]}]}),
        ("choices", {**COMMAND, "options": [{**STRING, "choices": [CHOICE, CHOICE]}]}),
    ],
)  # fmt: skip
def test_definitions_of_commands(rule: str | None, command: dict[str, Any]) -> None:
    found = broken(sent("PUT", "/applications/1/commands", [command]))
    assert found == set() if rule is None else rule in found


def test_definitions_of_all_commands() -> None:
    path = "/applications/1/commands"
    assert broken(sent("PUT", path, [COMMAND, COMMAND])) == {"command"}
    assert broken(sent("PUT", path, [COMMAND, {**MESSAGE_MENU, "name": "c"}])) == set()
    assert broken(sent("PUT", path, [{**MESSAGE_MENU, "name": f"Menu {number}"} for number in range(16)])) == {
        "command"
    }


FOLLOW_UP = sent("POST", WEBHOOK, {**QUIET, "content": "x"}, message="10")
SHOWN = sent("PATCH", ORIGINAL, {**QUIET, "content": "x"}, message="9")
FROM_ACCOUNT = arrival(authorizing_integration_owners={"1": "5"})


@pytest.mark.parametrize(
    ("rule", "events"),
    [
        (None, [arrival(), DEFERRED, SHOWN, FOLLOW_UP]),
        (None, [FROM_ACCOUNT, DEFERRED, SHOWN, *[FOLLOW_UP] * 5]),
        (None, [arrival(), DEFERRED, sent("DELETE", ORIGINAL), FOLLOW_UP]),
        (None, [arrival(), DEFERRED, sent("PATCH", ORIGINAL, {**QUIET, "content": "x"}, refusal="gone", status=404)]),
        ("callback", [DEFERRED]),
        ("callback", [SHOWN]),
        ("callback", [arrival(), FOLLOW_UP, DEFERRED, SHOWN]),
        ("callback", [arrival(), DEFERRED, FOLLOW_UP, SHOWN]),
        ("followups", [FROM_ACCOUNT, DEFERRED, SHOWN, *[FOLLOW_UP] * 6]),
        ("flags", [arrival(), DEFERRED, SHOWN, sent("POST", WEBHOOK, {**QUIET, "content": "x", "username": "Bob"})]),
        ("refused", [arrival(), DEFERRED, SHOWN, sent("POST", CALLBACK, {"type": 5}, refusal="40060", status=400)]),
        ("silence", [arrival()]),
        ("silence", [arrival(), DEFERRED]),
    ],
)
def test_the_order_of_responses(rule: str | None, events: list[Arrival | Exchange]) -> None:
    assert broken(*events) == (set() if rule is None else {rule})

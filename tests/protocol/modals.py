"""Rules about modals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.protocol.components import check_ids
from tests.protocol.faults import Faults
from tests.protocol.selects import SELECTS, check_group, check_select

Json = dict[str, Any]

TEXT_INPUT, TEXT, LABEL, FILE_UPLOAD, RADIO_GROUP, CHECKBOX_GROUP = 4, 10, 18, 19, 21, 22
MOST_PARTS = 5
MOST_INPUT = 4000


def check_modal(found: Faults, modal: Json) -> None:
    """Check a modal: `data` of a response of type 9."""
    found.measure("modal title", modal["title"], 45, filled=True)
    found.measure("custom_id", modal["custom_id"], 100, filled=True)
    parts = modal["components"]
    if not 1 <= len(parts) <= MOST_PARTS:
        found.add("modal", f"{len(parts)} components, from 1 to {MOST_PARTS}")
    inside = list(_inside(found, parts))
    check_ids(found, [*parts, *inside])
    for one in inside:
        _check_part(found, one)


def _inside(found: Faults, parts: list[Json]) -> Iterator[Json]:
    """What people fill in; the labels of it are checked."""
    for part in parts:
        if part["type"] == LABEL:
            found.measure("modal label", part["label"], 45, filled=True)
            found.measure("modal label's description", part.get("description"), 100)
            yield part["component"]
        elif part["type"] == TEXT:
            found.measure("text of a component", part["content"], 4000, filled=True)
        else:
            for one in part["components"]:
                found.measure("modal label", one.get("label"), 45, filled=True)
                yield one


def _check_part(found: Faults, part: Json) -> None:
    kind = part["type"]
    if kind == TEXT_INPUT:
        _check_input(found, part)
    elif kind in SELECTS:
        check_select(found, part)
    elif kind in (RADIO_GROUP, CHECKBOX_GROUP):
        check_group(found, part, several=kind == CHECKBOX_GROUP)
    elif kind == FILE_UPLOAD:
        least, most = part.get("min_values"), part.get("max_values")
        if (1 if least is None else least) > (1 if most is None else most):
            found.add("modal", f"from {least} to {most} files")


def _check_input(found: Faults, part: Json) -> None:
    low, high = part.get("min_length") or 0, part.get("max_length") or MOST_INPUT
    found.measure("input placeholder", part.get("placeholder"), 100)
    found.measure("input value", part.get("value"), high)
    if not 0 <= low <= high <= MOST_INPUT:
        found.add("modal", f"an input from {low} to {high} characters")

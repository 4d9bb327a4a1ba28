"""Rules about the components of messages, of both versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from tests.protocol.attachments import check_url
from tests.protocol.faults import Faults
from tests.protocol.selects import SELECTS, check_select

Json = dict[str, Any]

ROW, BUTTON = 1, 2
TEXT, THUMBNAIL, GALLERY, FILE = 10, 11, 12, 13
V2_TYPES = frozenset({9, TEXT, THUMBNAIL, GALLERY, FILE, 14, 17})
"""With sections, separators and containers."""
LINK, PREMIUM = 5, 6
MOST_ROWS = 5
MOST_COMPONENTS = 40
MOST_TEXT = 4000


def walk(components: Sequence[Json]) -> Iterator[Json]:
    """Components with all that are inside of them."""
    for one in components:
        yield one
        yield from walk(one.get("components") or ())
        if (accessory := one.get("accessory")) is not None:
            yield accessory


def check_components(found: Faults, components: Sequence[Json], files: Sequence[str] | None, *, v2: bool) -> None:
    """Check all components of a message.

    Args:
        files: the names of the message's files; None where they are not known.
        v2: it has the flag IS_COMPONENTS_V2.
    """
    everything = list(walk(components))
    if v2:
        _check_layout(found, everything)
    else:
        if len(components) > MOST_ROWS:
            found.add("rows", f"{len(components)} rows, at most {MOST_ROWS}")
        if strange := sorted({one["type"] for one in everything} & V2_TYPES):
            found.add("v2", f"components of type {strange} without the flag IS_COMPONENTS_V2")
    check_ids(found, everything)
    for one in everything:
        _check_component(found, one, files)


def check_ids(found: Faults, components: Sequence[Json]) -> None:
    """Check that components can be told apart."""
    for name in ("custom_id", "id"):
        given = Counter(one[name] for one in components if one.get(name))
        for twice, number in given.items():
            if number > 1:
                found.add("custom-id", f"{number} components have the {name} {twice}: COMPONENT_CUSTOM_ID_DUPLICATED")
    for one in components:
        if "custom_id" in one:
            found.measure("custom_id", one["custom_id"], 100, filled=True)


def _check_layout(found: Faults, everything: Sequence[Json]) -> None:
    if len(everything) > MOST_COMPONENTS:
        found.add("v2", f"{len(everything)} components, at most {MOST_COMPONENTS}")
    texts = [one["content"] for one in everything if one["type"] == TEXT]
    found.measure("text of all components", "".join(texts), MOST_TEXT)
    for text in texts:
        found.measure("text of a component", text, MOST_TEXT, filled=True)


def _check_component(found: Faults, one: Json, files: Sequence[str] | None) -> None:
    kind = one["type"]
    if kind == ROW:
        _check_row(found, one["components"])
    elif kind == BUTTON:
        _check_button(found, one)
    elif kind in SELECTS:
        check_select(found, one)
    elif kind in (THUMBNAIL, GALLERY):
        for item in one.get("items") or (one,):
            check_url(found, item["media"]["url"], files)
            found.measure("alt text", item.get("description"), 1024)
    elif kind == FILE:
        url = one["file"]["url"]
        if not url.startswith("attachment://"):
            found.add("attachment-url", f"a file component takes attachment:// only, not {url}")
        check_url(found, url, files)


def _check_row(found: Faults, inside: Sequence[Json]) -> None:
    kinds = [one["type"] for one in inside]
    if not inside or len(inside) > 5 or (len(inside) > 1 and set(kinds) != {BUTTON}):
        found.add("rows", f"a row of {kinds}")


def _check_button(found: Faults, button: Json) -> None:
    style = button["style"]
    if style == PREMIUM:
        expected = {"sku_id"}
    else:
        found.measure("button label", button.get("label"), 80, filled=not button.get("emoji"))
        expected = {"url"} if style == LINK else {"custom_id"}
    given = {name for name in ("sku_id", "url", "custom_id") if button.get(name)}
    if given != expected:
        found.add("rows", f"a button of style {style} has {sorted(given)}")

"""Alerts and the dashboard ask for metrics that exist."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

import pytest

from tests.deploy.files import DASHBOARD, PAGE, alerts, expressions

OF_PROMETHEUS = {"up"}


def metrics(expression: str) -> set[str]:
    """Return the names of the metrics in an expression."""
    without_labels = re.sub(r"\{[^}]*\}|\"[^\"]*\"|\b(?:by|without|on|ignoring)\s*\([^)]*\)", "", expression)
    return set(re.findall(r"\b(?:glassbox|process|python)_\w+|\bup\b", without_labels))


def asked_labels(expression: str) -> set[str]:
    """Return the names of the labels in an expression."""
    grouped = re.findall(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)", expression)
    matched = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", expression)
    return {name.strip() for group in grouped for name in group.split(",")} | set(matched)


def all_expressions() -> Iterator[tuple[str, str]]:
    """Yield what alerts and the dashboard ask for."""
    yield from ((rule["alert"], rule["expr"]) for rule in alerts())
    yield from expressions()


@pytest.mark.parametrize(("name", "expression"), list(all_expressions()))
def test_metrics_exist(name: str, expression: str, exported: frozenset[str]) -> None:
    asked = metrics(expression)

    assert asked
    assert asked - OF_PROMETHEUS <= exported


@pytest.mark.parametrize(("name", "expression"), list(all_expressions()))
def test_labels_exist(name: str, expression: str, labels: Mapping[str, frozenset[str]]) -> None:
    known = frozenset[str]().union(*(labels.get(metric, ()) for metric in metrics(expression)))

    assert asked_labels(expression) - known <= {"job", "instance", "le"}


def test_panels_do_not_overlap_and_have_their_own_numbers() -> None:
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_each_alert_says_how_urgent_it_is_and_the_page_says_what_to_do() -> None:
    page = PAGE.read_text("utf-8")
    for rule in alerts():
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]
        assert f"| `{rule['alert']}` |" in page

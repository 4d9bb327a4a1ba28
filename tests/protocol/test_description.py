"""The trimmed description, and what is read out of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.protocol import trim
from tests.protocol.bodies import BUTTON, QUIET, row
from tests.protocol.description import LONGEST_MESSAGE, description
from tests.protocol.faults import RULES, Fault
from tests.protocol.scenes import MOST_SHOWN, report

CREATE = ("POST", "/channels/1/messages")


@pytest.fixture
def document() -> dict[str, Any]:
    """The description as it is kept."""
    read: dict[str, Any] = json.loads(trim.TRIMMED.read_text(encoding="utf-8"))
    return read


def test_nothing_more_can_be_trimmed(document: dict[str, Any]) -> None:
    assert trim.trimmed(document) == document
    assert trim.TRIMMED.stat().st_size < 300_000


def test_names_of_properties_are_not_prose(document: dict[str, Any]) -> None:
    for name in ("title", "description"):
        assert name in document["components"]["schemas"]["RichEmbed"]["properties"]


def test_the_command_writes_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = trim.TRIMMED
    monkeypatch.setattr(trim, "TRIMMED", tmp_path / "openapi.json")
    assert trim.main([str(source)]) == 0
    assert trim.TRIMMED.read_bytes() == source.read_bytes()
    assert trim.main([]) == 2
    assert "usage" in capsys.readouterr().err


def test_every_operation_has_a_schema_that_can_be_used(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for method in methods:
            operation = description().operation(method.upper(), path.replace("{", "<").replace("}", ">"))
            assert operation is not None
            assert operation.name == f"{method.upper()} {path}"
            assert bool(list(operation.errors("a text"))) == operation.takes_body


def test_errors_name_the_place_and_nothing_else() -> None:
    operation = description().operation(*CREATE)
    assert operation is not None
    body = {**QUIET, "components": row({**BUTTON, "label": 5})}
    [error] = operation.errors(body)
    assert error == '$.components[0].components[0].label: 5 is not of types "null", "string"'
    [error] = operation.errors({"components": [{"type": 99}]})
    assert error.startswith("$.components[0].type: 99 is not one of")
    [error] = operation.errors({"content": "x" * 5000})
    assert len(error) < LONGEST_MESSAGE + 20
    assert "longer than 4000 characters" in error


def test_reports_are_short_and_name_the_rule() -> None:
    told = report([Fault("length", f"fault {number}") for number in range(MOST_SHOWN + 3)])
    assert told.startswith("15 faults in what was sent to Discord:\n  length: fault 0\n")
    assert RULES["length"] in told
    assert told.endswith("and 3 more")

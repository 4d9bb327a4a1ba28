"""Discord's description of its HTTP API, to look requests up in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import jsonschema_rs

from tests.protocol.tagged import tagged
from tests.protocol.trim import TRIMMED

Json = dict[str, Any]

LONGEST_MESSAGE = 240
MEANT = {
    # Of the two, the one that creates a message; the other is for edits, and everything in it may be missing.
    ("POST", "/webhooks/{webhook_id}/{webhook_token}"): {"$ref": "#/components/schemas/IncomingWebhookRequestPartial"},
    # The bot changes no channels but threads.
    ("PATCH", "/channels/{channel_id}"): {"$ref": "#/components/schemas/UpdateThreadRequestPartial"},
}
"""What is meant by a union whose branches do not say which one is meant."""


@dataclass(frozen=True)
class Operation:
    """What Discord takes at one path with one method."""

    name: str
    parameters: frozenset[str]
    takes_body: bool
    errors: Callable[[Any], Iterator[str]]
    """Sentences about what is wrong with a body."""


class Description:
    """The operations of a description."""

    def __init__(self, document: Json) -> None:
        schemas = document["components"]["schemas"]
        self._schemas = {name: tagged(schema, schemas) for name, schema in schemas.items()}
        self._given = schemas
        self._operations: dict[tuple[str, int], list[tuple[list[str], Operation]]] = {}
        for path, methods in document["paths"].items():
            parts = path.strip("/").split("/")
            for method, described in methods.items():
                operation = self._operation(method.upper(), path, described)
                self._operations.setdefault((method.upper(), len(parts)), []).append((parts, operation))

    def operation(self, method: str, path: str) -> Operation | None:
        """The operation at a path; None where the description has none."""
        parts = path.strip("/").split("/")
        fitting = [
            (sum(not one.startswith("{") for one in wanted), operation)
            for wanted, operation in self._operations.get((method, len(parts)), [])
            if all(one.startswith("{") or one == part for one, part in zip(wanted, parts, strict=True))
        ]
        return max(fitting, key=lambda one: one[0])[1] if fitting else None

    def _operation(self, method: str, path: str, described: Json) -> Operation:
        content = described.get("requestBody", {}).get("content", {})
        schema = MEANT.get((method, path), content.get("application/json", {}).get("schema"))
        parameters = frozenset(one["name"] for one in described.get("parameters", []))
        return Operation(f"{method} {path}", parameters, schema is not None, self._errors(schema))

    def _errors(self, schema: Json | None) -> Callable[[Any], Iterator[str]]:
        @cache
        def validator() -> Any:
            root = {**tagged(schema, self._given), "components": {"schemas": self._schemas}}
            return jsonschema_rs.Draft202012Validator(root, validate_formats=True, offline=True)

        def errors(body: Any) -> Iterator[str]:
            if schema is not None and not validator().is_valid(body):
                for error in validator().iter_errors(body):
                    yield f"{_place(error.instance_path)}: {_short(error.message)}"

        return errors


def _place(path: list[str | int]) -> str:
    return "$" + "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in path)


def _short(message: str) -> str:
    half = LONGEST_MESSAGE // 2
    return message if len(message) <= LONGEST_MESSAGE else f"{message[:half]}…{message[-half:]}"


@cache
def description() -> Description:
    """The description that is kept beside this file."""
    return Description(json.loads(TRIMMED.read_text(encoding="utf-8")))

"""Write what the bot uses of Discord's OpenAPI description: `python -m tests.protocol.trim <openapi.json>`.

The description is that of https://github.com/discord/discord-api-spec, specs/openapi.json. What remains of it are the
operations below, the names of their query parameters, and the schemas of their bodies, without prose.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Json = dict[str, Any]

TRIMMED = Path(__file__).with_name("openapi.json")
OPERATIONS = {
    "/applications/{application_id}/commands": ("get", "put"),
    "/channels/{channel_id}": ("get", "patch"),
    "/channels/{channel_id}/messages": ("get", "post"),
    "/channels/{channel_id}/messages/{message_id}": ("get", "patch", "delete"),
    "/channels/{channel_id}/messages/{message_id}/reactions/{emoji_name}/@me": ("put", "delete"),
    "/channels/{channel_id}/messages/{message_id}/threads": ("post",),
    "/channels/{channel_id}/thread-members/{user_id}": ("get",),
    "/channels/{channel_id}/threads": ("post",),
    "/channels/{channel_id}/threads/archived/public": ("get",),
    "/channels/{channel_id}/typing": ("post",),
    "/gateway/bot": ("get",),
    "/guilds/{guild_id}": ("get",),
    "/guilds/{guild_id}/channels": ("get",),
    "/guilds/{guild_id}/members/{user_id}": ("get",),
    "/guilds/{guild_id}/threads/active": ("get",),
    "/interactions/{interaction_id}/{interaction_token}/callback": ("post",),
    "/oauth2/applications/@me": ("get",),
    "/users/@me": ("get", "patch"),
    "/users/@me/channels": ("post",),
    "/webhooks/{webhook_id}/{webhook_token}": ("post",),
    "/webhooks/{webhook_id}/{webhook_token}/messages/@original": ("get", "patch", "delete"),
    "/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}": ("get", "patch", "delete"),
}
"""What the bot asks Discord for: methods by path."""

_PROSE = {"description", "title", "x-discord-union", "discriminator"}
_BY_NAME = {"properties", "schemas"}
_SCHEMAS = "#/components/schemas/"


def trimmed(document: Json) -> Json:
    """What the operations need of a description."""
    paths = {
        path: {method: _operation(document, path, method) for method in methods} for path, methods in OPERATIONS.items()
    }
    schemas: Json = {}
    waiting = sorted(set(_references(paths)))
    while waiting:
        name = waiting.pop()
        schemas[name] = _without_prose(document["components"]["schemas"][name])
        waiting += sorted(set(_references(schemas[name])) - schemas.keys() - set(waiting))
    return {"openapi": document["openapi"], "paths": paths, "components": {"schemas": dict(sorted(schemas.items()))}}


def _operation(document: Json, path: str, method: str) -> Json:
    described = document["paths"][path]
    operation = described[method]
    parameters = [_resolved(document, one) for one in described.get("parameters", []) + operation.get("parameters", [])]
    kept: Json = {"parameters": [{"name": one["name"], "in": "query"} for one in parameters if one["in"] == "query"]}
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if schema is not None:
        kept["requestBody"] = {"content": {"application/json": {"schema": _without_prose(schema)}}}
    return kept


def _resolved(document: Json, node: Json) -> Json:
    while "$ref" in node:
        target: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def _without_prose(node: Any, *, names: bool = False) -> Any:
    """A schema without what only people read. Where `names`, the keys are names of properties, of any sort."""
    if isinstance(node, dict):
        kept = {key: one for key, one in node.items() if names or key not in _PROSE}
        return {key: _without_prose(one, names=not names and key in _BY_NAME) for key, one in kept.items()}
    return [_without_prose(one) for one in node] if isinstance(node, list) else node


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(reference := node.get("$ref"), str):
            yield reference.removeprefix(_SCHEMAS)
        node = list(node.values())
    if isinstance(node, list):
        for one in node:
            yield from _references(one)


def main(arguments: list[str]) -> int:
    """Trim the description whose path is the only argument; the exit status."""
    if len(arguments) != 1:
        print("usage: python -m tests.protocol.trim <openapi.json>", file=sys.stderr)  # noqa: T201
        return 2
    document = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    TRIMMED.write_text(json.dumps(trimmed(document), indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

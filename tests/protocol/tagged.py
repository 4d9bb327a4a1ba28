"""Unions of a schema rewritten so that errors say what is wrong.

"Is not valid under any of the schemas" helps nobody. Where the branches of a `oneOf` or `anyOf` differ by the property
`type`, as Discord's components, command options and responses do, the branch with the value's own type is the one that
was meant.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

_TAG = "type"
_NULL = {"type": "null"}


def tagged(node: Any, schemas: Json) -> Any:
    """A schema that accepts the same values.

    Args:
        schemas: those that it refers to, by name.
    """
    if isinstance(node, list):
        return [tagged(one, schemas) for one in node]
    if not isinstance(node, dict):
        return node
    rewritten = {key: tagged(one, schemas) for key, one in node.items()}
    for word in ("oneOf", "anyOf"):
        branches = rewritten.get(word)
        if isinstance(branches, list) and (choice := _chosen(branches, schemas)) is not None:
            del rewritten[word]
            rewritten.setdefault("allOf", [])
            rewritten["allOf"] = [*rewritten["allOf"], choice]
    return rewritten


def _chosen(branches: list[Any], schemas: Json) -> Json | None:
    """The branch that a value is meant for, as a schema; None where nothing tells."""
    others = [one for one in branches if one != _NULL]
    chosen = others[0] if len(others) == 1 else _by_tag(others, schemas)
    if chosen is None or len(others) == len(branches):
        return chosen
    return {"if": _NULL, "else": chosen}


def _by_tag(branches: list[Any], schemas: Json) -> Json | None:
    values = [_tags(one, schemas) for one in branches]
    known = [value for tags in values for value in tags]
    if not all(values) or len(set(known)) < len(known):
        return None
    return {
        "type": "object",
        "required": [_TAG],
        "properties": {_TAG: {"enum": known}},
        "allOf": [
            {"if": {"required": [_TAG], "properties": {_TAG: {"enum": tags}}}, "then": branch}
            for tags, branch in zip(values, branches, strict=True)
        ],
    }


def _tags(branch: Any, schemas: Json) -> list[Any]:
    """The types that a branch is for; none where it does not say so."""
    if not isinstance(branch, dict):
        return []
    schema = schemas[branch["$ref"].rpartition("/")[2]] if "$ref" in branch else branch
    properties = schema.get("properties", {})
    found = properties.get(_TAG, {}) if _TAG in schema.get("required", []) else {}
    tags = found.get("enum", [])
    return list(tags)

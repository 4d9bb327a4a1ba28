"""The documentation as one page of HTML, which loads nothing from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from starlette.responses import HTMLResponse, Response

_HEAD: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }}
pre {{ background: #f4f4f4; padding: .6rem; overflow: auto; }}
table {{ border-collapse: collapse; }} td, th {{ border: 1px solid #ccc; padding: .2rem .5rem; text-align: left; }}
summary {{ cursor: pointer; font-size: 1.1rem; margin: .3rem 0; }}
</style></head><body><h1>{title} {version}</h1><pre>{about}</pre>
<p>The same for programs: <a href="openapi.json">openapi.json</a>.</p>"""
_POLICY = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'", "Cache-Control": "no-store"}


def docs_page(document: Mapping[str, Any]) -> Response:
    """Return a page about an OpenAPI document."""
    info = document["info"]
    schemas = document["components"]["schemas"]
    parts = [
        _HEAD.format(title=escape(info["title"]), version=escape(info["version"]), about=escape(info["description"]))
    ]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            parts.extend(_operation(f"{method.upper()} {path}", operation, schemas))
    return HTMLResponse("\n".join([*parts, "</body></html>"]), headers=_POLICY)


def _operation(name: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[str]:
    yield f"<details><summary><code>{escape(name)}</code> {escape(operation.get('summary', ''))}</summary>"
    yield f"<p>{escape(operation.get('description', ''))}</p>"
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body is not None:
        schema = _resolved(body["schema"], schemas)
        yield from _fields(schema)
        if "example" in body:
            yield f"<pre>{escape(json.dumps(body['example'], ensure_ascii=False, indent=2))}</pre>"
    rows = "".join(
        f"<tr><td>{escape(status)}</td><td>{escape(one['description'])}</td></tr>"
        for status, one in operation["responses"].items()
    )
    yield f"<table><tr><th>status</th><th></th></tr>{rows}</table></details>"


def _fields(schema: Mapping[str, Any]) -> Iterator[str]:
    yield "<table><tr><th>field</th><th>type</th><th>if left out</th><th></th></tr>"
    for name, one in schema["properties"].items():
        default = "refused" if name in schema.get("required", ()) else json.dumps(one.get("default"))
        cells = (
            f"<code>{escape(name)}</code>",
            escape(_kind(one)),
            escape(default),
            escape(one.get("description", "")),
        )
        yield f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
    yield "</table>"


def _kind(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(map(_kind, schema["anyOf"]))
    if "enum" in schema:
        return " or ".join(map(json.dumps, schema["enum"]))
    if "items" in schema:
        return f"array of {_kind(schema['items'])}"
    return str(schema.get("type") or schema.get("$ref", "").rpartition("/")[2])


def _resolved(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return found

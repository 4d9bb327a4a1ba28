"""The OpenAPI document, generated from the classes of requests and answers.

Source: OpenAPI Specification 3.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import ConfigDict, TypeAdapter
from pydantic.json_schema import JsonSchemaMode
from typing_extensions import TypeAliasType

from bot.inference.requests import Request
from bot.inference.wire import headers
from bot.inference.wire.codec import Codec, TaskForms

ABOUT = """Transformers that answer requests. `POST` a request's fields as JSON to a task's path.

- With `Accept: application/json` the response is the answer.
- With `Accept: text/event-stream` it is a stream of server-sent events: `accepted` with an id, `state` and `partial` as
  often as there is news, and at last `answer` or `error`.

If the caller goes away, its request is given up. Errors are `{"error": {"code", "sentence"}}`."""

_REF = "#/components/schemas/{model}"
_ERRORS = {
    "400": "The request, or a header, cannot be used. The sentence says what to change.",
    "401": "No valid API key.",
    "404": "There is no such task.",
    "413": "The body is too large.",
    "415": "The body is not said to be JSON.",
    "429": "Too many requests wait. `Retry-After` says for how many seconds.",
    "500": "It could not be answered.",
    "503": "The server is being restarted, or the checkpoint cannot be loaded.",
    "504": "There is no answer in time.",
}
_HEADERS = {
    headers.PERSON: ("integer", "Stands for the one who asks: nobody's requests delay everybody else's."),
    headers.PRIORITY: ("string", "`background` for what nobody looks at yet: everybody who waits goes first."),
    headers.DEADLINE_SECONDS: ("number", "How long you wait. A text ends in time, and is the answer as far as it got."),
    headers.REQUEST_ID: ("string", "Is sent back, and stands in the server's log."),
}
_SECURED = "bearer"
_RAISES = re.compile(r"(?:; raises|(?<=\.) Raises) `InvalidRequest`[^.]*(?=\.)")
_ATTRIBUTE = re.compile(r"^    (\w+): (.*(?:\n {8,}.*)*)", re.MULTILINE)


def describe_tasks(app: FastAPI, codec: Codec, examples: Sequence[Request[Any]]) -> dict[str, Any]:
    """Return the OpenAPI document of an application that serves tasks.

    Args:
        examples: requests, one of each task.
    """
    document = get_openapi(title=app.title, version=app.version, description=ABOUT, routes=app.routes)
    by_task = {codec.task_of(request): request for request in examples}
    references, definitions = _schemas(codec)
    paths = {
        f"/v1/{task}": {"post": _operation(task, forms, references, by_task.get(task))} for task, forms in codec.items()
    }
    components = document.setdefault("components", {})
    components["schemas"] = {**definitions, "error": _error_schema()}
    components["securitySchemes"] = {_SECURED: {"type": "http", "scheme": "bearer"}}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            operation["responses"].pop("422", None)  # FastAPI's own refusal; paths here take any text
            if path.startswith("/v1/"):
                operation["security"] = [{_SECURED: []}]
    return {**document, "paths": {**paths, **document["paths"]}}


def _operation(
    task: str, forms: TaskForms[Any], references: Mapping[tuple[str, str], Any], example: Request[Any] | None
) -> dict[str, Any]:
    body: dict[str, Any] = {"schema": references[f"{task}_request", "validation"]}
    if example is not None:
        body["example"] = forms.request.plain(example)
    answer = {
        "description": "The answer.",
        "content": {
            "application/json": {"schema": references[f"{task}_answer", "serialization"]},
            headers.EVENT_STREAM: {"schema": {"type": "string"}},
        },
    }
    error = {"application/json": {"schema": {"$ref": _REF.format(model="error")}}}
    return {
        "summary": _cleaned(forms.task.request.__doc__ or "")[0],
        "operationId": task,
        "tags": ["answers"],
        "security": [{_SECURED: []}],
        "parameters": [
            {"name": name, "in": "header", "schema": {"type": kind}, "description": about}
            for name, (kind, about) in _HEADERS.items()
        ],
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {
            "200": answer,
            **{status: {"description": about, "content": error} for status, about in _ERRORS.items()},
        },
    }


def _schemas(codec: Codec) -> tuple[dict[tuple[str, str], Any], dict[str, Any]]:
    """Return a reference to the schema of each request and each answer, and all schemas by name."""
    adapters = [
        (name, mode, TypeAdapter[Any](named, config=ConfigDict(use_attribute_docstrings=True)))
        for name, mode, named in _named(codec)
    ]
    references, document = TypeAdapter.json_schemas(adapters, ref_template=_REF)
    definitions = cast("dict[str, Any]", document["$defs"])
    for name, schema in definitions.items():
        if name.endswith("_request"):
            schema["additionalProperties"] = False
        _describe(schema)
    return cast("dict[tuple[str, str], Any]", references), definitions


def _named(codec: Codec) -> Iterator[tuple[str, JsonSchemaMode, Any]]:
    for task, forms in codec.items():
        yield f"{task}_request", "validation", TypeAliasType(f"{task}_request", forms.request.kind)
        yield f"{task}_answer", "serialization", TypeAliasType(f"{task}_answer", forms.answer.kind)


def _describe(schema: dict[str, Any]) -> None:
    """Move what a class's docstring says about its fields to the fields."""
    description, about = _cleaned(schema.get("description", ""))
    if description:
        schema["description"] = description
    for name, text in about.items():
        if name in schema.get("properties", {}):
            schema["properties"][name].setdefault("description", text)


def _cleaned(docstring: str) -> tuple[str, dict[str, str]]:
    """Return what a docstring says to callers, and what it says about each field."""
    text, _, attributes = docstring.partition("Attributes:\n")
    about = {name: _sentence(said) for name, said in _ATTRIBUTE.findall(attributes)}
    return " ".join(_RAISES.sub("", text).split()), about


def _sentence(said: str) -> str:
    text = " ".join(said.split())
    return text[:1].upper() + text[1:]


def _error_schema() -> dict[str, Any]:
    text = {"type": "string"}
    error = {
        "type": "object",
        "properties": {
            "code": {**text, "description": "For programs: `queue_full`."},
            "sentence": {**text, "description": "For people, in English: says what to do."},
            "message": {
                "type": "object",
                "description": "What the sentence is made of, for programs that translate it.",
            },
        },
        "required": ["code", "sentence"],
    }
    return {"type": "object", "properties": {"error": error}, "required": ["error"]}

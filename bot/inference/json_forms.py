"""Marks on types whose JSON needs more than the names of their fields; pydantic reads them.

They stand in `Annotated`, beside the values that need them: processes exchange these values (see `bot.inference.wire`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import is_dataclass
from enum import Enum
from typing import Annotated, Any, Final, get_args, get_origin

import numpy as np
import numpy.typing as npt
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

TYPE: Final = "type"
"""The key that holds a tag."""
_UNNAMED: Final = "number that JSON has no word for"
_JSON_TYPES = {bool: "float", int: "float", float: "float", list: "tuple", type(None): "NoneType"}


class Tagged:
    """A union: the JSON object of a dataclass says in `type` which one it is. Other members are what JSON has for them.

    The members are dataclasses, and at most one each of a string, a number, None and a tuple.
    """

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        choices: dict[str, CoreSchema] = {}
        for member in get_args(source):
            schema = handler.generate_schema(member)
            if is_dataclass(member):
                assert isinstance(member, type)
                choices[snake_case(member.__name__)] = _with_type(snake_case(member.__name__), schema)
            else:
                choices[_name_of(member)] = schema
        if "float" in choices:
            choices[_UNNAMED] = _unnamed_number()
        return core_schema.tagged_union_schema(choices, _tag)


class Numeric:
    """A number annotated `float` that stays an int if it is one, because pages write whole numbers without digits."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.union_schema(
            [core_schema.int_schema(strict=True), core_schema.float_schema()], mode="left_to_right"
        )


class ByName:
    """An enumeration: its members' names in lower case, where the values are no words."""

    def __get_pydantic_core_schema__(self, source: type[Enum], handler: GetCoreSchemaHandler) -> CoreSchema:
        names = {member.name.lower(): member for member in source}
        return core_schema.no_info_after_validator_function(
            names.__getitem__,
            core_schema.literal_schema(list(names)),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda member: member.name.lower()),
        )


class Array:
    """An array of numpy: lists of numbers. Exact, because a number of JSON has the precision of float64.

    Args:
        dtype: of its elements.
    """

    def __init__(self, dtype: str) -> None:
        self._dtype = np.dtype(dtype)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        rows = core_schema.list_schema(core_schema.list_schema(core_schema.float_schema()))
        return core_schema.no_info_after_validator_function(
            self._read,
            rows,
            serialization=core_schema.plain_serializer_function_ser_schema(np.ndarray.tolist),
        )

    def _read(self, rows: list[list[float]]) -> npt.NDArray[Any]:
        return np.array(rows, self._dtype)


def snake_case(name: str) -> str:
    """Return a class's name as JSON writes it: `HeatMap` → `heat_map`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


class _TypeProperty:
    """Adds a tag to an object's description in JSON Schema."""

    def __init__(self, tag: str) -> None:
        self._tag = tag

    def __call__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        tag = {"type": "object", "properties": {TYPE: {"const": self._tag}}, "required": [TYPE]}
        return {"allOf": [handler(schema), tag]}


def _with_type(tag: str, schema: CoreSchema) -> CoreSchema:
    def tagged(value: Any, handler: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        return {TYPE: tag, **handler(value)}

    # The class ignores the further key when it is read.
    return core_schema.no_info_after_validator_function(
        lambda value: value,
        schema,
        serialization=core_schema.wrap_serializer_function_ser_schema(tagged, schema=schema),
        metadata={"pydantic_js_functions": [_TypeProperty(tag)]},
    )


def _unnamed_number() -> CoreSchema:
    """NaN and infinity beside strings: as strings they would be somebody's words."""
    return core_schema.no_info_after_validator_function(
        lambda found: float(found["value"]),
        core_schema.typed_dict_schema({"value": core_schema.typed_dict_field(core_schema.str_schema())}),
        serialization=core_schema.plain_serializer_function_ser_schema(_unnamed),
    )


def _name_of(member: Any) -> str:
    """Return the class of a union's member, without what it is annotated with."""
    kind = get_args(member)[0] if get_origin(member) is Annotated else member
    name: str = (get_origin(kind) or kind).__name__
    return name


def _unnamed(value: float) -> dict[str, str]:
    return {TYPE: "float", "value": {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")}


def _tag(value: Any) -> str:
    """Return which member of a union a value is, or what JSON has for it."""
    if isinstance(value, dict):
        found = value.get(TYPE)
        return _UNNAMED if found == "float" else str(found)
    if is_dataclass(value):
        return snake_case(type(value).__name__)
    if isinstance(value, float) and not math.isfinite(value):
        return _UNNAMED
    return next((name for kind, name in _JSON_TYPES.items() if isinstance(value, kind)), type(value).__name__)

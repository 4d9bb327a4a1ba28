"""The JSON of one type."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.json_schema import JsonSchemaMode
from pydantic_core import PydanticSerializationError, to_json
from typing_extensions import TypeAliasType

T = TypeVar("T")


class Unreadable(ValueError):
    """A message that is not what it should be. Its text names the type, and quotes nothing."""


class Form(Generic[T]):
    """Values of one type as JSON, by the names of their fields: `decode(encode(value)) == value`.

    NaN and infinity, for which JSON has no number, are the strings "NaN", "Infinity" and "-Infinity".

    Args:
        kind: a dataclass, or what else pydantic has an adapter for.
    """

    def __init__(self, kind: Any) -> None:
        self.kind = kind
        # pydantic takes a configuration for what is no class, and hands it on to the dataclasses within.
        message: Any = TypeAliasType("Message", kind)
        self.adapter: TypeAdapter[T] = TypeAdapter(message, config=ConfigDict(ser_json_inf_nan="strings"))

    def plain(self, value: T) -> Any:
        """Return a value as lists, dictionaries, strings and numbers, to be put into a larger message.

        Raises:
            Unreadable: it is of another type.
        """
        try:
            # A warning would quote the value.
            return self.adapter.dump_python(value, mode="json", warnings="none")
        except PydanticSerializationError:
            raise Unreadable(f"this is no {self._name}") from None

    def encode(self, value: T) -> bytes:
        """Return a value's JSON, in UTF-8 and one line.

        Raises:
            Unreadable: it holds what JSON cannot, such as half of a surrogate pair.
        """
        return encode_plain(self.plain(value))

    def decode(self, data: bytes | str) -> T:
        """Return the value that some JSON stands for. Fields that are not known are left out.

        Raises:
            Unreadable: it stands for none.
        """
        try:
            return self.adapter.validate_json(data)
        except ValidationError:
            raise Unreadable(f"this is no JSON of {self._name}") from None

    def json_schema(self, mode: JsonSchemaMode, ref_template: str) -> dict[str, Any]:
        """Describe the JSON (see `TypeAdapter.json_schema`)."""
        return TypeAdapter(self.kind).json_schema(mode=mode, ref_template=ref_template)

    @property
    def _name(self) -> str:
        return str(getattr(self.kind, "__name__", self.kind))


def encode_plain(value: Any) -> bytes:
    """Return the JSON of what `Form.plain` has returned, perhaps put together with more."""
    try:
        return to_json(value, inf_nan_mode="strings")
    except (PydanticSerializationError, UnicodeEncodeError):
        raise Unreadable("this is nothing that JSON can hold") from None

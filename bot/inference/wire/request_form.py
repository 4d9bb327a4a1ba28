"""The JSON of requests, which anybody may have written."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from bot.errors import InvalidRequest
from bot.inference.requests import Request
from bot.inference.wire.form import Form
from bot.locales.lists import joined

RequestT = TypeVar("RequestT", bound=Request[Any])

LONGEST_NAME = 60
"""Characters of a field's name that are repeated to the caller."""
_UNNAMEABLE = re.compile(r"[^\w.-]")
_SENTENCES = {
    "json_invalid": "The body is not JSON that I can read.",
}


class RequestForm(Form[RequestT]):
    """Requests of one class, whose JSON is checked as strictly as an option of a command."""

    def __init__(self, kind: type[RequestT]) -> None:
        super().__init__(kind)
        # The task's own fields come first.
        fields = sorted(dataclasses.fields(kind), key=lambda field: field.kw_only is True)
        self._fields = [field.name for field in fields]

    def decode(self, data: bytes | str) -> RequestT:
        """Return the request that some JSON stands for. Numbers in quotes and unknown fields are refused.

        Raises:
            InvalidRequest: it stands for none; says what to change.
        """
        try:
            return self.adapter.validate_json(data, strict=True, extra="forbid")
        except ValidationError as error:
            [first, *_] = error.errors(include_url=False, include_context=False, include_input=False)
            raise InvalidRequest(self._sentence(first["type"], first["loc"], first["msg"])) from None

    def _sentence(self, kind: str, place: Sequence[int | str], message: str) -> str:
        """Say what is wrong with the JSON, without a word of it other than names of fields."""
        if kind == "value_error" and not place:
            return f"The fields {self._known} do not fit each other."
        if not place:
            return _SENTENCES.get(kind, f"The body must be a JSON object with these fields: {self._known}.")
        name = f"`{_UNNAMEABLE.sub('', '.'.join(map(str, place)))[:LONGEST_NAME]}`"
        match kind:
            case "missing":
                return f"The field {name} is missing."
            case "unexpected_keyword_argument":
                return f"There is no field {name}. The fields are {self._known}."
        return f"The field {name} cannot be read: {message[:1].lower()}{message[1:]}."

    @property
    def _known(self) -> str:
        return joined(f"`{name}`" for name in self._fields)

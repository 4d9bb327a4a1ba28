"""Checks of a whole record: each request by itself, and all of them in their order."""

from __future__ import annotations

import json
from typing import Any

import regex

from tests.protocol.channels import as_described, check_reaction, check_reference, check_thread
from tests.protocol.commands import check_choices, check_commands
from tests.protocol.description import Description, Operation
from tests.protocol.exchanges import Arrival, Exchange, Record
from tests.protocol.faults import Faults, check_texts
from tests.protocol.interactions import (
    CHOICES,
    DEFERRAL,
    MESSAGE,
    MODAL,
    UPDATE,
    Interaction,
    check_end,
    check_later,
    check_response,
    interaction_of,
    responded,
)
from tests.protocol.messages import Sending, Shown, check_message, shown_by
from tests.protocol.modals import check_modal

Json = dict[str, Any]

ORIGINAL = "@original"
GONE = (401, 404)
"""Answers after which nothing can be shown any more: the token has expired, or the message was deleted."""

_NEEDS_A_LOOK = regex.compile(r"[\x7f-\x9f\p{Cs}]|\\u00|\\[bfr]|NaN|Infinity")


class Checker:
    """Looks at what happened in a simulated Discord, in order, and collects the faults."""

    def __init__(self, description: Description) -> None:
        self.faults = Faults()
        self.bodies = 0
        self._description = description
        self._interactions: dict[str, Interaction] = {}
        self._shown: dict[str, Shown] = {}

    def check(self, record: Record, *, ended: bool = True) -> None:
        """Check everything that was recorded.

        Args:
            ended: nothing follows, so everybody should have been answered.
        """
        for event in record.events:
            if isinstance(event, Arrival):
                self._arrived(event.payload)
            else:
                with self.faults.at(f"{event.method} {event.path}"):
                    self._exchange(event)
        for interaction in self._interactions.values():
            if ended:
                check_end(self.faults, interaction)

    def _arrived(self, payload: Json) -> None:
        self._interactions[payload["token"]] = interaction_of(payload)
        if message := payload.get("message"):
            self._shown[message["id"]] = shown_by(message)

    def _exchange(self, exchange: Exchange) -> None:
        operation = self._description.operation(exchange.method, exchange.path)
        if operation is None:
            self.faults.add("route", "not among the operations that the bot uses")
            return
        if strange := exchange.params - operation.parameters:
            self.faults.add("route", f"no parameter {sorted(strange)}")
        fits = self._fits_description(operation, exchange)
        if fits and exchange.status == 400 and not exchange.planned:
            self.faults.add("refused", exchange.refusal or "")
        self._by_path(exchange, fits=fits)

    def _fits_description(self, operation: Operation, exchange: Exchange) -> bool:
        """Whether a body is as Discord describes it; only then the rules in words can read it."""
        body = exchange.body
        if body is None:
            if operation.takes_body and exchange.method != "DELETE":
                self.faults.add("schema", "no body")
            return False
        self.bodies += 1
        if _NEEDS_A_LOOK.search(json.dumps(body, ensure_ascii=False)):
            before = len(self.faults.found)
            check_texts(self.faults, body)
            if len(self.faults.found) > before:
                return False
        errors = list(operation.errors(as_described(body)))
        for error in errors:
            self.faults.add("schema", error)
        return not errors

    def _by_path(self, exchange: Exchange, *, fits: bool) -> None:
        match exchange.path.strip("/").split("/"):
            case ["interactions", _, token, "callback"]:
                self._response(self._interactions.get(token), exchange, fits=fits)
            case ["webhooks", _, token, *rest]:
                self._later(self._interactions.get(token), exchange, rest[-1] if rest else None, fits=fits)
            case ["channels", _, "messages"] if fits:
                check_reference(self.faults, exchange.body)
                self._message(exchange, exchange.body, Sending.POST, Shown())
            case ["channels", _, "messages", message] if fits:
                self._message(exchange, exchange.body, Sending.EDIT, self._shown.get(message))
            case ["channels", _, "messages", _, "reactions", *_]:
                check_reaction(self.faults, exchange.path)
            case ["channels", *_] if fits:
                check_thread(self.faults, exchange.body)
            case ["applications", _, "commands"] if fits:
                check_commands(self.faults, exchange.body)

    def _message(self, exchange: Exchange, data: Json, sending: Sending, before: Shown | None) -> None:
        shown = check_message(self.faults, data, exchange.files, before, sending)
        if exchange.message is not None and shown is not None:
            self._shown[exchange.message] = shown

    def _response(self, interaction: Interaction | None, exchange: Exchange, *, fits: bool) -> None:
        if interaction is None:
            self.faults.add("callback", "no interaction has this token")
            return
        interaction.tried = True
        if fits:
            self._first(interaction, exchange)
        if exchange.refusal is None and exchange.body is not None:
            responded(interaction, exchange.body["type"], exchange.message)

    def _first(self, interaction: Interaction, exchange: Exchange) -> None:
        kind, data = exchange.body["type"], exchange.body.get("data") or {}
        check_response(self.faults, interaction, exchange.body)
        if kind == MESSAGE:
            self._message(exchange, data, Sending.RESPONSE, Shown())
        elif kind == UPDATE:
            self._message(exchange, data, Sending.EDIT, self._shown.get(interaction.source or ""))
        elif kind == DEFERRAL and exchange.message is not None:
            self._shown[exchange.message] = Shown()
        elif kind == CHOICES:
            check_choices(self.faults, data.get("choices") or [])
        elif kind == MODAL:
            check_modal(self.faults, data)

    def _later(self, interaction: Interaction | None, exchange: Exchange, message: str | None, *, fits: bool) -> None:
        if interaction is None:
            self.faults.add("callback", "no interaction has this token")
            return
        changed = interaction.original if message == ORIGINAL else message
        if fits and exchange.method == "POST":
            self._message(exchange, exchange.body, Sending.FOLLOW_UP, Shown())
        elif fits:
            self._message(exchange, exchange.body, Sending.EDIT, self._shown.get(changed or ""))
        if exchange.refusal is None or exchange.status in GONE:
            check_later(self.faults, interaction, exchange.method, original=message == ORIGINAL)

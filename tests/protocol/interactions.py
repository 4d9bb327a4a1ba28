"""Rules about the responses to interactions, and their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.protocol.faults import Faults
from tests.protocol.messages import EPHEMERAL

Json = dict[str, Any]

COMMAND, COMPONENT, AUTOCOMPLETE, MODAL_SUBMIT = 2, 3, 4, 5
MESSAGE, DEFERRAL, DEFERRED_UPDATE, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9
ALLOWED = {
    COMMAND: {MESSAGE, DEFERRAL, MODAL},
    COMPONENT: {MESSAGE, DEFERRAL, DEFERRED_UPDATE, UPDATE, MODAL},
    AUTOCOMPLETE: {CHOICES},
    MODAL_SUBMIT: {MESSAGE, DEFERRAL},
}
"""Types of responses, by type of interaction."""
MOST_FOLLOW_UPS = 5


@dataclass
class Interaction:
    """What is known of an interaction."""

    label: str
    kind: int
    source: str | None
    """The id of the message that it came from."""
    for_account: bool
    """The bot is installed to an account only."""
    first: int | None = None
    """The type of its first response."""
    original: str | None = None
    """The id of the message that is its response."""
    pending: bool = False
    """It was deferred, and nothing is shown yet."""
    tried: bool = False
    """The bot has sent something, whatever came of it."""
    follow_ups: int = 0


def interaction_of(payload: Json) -> Interaction:
    """The interaction that a payload is about."""
    data = payload.get("data") or {}
    owners = payload.get("authorizing_integration_owners") or {}
    label = data.get("name") or data.get("custom_id") or ""
    source = (payload.get("message") or {}).get("id")
    return Interaction(label, payload["type"], source, "1" in owners and "0" not in owners)


def check_response(found: Faults, interaction: Interaction, body: Json) -> None:
    """Check the type of a first response, and those that carry nothing."""
    kind, data = body["type"], body.get("data") or {}
    allowed = ALLOWED[interaction.kind]
    if interaction.kind == MODAL_SUBMIT and interaction.source is not None:
        allowed = allowed | {DEFERRED_UPDATE, UPDATE}
    if kind not in allowed:
        found.add("callback", f"a response of type {kind} to an interaction of type {interaction.kind}")
    if kind == DEFERRAL and (set(data) - {"flags"} or (data.get("flags") or 0) & ~EPHEMERAL):
        found.add("flags", f"a deferral has {data}: only EPHEMERAL is valid")
    if kind == DEFERRED_UPDATE and data:
        found.add("callback", f"a deferred update has data: {data}")


def responded(interaction: Interaction, kind: int, message: str | None) -> None:
    """The first response of this type was accepted; it made or changed a message, or has no message."""
    interaction.first = kind
    interaction.pending = kind == DEFERRAL
    interaction.original = interaction.source if kind in (DEFERRED_UPDATE, UPDATE) else message


def check_later(found: Faults, interaction: Interaction, method: str, *, original: bool) -> None:
    """Check the order of what comes after the first response, and note it as done.

    Args:
        original: it is about the response itself.
    """
    if interaction.first is None:
        found.add("callback", f"{method} before the first response")
    if method == "POST":
        if interaction.pending:
            found.add("callback", "a follow-up while the response is “thinking” takes its place, ephemeral or not")
        interaction.follow_ups += 1
        if interaction.for_account and interaction.follow_ups > MOST_FOLLOW_UPS:
            found.add("followups", f"{interaction.follow_ups} follow-ups")
    elif original and method in ("PATCH", "DELETE"):
        interaction.pending = False


def check_end(found: Faults, interaction: Interaction) -> None:
    """Check that a person was answered."""
    if not interaction.tried:
        found.add("silence", f"{interaction.label}: no response at all")
    elif interaction.pending:
        found.add("silence", f"{interaction.label}: “thinking” for ever")

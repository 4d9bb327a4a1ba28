"""Rules about requests that concern channels and their messages, and no interaction."""

from __future__ import annotations

import urllib.parse
from typing import Any

import regex

from tests.protocol.faults import Faults

Json = dict[str, Any]

MOST_TAGS = 5

_EMOJI = regex.compile(r"\w{2,32}:\d+|[\p{Emoji}\p{Emoji_Component}\p{M}]+")


def check_reference(found: Faults, body: Json) -> None:
    """Check what a message replies to."""
    reference = body.get("message_reference")
    if reference and reference.get("fail_if_not_exists", True):
        found.add("reference", "a reply that is refused where the message is gone: fail_if_not_exists is not false")


def check_thread(found: Faults, body: Json) -> None:
    """Check a new thread, or one that is changed."""
    if "name" in body:
        found.measure("name of a thread", body["name"], 100, filled=True)
    tags = body.get("applied_tags") or []
    if len(tags) > MOST_TAGS:
        found.add("thread", f"{len(tags)} tags, at most {MOST_TAGS}")
    if len(set(tags)) < len(tags):
        found.add("thread", f"tags {tags} are not unique")


def check_reaction(found: Faults, path: str) -> None:
    """Check the emoji in a reaction's path."""
    emoji = urllib.parse.unquote(path.split("/reactions/")[1].split("/")[0])
    if _EMOJI.fullmatch(emoji) is None:
        found.add("reaction", f"{emoji!r} is no emoji")


def as_described(body: Any) -> Any:
    """A body with ids as texts where discord.py writes them as numbers, which Discord takes as well.

    `discord.MessageReference.to_dict` writes `message_id`, `channel_id` and `guild_id` so,
    `discord.http.HTTPClient.start_private_message` the `recipient_id`, and `discord.http.handle_message_parameters` the
    ids of `attachments` (resources/message#attachment-object: "snowflake or number").
    """
    if not isinstance(body, dict):
        return body
    if isinstance(data := body.get("data"), dict):
        return {**body, "data": as_described(data)}
    changed = dict(body)
    if reference := body.get("message_reference"):
        changed["message_reference"] = {
            name: _as_text(one) if name.endswith("_id") else one for name, one in reference.items()
        }
    if listed := body.get("attachments"):
        changed["attachments"] = [{**one, "id": _as_text(one["id"])} if "id" in one else one for one in listed]
    if "recipient_id" in body:
        changed["recipient_id"] = _as_text(body["recipient_id"])
    return changed


def _as_text(identity: Any) -> Any:
    return str(identity) if type(identity) is int else identity

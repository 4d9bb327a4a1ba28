"""Rules about messages as a whole, whatever they answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from tests.protocol.attachments import check_files, names_after
from tests.protocol.components import V2_TYPES, check_components
from tests.protocol.embeds import check_embeds
from tests.protocol.exchanges import SentFile
from tests.protocol.faults import Faults

Json = dict[str, Any]

SUPPRESS_EMBEDS, EPHEMERAL, SILENT, VOICE, V2 = 1 << 2, 1 << 6, 1 << 12, 1 << 13, 1 << 15
MOST_CONTENT = 2000
PINGS_NOBODY: Sequence[Json] = ({"parse": []}, {"parse": [], "replied_user": False})


class Sending(Enum):
    """A way to show a message."""

    RESPONSE = "response"
    FOLLOW_UP = "follow-up"
    POST = "post"
    EDIT = "edit"


FLAGS = {
    Sending.RESPONSE: SUPPRESS_EMBEDS | EPHEMERAL | V2 | SILENT | VOICE,
    Sending.FOLLOW_UP: SUPPRESS_EMBEDS | EPHEMERAL | V2 | SILENT | VOICE,
    Sending.POST: SUPPRESS_EMBEDS | V2 | SILENT | VOICE,
    Sending.EDIT: SUPPRESS_EMBEDS | V2,
}
"""The flags that can be set."""


@dataclass(frozen=True)
class Shown:
    """What a message shows."""

    content: str = ""
    embeds: Sequence[Json] = ()
    components: Sequence[Json] = ()
    files: Sequence[str] = ()
    v2: bool = False


def shown_by(payload: Json) -> Shown:
    """What a message shows that Discord has sent."""
    return Shown(
        payload.get("content") or "",
        payload.get("embeds") or (),
        payload.get("components") or (),
        [one["filename"] for one in payload.get("attachments") or ()],
        bool((payload.get("flags") or 0) & V2),
    )


def after(before: Shown, body: Json, files: Sequence[SentFile]) -> Shown:
    """What a message shows after a request: what it does not name stays."""
    given: Json = {name: body[name] or () for name in ("embeds", "components") if name in body}
    if "content" in body:
        given["content"] = body["content"] or ""
    if "attachments" in body:
        given["files"] = list(names_after(body["attachments"] or (), files))
    elif files:
        given["files"] = [*before.files, *(file.name for file in files)]
    return replace(before, **given, v2=before.v2 or bool((body.get("flags") or 0) & V2))


def check_message(
    found: Faults, body: Json, files: Sequence[SentFile], before: Shown | None, sending: Sending
) -> Shown | None:
    """Check a message that is sent or edited.

    Args:
        before: what it showed; None for an edited message of which nothing is known.

    Returns:
        What it shows now; None where that is not known.
    """
    shown = after(before or Shown(), body, files)
    names = None if before is None else shown.files
    found.measure("content", shown.content, MOST_CONTENT)
    if before is not None and not (shown.content.strip() or shown.embeds or shown.components or shown.files):
        found.add("empty-message", "the message has nothing: 50006")
    if shown.v2 and (shown.content or shown.embeds or body.get("poll") or body.get("sticker_ids")):
        found.add("v2", "content, embeds, polls or stickers beside components")
    check_embeds(found, shown.embeds, names)
    v2 = shown.v2 or (before is None and any(one["type"] in V2_TYPES for one in shown.components))
    check_components(found, shown.components, names, v2=v2)
    check_files(found, body.get("attachments") or (), files)
    _check_rest(found, body, sending)
    return None if before is None else shown


def _check_rest(found: Faults, body: Json, sending: Sending) -> None:
    if body.get("allowed_mentions") not in PINGS_NOBODY:
        found.add("mentions", f"allowed_mentions is {body.get('allowed_mentions')!r}")
    if strange := (body.get("flags") or 0) & ~FLAGS[sending]:
        found.add("flags", f"flags {strange:#x} cannot be set here")
    if sending is Sending.FOLLOW_UP and (names := {"username", "avatar_url", "thread_name"} & body.keys()):
        found.add("flags", f"a follow-up cannot have {sorted(names)}")
    if body.get("tts"):
        found.add("flags", "the message is read aloud")

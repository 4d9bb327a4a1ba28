"""The headers of a request for inference."""

from __future__ import annotations

from typing import Final

REQUEST_ID: Final = "X-Request-ID"
"""Chosen by the caller, printed in logs, and sent back. See `bot.request_ids`."""
PERSON: Final = "X-Person"
"""An integer that stands for the one who asks, so that nobody's requests delay everybody else's."""
PRIORITY: Final = "X-Priority"
"""`normal`, or `background` for what nobody looks at yet: it is computed behind everybody who waits."""
NORMAL: Final = "normal"
BACKGROUND: Final = "background"
DEADLINE_SECONDS: Final = "X-Deadline-Seconds"
"""How long the caller still waits for the answer."""
EVENT_STREAM: Final = "text/event-stream"
"""The media type with which a caller asks for events as they happen."""

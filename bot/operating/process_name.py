"""What a process calls itself, for an operator who looks for it."""

from __future__ import annotations

import os
import re
import socket


def process_name() -> str:
    """Return the host's name and the process's number: `bot-1:4711`."""
    host = re.sub(r"[^A-Za-z0-9._-]", "", socket.gethostname())[:60] or "host"
    return f"{host}:{os.getpid()}"

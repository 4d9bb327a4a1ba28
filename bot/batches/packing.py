"""Files as Discord takes them."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass

from bot.locales.message import later

MOST_UPLOADED = 10 * 1024 * 1024
"""Bytes of an attachment where nobody has paid for more."""
TOO_LARGE = later(
    "The answered file is too large for Discord, even as a ZIP archive. Please ask again with a part of it."
)
IS_ZIPPED = later("The answered file is larger than Discord takes, so it comes in a ZIP archive.")


@dataclass(frozen=True)
class Packed:
    """A file to attach, and a sentence about it; without content if it is too large."""

    name: str
    content: bytes | None
    note: str = ""


def packed(name: str, content: bytes, limit: int = MOST_UPLOADED) -> Packed:
    """Return a file that has at most `limit` bytes, compressed if it must be."""
    if len(content) <= limit:
        return Packed(name, content)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as files:
        files.writestr(name, content)
    small = archive.getvalue()
    return Packed(f"{name}.zip", small, str(IS_ZIPPED)) if len(small) <= limit else Packed(name, None, str(TOO_LARGE))

"""The keys that encrypt people's texts in the database, as the setting STORAGE_KEYS has them."""

from __future__ import annotations

import base64
import binascii
import secrets

KEY_BYTES = 32


def new_key() -> str:
    """Return a new key: 32 random bytes in URL-safe Base64."""
    return base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def is_key(key: str) -> bool:
    """Return whether a text is a key."""
    try:
        return len(base64.b64decode(key.encode("ascii"), b"-_", validate=True)) == KEY_BYTES
    except (UnicodeEncodeError, binascii.Error):
        return False


def split_keys(keys: str) -> tuple[str, ...]:
    """Return the keys in a list with commas."""
    return tuple(key.strip() for key in keys.split(",") if key.strip())

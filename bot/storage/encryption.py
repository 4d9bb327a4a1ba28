"""Texts at rest, encrypted with keys from the environment where there are any.

A stored text begins with a mark, the fingerprint of the key that wrote it, and a colon; what follows is Fernet's token
(AES-128-CBC with HMAC-SHA256). A text without the mark was written without a key and is read as it is, so encryption
can be switched on later. Source of the token: https://github.com/fernet/spec
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Dialect, Engine, Text
from sqlalchemy.types import TypeDecorator

from bot.storage_keys import is_key

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

MARK = "\x1a"
"""Begins what is encrypted. Discord lets nobody send this control character; a text that has it all the same is
stored with a second one."""
FINGERPRINT = 8
"""Characters of a key's fingerprint: enough to tell an operator's keys apart."""

_CIPHER = "glassbox_cipher"


class Cipher:
    """Encrypts with the first key, and decrypts with any. Without keys, texts stay as they are.

    Args:
        keys: each is 32 bytes in URL-safe Base64, as `Fernet.generate_key` makes them.

    Raises:
        ValueError: one of the keys is none.
    """

    def __init__(self, keys: Sequence[str] = ()) -> None:
        if not all(map(is_key, keys)):
            raise ValueError
        self._keys = {_fingerprint(key): _fernet(key) for key in keys}
        self.prefix = f"{MARK}{next(iter(self._keys))}:" if self._keys else ""
        """What the texts begin with that this cipher writes; empty without a key."""

    @property
    def is_on(self) -> bool:
        """Whether texts are encrypted."""
        return bool(self._keys)

    def encrypt(self, text: str) -> str:
        """Return what is stored of a text."""
        if not self._keys:
            return MARK + text if text.startswith(MARK) else text
        first = next(iter(self._keys.values()))
        return self.prefix + first.encrypt(text.encode("utf-8", "surrogatepass")).decode("ascii")

    def decrypt(self, stored: str) -> str | None:
        """Return the text; None if its key is missing, or it was changed."""
        if not stored.startswith(MARK):
            return stored
        if stored.startswith(MARK * 2):
            return stored[1:]
        fingerprint, _, token = stored[1:].partition(":")
        key = self._keys.get(fingerprint)
        return None if key is None else _decrypted(key, token)


class Encrypted(TypeDecorator[str]):
    """The type of a column with people's texts: text, encrypted with the keys of its database.

    Reading gives None instead of a text whose key is missing, so that a lost key costs that text and no answer. A bound
    value is only encrypted with this type: `bindparam("content", type_=TABLE.c.content.type)`. No condition can compare
    the text, because equal texts are encrypted differently.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else cipher_of(dialect).encrypt(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else cipher_of(dialect).decrypt(value)


def use_cipher(engine: Engine, cipher: Cipher) -> None:
    """Let the columns of type `Encrypted` use a cipher in one database."""
    setattr(engine.dialect, _CIPHER, cipher)


def cipher_of(dialect: Dialect) -> Cipher:
    """Return the cipher of a database; one without keys if it has none."""
    cipher: Cipher = getattr(dialect, _CIPHER, None) or Cipher()
    return cipher


def _fernet(key: str) -> Fernet:
    from cryptography.fernet import Fernet

    return Fernet(key)


def _fingerprint(key: str) -> str:
    """Name a key without telling anything of it: it is 256 random bits, and this is a hash."""
    return base64.urlsafe_b64encode(hashlib.sha256(base64.urlsafe_b64decode(key)).digest()).decode()[:FINGERPRINT]


def _decrypted(key: Fernet, token: str) -> str | None:
    from cryptography.fernet import InvalidToken

    try:
        return key.decrypt(token.encode("ascii")).decode("utf-8", "surrogatepass")
    except (InvalidToken, UnicodeError):
        return None

"""Who may call: the holders of a key; without any key, programs on the same machine."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Iterable

from starlette.requests import HTTPConnection

from bot.inference.serving.refusals import HttpRefusal

_CHALLENGE = {"WWW-Authenticate": "Bearer"}


class Keys:
    """The keys that admit a caller. Several at once, so that a new one can be handed out before an old one ends.

    Without keys, only callers on loopback are admitted, and only under a name of loopback: a page in a browser on this
    machine may reach the address under a name of its own (DNS rebinding).

    Args:
        keys: in plain text; only their hashes are kept.
    """

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._digests = [_digest(key.encode()) for key in keys if key]

    def admit(self, connection: HTTPConnection) -> None:
        """Return if the caller may call.

        Raises:
            HttpRefusal: it may not (401).
        """
        if not self._digests:
            if not _is_local(connection):
                raise HttpRefusal(
                    401,
                    "unauthorized",
                    "No API key is set here, so only programs on the same machine are served. Whoever runs this server "
                    "can set keys.",
                    _CHALLENGE,
                )
        elif not self._has(connection.headers.get("authorization", "")):
            raise HttpRefusal(
                401, "unauthorized", "Please send a valid API key: `Authorization: Bearer <key>`.", _CHALLENGE
            )

    def _has(self, authorization: str) -> bool:
        scheme, _, key = authorization.partition(" ")
        given = _digest(key.strip().encode("latin-1"))  # as headers are decoded
        # Every key is compared, and hashes are equally long, so that the time says nothing.
        matches = [hmac.compare_digest(given, known) for known in self._digests]
        return scheme.lower() == "bearer" and any(matches)


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


def _is_local(connection: HTTPConnection) -> bool:
    host = connection.url.hostname or ""
    return connection.client is not None and _is_loopback(connection.client.host) and _is_loopback(host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

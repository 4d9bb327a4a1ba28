"""The operator's first look at INFERENCE_URL and INFERENCE_KEY."""

from __future__ import annotations

from bot.errors import SettingsError
from bot.inference.remote.addresses import which
from bot.inference.remote.endpoint import Endpoints
from bot.inference.remote.failures import NotGlassbox, WrongKey
from bot.inference.status import WorkerStatus
from bot.locales.lists import joined
from bot.locales.message import _, later, plural


def checked_key(key: str | None) -> str | None:
    """Return INFERENCE_KEY as it is sent; None if it is not set.

    Raises:
        SettingsError: it cannot be sent.
    """
    key = None if key is None else key.strip()
    if key and not (key.isascii() and key.isprintable()):
        raise SettingsError(
            later("INFERENCE_KEY must consist of ASCII characters. Copy it again from the server's settings.")
        )
    return key or None


def check(endpoints: Endpoints, *, has_key: bool) -> None:
    """Look at how the first calls have failed. A server that is not up yet is no mistake.

    Raises:
        SettingsError: a key is missing or wrong, or another kind of server answers.
    """
    for index, endpoint in enumerate(endpoints):
        name = which(index, len(endpoints))
        match endpoint.failure:
            case WrongKey() if has_key:
                raise SettingsError(
                    later(
                        "{name} does not accept the INFERENCE_KEY. Copy it again from the server's settings.", name=name
                    )
                )
            case WrongKey():
                raise SettingsError(
                    later("{name} asks for a key. Set INFERENCE_KEY to the one in the server's settings.", name=name)
                )
            case NotGlassbox():
                raise SettingsError(
                    later(
                        "{name} leads to a server that is not Glassbox's inference, or to another version of it. "
                        "Check the address, and that both are the same version.",
                        name=name,
                    )
                )


def connection_line(endpoints: Endpoints, status: WorkerStatus) -> str:
    """Return a line for the operator: which addresses answer, and what is there."""
    answering = [one.name for one in endpoints if one.answers]
    silent = [one.name for one in endpoints if not one.answers]
    if not answering:
        return _("Models: {addresses} cannot be reached yet. I ask again every few seconds.", addresses=joined(silent))
    line = plural(
        # Translators: for the operator, in a terminal. {device} is such as "cpu" or "cuda:0".
        "Models: {count} checkpoint on {device} at {addresses}.",
        "Models: {count} checkpoints on {device} at {addresses}.",
        len(status.checkpoints),
        device=status.device,
        addresses=joined(answering),
    )
    if not silent:
        return line
    missing = _("{addresses} cannot be reached yet. I ask again every few seconds.", addresses=joined(silent))
    return f"{line} {missing}"

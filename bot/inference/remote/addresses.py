"""The addresses in INFERENCE_URL."""

from __future__ import annotations

from yarl import URL

from bot.errors import SettingsError
from bot.locales.message import Message, later


def addresses_of(setting: str) -> tuple[URL, ...]:
    """Return the addresses in a setting, which separates several with commas.

    Raises:
        SettingsError: one of them is none that HTTP can use. The sentence does not show it.
    """
    written = [one.strip() for one in setting.split(",") if one.strip()]
    if not written:
        raise SettingsError(
            later("INFERENCE_URL is empty. Set it to an address such as http://gpu-1:8000, or remove it.")
        )
    addresses = tuple(_address(one, which(index, len(written))) for index, one in enumerate(written))
    return tuple(dict.fromkeys(addresses))


def which(index: int, count: int) -> str | Message:
    """Name an address by its place in the setting: "INFERENCE_URL", "Address 2 in INFERENCE_URL"."""
    if count == 1:
        return "INFERENCE_URL"
    # Translators: begins a sentence: "… must begin with http://", "… asks for a key".
    return later("Address {number} in INFERENCE_URL", number=index + 1)


def _address(written: str, name: str | Message) -> URL:
    try:
        url = URL(written)
        usable = url.scheme in {"http", "https"} and bool(url.host) and url.port is not None
    except ValueError:
        usable = False
    if not usable:
        raise SettingsError(
            later(
                "{name} must begin with http:// or https:// and name a machine, such as http://gpu-1:8000.", name=name
            )
        )
    if url.user is not None or url.password is not None:
        raise SettingsError(
            later("{name} must not contain a name or password. Put the key into INFERENCE_KEY.", name=name)
        )
    if url.query_string or url.fragment:
        raise SettingsError(later("{name} must not contain ? or #. An example is http://gpu-1:8000.", name=name))
    return url.with_path(url.path.rstrip("/") or "/")

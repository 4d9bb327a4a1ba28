"""Languages for tests: complete catalogues on disk, in which every message is its English one, marked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from unittest.mock import patch

from babel.messages import Catalog

from bot.locales import catalogue
from bot.locales.command_tree import MAY_STAY_ENGLISH, MENU_NAME
from tests.locales.messages import as_mo, template, updated
from tests.locales.tree import LIMITS


@contextmanager
def offering(folder: Path, *locales: str) -> Iterator[None]:
    """Offer some languages inside the body, as `make messages` would compile them.

    Args:
        folder: where the catalogues are written.
    """
    for locale in locales:
        path = folder / locale / "LC_MESSAGES" / f"{catalogue.DOMAIN}.po"
        path.parent.mkdir(parents=True)
        compiled = as_mo(_marked(updated(path, _messages()), locale))
        assert compiled is not None
        path.with_suffix(".mo").write_bytes(compiled)
    with patch.object(catalogue, "FOLDER", folder):
        _forget()
        try:
            yield
        finally:
            _forget()


@cache
def _messages() -> Catalog:
    return template()


def _forget() -> None:
    catalogue.compiled.cache_clear()
    catalogue.catalogue.cache_clear()


def _marked(catalog: Catalog, locale: str) -> Catalog:
    for message in catalog:
        if message.id and message.context not in MAY_STAY_ENGLISH:
            forms = [message.id[0], *[message.id[1]] * (catalog.num_plurals - 1)] if message.pluralizable else None
            most = LIMITS.get(message.context or "", 100_000) - 2
            mark = locale if message.context == MENU_NAME else "⟦"
            message.string = f"{mark}{message.id[:most]}⟧" if forms is None else tuple(f"⟦{form}⟧" for form in forms)
    return catalog

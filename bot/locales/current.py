"""The locale in which sentences are written now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

ENGLISH = "en"
"""The locale of the sentences in the code."""

_LOCALE: ContextVar[str] = ContextVar("locale", default=ENGLISH)


def current_locale() -> str:
    """Return the locale of this task or thread, such as "de" or "pt_BR"."""
    return _LOCALE.get()


def write_in(locale: str) -> None:
    """Write in a locale from now on: in this task, and in the tasks that it begins."""
    _LOCALE.set(locale)


@contextmanager
def written_in(locale: str) -> Iterator[None]:
    """Write in a locale inside the body."""
    token = _LOCALE.set(locale)
    try:
        yield
    finally:
        _LOCALE.reset(token)

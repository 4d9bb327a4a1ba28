"""The databases of the store's tests."""

from __future__ import annotations

from tests.storage.conftest import place, sqlite

__all__ = ["place", "sqlite"]

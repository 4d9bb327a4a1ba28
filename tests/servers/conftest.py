"""The databases that settings are tried on."""

from tests.storage.conftest import place, sqlite

__all__ = ["place", "sqlite"]

"""The databases that settings are tried on."""

from tests.storage.conftest import place

__all__ = ["place"]

"""Translations that people ask for by a flag under a message."""

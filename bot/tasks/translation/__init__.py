"""Preparing a message for translation: passages, protected parts, the source language."""

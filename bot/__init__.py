"""Glassbox: a Discord bot that runs Hugging Face transformers and shows its work."""

__version__ = "0.1.0"

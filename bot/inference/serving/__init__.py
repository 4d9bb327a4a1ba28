"""Inference over HTTP, for bots on other machines and for other programs."""

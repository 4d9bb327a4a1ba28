"""Replies on Discord: rendering of results within its limits, and delivery."""

"""Replies on Discord: how results are shown, within its limits, and how they are delivered."""

"""Tokens as people can read them, and text that is never read as a control token."""

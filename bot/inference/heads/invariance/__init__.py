"""Batch invariance: a row's numbers don't depend on the other rows of its batch."""

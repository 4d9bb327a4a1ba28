"""Faults that a bot meets, each made on purpose: `python -m tests.faults` prints what becomes of the people who ask."""

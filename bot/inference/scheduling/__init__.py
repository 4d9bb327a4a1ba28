"""Scheduling: which rows share a batch and when, on which thread, and what happens if a batch or a thread fails."""

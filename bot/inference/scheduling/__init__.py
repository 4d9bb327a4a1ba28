"""Scheduling of rows and threads, and their recovery from failures."""

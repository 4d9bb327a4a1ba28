"""Whole files through a command: read, answered row by row behind everybody who waits, and written back."""

"""What an operator sees of a process: its health, its readiness, its metrics, and pseudonyms in its log."""

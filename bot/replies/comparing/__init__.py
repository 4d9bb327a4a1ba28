"""Answers of several checkpoints side by side."""

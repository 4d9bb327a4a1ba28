"""Inference for other processes: over HTTP, and on a Ray cluster."""

"""Checkpoints: the catalogue, their sources and files, loading, residency on the devices."""

"""Inference: the worker, its batches, the checkpoints and their heads. Knows nothing of Discord."""

"""Checkpoints and their heads: one file for each kind of head, after the families of transformers.

Only this package and the loading of checkpoints import torch and transformers, and nothing imports it at start-up.
"""

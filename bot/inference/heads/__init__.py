"""What checkpoints can do, one file a head, after the three families of transformers.

Only this package and the loading of checkpoints import torch and transformers, and nothing imports it at start-up.
"""

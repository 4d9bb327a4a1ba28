"""The embeds of `/models`, and the choice of a checkpoint."""

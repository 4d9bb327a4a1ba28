"""Languages: their names and codes, and the pairs that a checkpoint translates."""

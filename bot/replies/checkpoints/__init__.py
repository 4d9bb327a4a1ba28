"""What /models shows."""

"""`/status`: what an operator sees and does."""

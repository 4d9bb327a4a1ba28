"""Prompts: chat templates, speakers, and texts that a causal language model writes from them."""

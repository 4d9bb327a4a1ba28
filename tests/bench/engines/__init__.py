"""Other engines on the same checkpoints and texts: what the machine could do, if it is more than our own layers do.

They take part where they are installed: `pip install -e ".[engines]"`. The bot itself needs none of them.
"""

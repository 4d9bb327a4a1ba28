"""`/help`: what each command is for, made from the command tree and `examples.toml`."""

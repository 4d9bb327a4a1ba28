"""The commands, one file each; `bot.client` loads them by name."""

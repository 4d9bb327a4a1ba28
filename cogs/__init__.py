"""The commands, one file each; `bot.client` loads them by name, and none of them knows another."""

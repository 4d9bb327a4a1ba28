"""Each command's result as a reply, one file per command."""

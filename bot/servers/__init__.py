"""What servers have set for themselves."""

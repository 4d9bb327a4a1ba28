"""What the command line does, one file a command. Each is imported only when it is run."""

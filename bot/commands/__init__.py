"""The commands of the command line, one file each. A command's file is imported only when it runs."""

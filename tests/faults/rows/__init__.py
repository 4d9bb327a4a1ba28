"""The faults, one file for each part of the bot that they hit."""

"""Conversations where people are: messages that mention the bot, reply to it, or are written to it directly."""

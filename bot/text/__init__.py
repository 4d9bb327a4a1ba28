"""Text as people type it: characters, graphemes, sentences, labels, Discord's markup."""

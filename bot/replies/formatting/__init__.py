"""Text, code, numbers and bars in Discord's Markdown."""

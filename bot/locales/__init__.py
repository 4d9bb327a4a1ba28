"""The languages that people read: messages, numbers and lists in each."""

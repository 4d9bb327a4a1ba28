"""What the messages of a channel say together: its mood and its topics over time. Nothing here is about a person."""

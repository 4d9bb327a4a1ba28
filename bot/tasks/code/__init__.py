"""Source code: taking it out of messages, guessing its language, ending it."""

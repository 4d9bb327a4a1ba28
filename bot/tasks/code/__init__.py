"""Source code in messages: fences, languages, and where generated code ends."""

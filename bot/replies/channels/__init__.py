"""Pictures of channels as replies, and their progress until then."""

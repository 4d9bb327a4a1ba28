"""The pages of `/settings`, one file a topic."""

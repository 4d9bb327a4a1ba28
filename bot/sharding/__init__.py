"""The shards of this process, and its turns to identify them while other processes do the same."""

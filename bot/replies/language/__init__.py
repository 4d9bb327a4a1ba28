"""The page of `/language`."""

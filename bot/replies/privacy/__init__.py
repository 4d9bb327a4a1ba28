"""The page of `/privacy`."""

"""Show the work: the pages that explain how an answer came about, on Discord."""

"""Show the work: how an answer came about, step by step, with the numbers that made it."""

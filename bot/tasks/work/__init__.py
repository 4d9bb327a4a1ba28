"""Show the work: how an answer came about, step by step, with its numbers.

Each explanation runs the generator of the answer's task again and puts the numbers on pages.
"""

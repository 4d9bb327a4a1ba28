"""Show the work: how an answer came about, step by step, with the numbers that made it.

An answer is computed again by the code that gave it, and nothing else: each explanation calls the generator of its task
that the answer comes from, and writes down what it returns. Its rows keep to themselves (`alone`), so the same request
has the same work every time. An answer may have shared its batch with other people's rows, which changes none of its
numbers (`batch_invariance`), so the work comes to those of the answer. Where a checkpoint, a device or a
precision has been changed since, it comes to others, and the page says so.
"""

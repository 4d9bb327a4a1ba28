"""Show the work: how an answer came about, step by step, with the numbers that made it.

The code that gave an answer computes it again: each explanation calls the generator of its task, and puts what that
returns on pages. Its rows keep to themselves (`alone`), so the same request has the same explanation every time. An
answer may have shared its batch with other people's rows, which changes none of its numbers (`batch_invariance`). If a
checkpoint, a device or a precision has been changed since, the numbers differ, and the page says so.
"""

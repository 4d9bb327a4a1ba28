"""Show the work: how an answer came about, step by step, with the numbers that made it.

An answer is computed again by the code that gave it, and nothing else: each explanation calls the generator of its task
that the answer comes from, and writes down what it returns. Its rows keep to themselves (`alone`), so the same request
has the same work every time. An answer, however, may have shared its batch with other people's rows, and how a sum is
rounded depends on a batch's shape. Where the shapes are equal the numbers are; else probabilities differ by about 1e-6
in float32, and in bfloat16 they can differ in the second decimal: by up to 0.04 where SmolLM2 135M weighed labels for
sixteen requests at once, and again for each.
"""

"""Measurements for developers: `python -m tests.bench --help`, and `python -m tests.bench.batch_invariance --help`.

The worker under load beside a naive bot, the hardware's limit, transformers' manager, an OpenAI-compatible server; the
same load through a simulated Discord; memory over many requests. `bot/benchmark` has what an operator needs of it.
`python -m tests.bench.sizing` says how many people can be served, `python -m tests.bench.detectors` compares detectors
of languages. docs/BENCHMARKS.md has them all.
"""

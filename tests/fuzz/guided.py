"""`python -m tests.fuzz.guided TARGET FOLDER OPTION…`: libFuzzer with one target, in a process that ends with it."""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

from tests.fuzz.seeds import dictionary, seeds


def main(name: str, folder: str, *options: str) -> None:
    """Fuzz a target until libFuzzer ends the process.

    Args:
        folder: keeps the corpus, and inputs that fail.
        options: libFuzzer's.
    """
    with atheris.instrument_imports(include=["bot", "cogs"]):
        from tests.fuzz.choices import Choices
        from tests.fuzz.target import find_target

        target = find_target(name)
        target(Choices(b""))  # imports what it imports late
    corpus = Path(folder, "corpus")
    corpus.mkdir(exist_ok=True)
    for number, seed in enumerate(seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    words = Path(folder, "words")
    words.write_text(dictionary(), encoding="ascii")
    atheris.Setup(
        [sys.argv[0], str(corpus), f"-dict={words}", f"-artifact_prefix={folder}/", *options],
        lambda data: target(Choices(data)),
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])

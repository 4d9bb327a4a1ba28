"""CTranslate2 on an encoder-decoder's folder: translators that each compute batches on some of the cores."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bot.benchmark.naive import before_end, sources_of
from bot.inference.heads.head import Head
from bot.inference.task import Task
from tests.bench.encoding import Requests
from tests.bench.engines.engine import Engine
from tests.bench.engines.exported import cores, quietly
from tests.bench.limit import Offline, of_writer

TYPES: Mapping[str, str] = {"float32": "float32", "bfloat16": "bfloat16", "int8": "int8_float32"}
"""By precision, CTranslate2's name for what it computes in."""


class CTranslate2:
    """An encoder-decoder's files for CTranslate2, which are made once and deleted by `close`.

    Args:
        head: the checkpoint's, whose tokenizer reads the sources.
        folder: of the checkpoint.
    """

    def __init__(self, task: Task[Any], head: Head, folder: Path) -> None:
        self._task = task
        self._head = head
        self._folder = folder
        self._converted = TemporaryDirectory(prefix="glassbox-ctranslate2-")

    @property
    def engines(self) -> list[Engine]:
        """What takes part: each precision in which it computes on this processor."""
        import ctranslate2

        supported = ctranslate2.get_supported_compute_types("cpu")
        ways = tuple(dict.fromkeys(_way(number) for number in (cores(), 1)))
        return [
            Engine(f"CTranslate2 {precision}", precision, ways, lambda way, one=precision: self.open(one, way))  # type: ignore[misc]
            for precision, name in TYPES.items()
            if name in supported
        ]

    @contextlib.contextmanager
    def open(self, precision: str, way: str) -> Iterator[Offline]:
        """Load the checkpoint into a number of translators, among which the cores are divided."""
        import ctranslate2

        translators = int(way.split()[0])
        translator = ctranslate2.Translator(
            str(self._files(precision)),
            device="cpu",
            compute_type=TYPES[precision],
            inter_threads=translators,
            intra_threads=max(1, cores() // translators),
        )
        try:
            yield of_writer(lambda requests, size: self._translate(translator, requests, size), self._head)
        finally:
            translator.unload_model()

    def close(self) -> None:
        """Delete the files."""
        self._converted.cleanup()

    def _translate(self, translator: Any, requests: Requests, size: int) -> list[Sequence[int]]:
        """Translate in batches of a size, which the library sorts by length; return the tokens of each text."""
        sources = sources_of(self._task, self._head, requests)
        tokens = self._head.tokenizer.convert_ids_to_tokens
        results = translator.translate_batch(
            [tokens(list(source.ids)) for source in sources],
            beam_size=1,
            max_batch_size=size,
            max_input_length=0,  # the task has cut them
            max_decoding_length=max(source.max_new_tokens for source in sources),
        )
        ids = self._head.tokenizer.convert_tokens_to_ids
        return [before_end(ids(one.hypotheses[0]), self._head.end_ids) for one in results]

    def _files(self, precision: str) -> Path:
        from ctranslate2.converters import TransformersConverter

        path = Path(self._converted.name) / precision
        if not path.exists():
            with quietly():
                TransformersConverter(str(self._folder)).convert(str(path), quantization=TYPES[precision])
        return path


def _way(translators: int) -> str:
    return f"{translators} translator{'' if translators == 1 else 's'}"

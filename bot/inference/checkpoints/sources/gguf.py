"""Converts GGUF files: quantised weights become bf16 safetensors, which load in a fraction of a second."""

from __future__ import annotations

import logging
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path

from bot.errors import ModelUnavailable
from bot.inference.checkpoints.sources import conversion
from bot.inference.checkpoints.sources.children import python
from bot.inference.checkpoints.sources.disk import RESERVE, NoRoom, require_room
from bot.inference.checkpoints.sources.progress import Progress
from bot.locales.message import Message, later

MAGIC = b"GGUF"  # the first bytes of every GGUF file
ROOM = 2
"""Times the file's size: what the conversion of 8-bit weights takes, which the starter's are."""

log = logging.getLogger(__name__)


def convert(file: Path, target: Path, name: str, progress: Progress) -> None:
    """Convert a GGUF file to a folder with bf16 safetensors and the tokenizer.

    Takes 10 to 60 s, and memory of about six times the file's size.

    Args:
        name: the checkpoint's, for error messages.

    Raises:
        ModelUnavailable: transformers cannot read the file, or writing the tokenizer changes it.
        OSError: the disk is full.
    """
    size = file.stat().st_size
    with file.open("rb") as opened:
        if opened.read(len(MAGIC)) != MAGIC:
            raise ModelUnavailable(_unreadable(name))
    require_room(target, ROOM * size)
    progress.report("convert", 0, size)
    # In child processes: transformers parses in pure Python, which on a thread of the bot would slow down every answer.
    with ExitStack() as stack:
        children = {part: _started(stack, part, file, target) for part in ("model", "tokenizer")}
        statuses = [_status(part, child) for part, child in children.items()]
    if conversion.CHANGED in statuses:
        raise ModelUnavailable(
            later("The tokenizer of {name} changed when it was converted, so its answers would be wrong.", name=name)
        )
    if any(statuses):
        if conversion.FULL in statuses or shutil.disk_usage(target).free < RESERVE:
            raise NoRoom
        raise ModelUnavailable(_unreadable(name))
    progress.report("convert", size, size)


def _started(stack: ExitStack, part: str, file: Path, target: Path) -> subprocess.Popen[str]:
    """Start the conversion of the "model" or the "tokenizer"; closing the stack ends it."""
    return stack.enter_context(python(conversion.__file__, part, str(file), str(target), stdout=subprocess.PIPE))


def _status(part: str, child: subprocess.Popen[str]) -> int:
    """Wait for the exit status; log the kind of a failure."""
    output, _ = child.communicate()
    if child.returncode not in (0, conversion.CHANGED):
        kind = output.strip().rpartition("\n")[2] or f"status {child.returncode}"
        log.warning("converting a GGUF %s failed: %s", part, kind)
    return child.returncode


def _unreadable(name: str) -> Message:
    return later(
        "The GGUF file of {name} cannot be converted: it is damaged, or of a kind that transformers does not read.",
        name=name,
    )

"""A disk that is full for child processes, whatever its real size."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

_STARTUP = """
import errno, os, sys

_OURS = {what!r}


def _full(*arguments, **options):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


if _OURS == "pip" and "pip" in sys.orig_argv:
    import shutil

    shutil.copyfile = shutil.copy2 = shutil.copyfileobj = _full
if _OURS == "conversion" and "model" in sys.orig_argv:
    import safetensors
    import safetensors.torch

    def _full_in_rust(*arguments, **options):
        raise safetensors.SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    safetensors.torch.serialize_file = safetensors.serialize_file = _full_in_rust
"""


def full_for_children(folder: Path, what: str) -> Mapping[str, str]:
    """Return the environment in which a kind of child cannot write, because the disk is full.

    Args:
        folder: for the program that does it, which Python runs when it starts.
        what: "pip", which copies wheels; or "conversion", which writes weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sitecustomize.py").write_text(_STARTUP.format(what=what), encoding="utf-8")
    return {"PYTHONPATH": os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])}

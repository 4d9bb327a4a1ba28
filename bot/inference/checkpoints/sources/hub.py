"""Checkpoints on the Hugging Face hub, kept in huggingface_hub's own cache."""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bot.errors import HubUnreachable, ModelUnavailable
from bot.inference.checkpoints.catalogue import CheckpointSpec, HubSource
from bot.inference.checkpoints.sources.disk import disk_error_in, require_room
from bot.inference.checkpoints.sources.folder import is_loadable
from bot.inference.checkpoints.sources.progress import Progress
from bot.inference.checkpoints.weights import SAFETENSORS, is_whole
from bot.locales.message import later

# The files that `from_pretrained` reads, and none that runs code when it is opened.
WANTED = ["*.json", "*.safetensors", "*.txt", "*.model", "*.spm", "*.tiktoken", "*.jinja", "LICENSE*", "NOTICE*"]
# Sub-folders hold other formats of the same weights, and so does Mistral's consolidated file: gigabytes for nothing.
# Only their config.json is wanted: in 1_Pooling it says how a sentence encoder makes one vector of a text.
UNWANTED = ["*/[!c]*", "*/*.safetensors", "*consolidated*"]
ANSWER_TIMEOUT = 10.0  # seconds


def fetch(spec: CheckpointSpec, source: HubSource, progress: Progress) -> Path:
    """Return the snapshot's folder in the hub cache (`HF_HOME`), downloaded first unless it is complete.

    Raises:
        ModelUnavailable: the hub cannot be reached, or has no such repository, revision or safetensors.
    """
    folder = _cached(source)
    if folder is not None:
        return folder
    _delete_cut(source)
    try:
        folder = _download(source, spec.size_mb, progress)
    except Exception as error:
        if (of_the_disk := disk_error_in(error)) is not None:
            raise of_the_disk from error
        raise _explained(error, spec, source) from error
    if not is_loadable(folder):
        raise ModelUnavailable(
            later(
                "{repo_id} on the hub has no safetensors weights, and other formats can run code when they are "
                "opened. Choose another checkpoint, or convert it and give its folder.",
                repo_id=source.repo_id,
            )
        )
    return folder


def is_present(source: HubSource) -> bool:
    """Return whether the hub cache holds all files of a snapshot."""
    return _cached(source) is not None


def _cached(source: HubSource) -> Path | None:
    """Return the snapshot's folder if it is complete. Uses no network."""
    folder = _on_disk(source)
    return folder if folder is not None and is_loadable(folder) else None


def _on_disk(source: HubSource) -> Path | None:
    """Return the snapshot's folder in the hub cache, complete or not."""
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(_snapshot(source)(local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, OSError):
        return None


def _delete_cut(source: HubSource) -> None:
    """Delete the snapshot's weights that are cut short: huggingface_hub takes every file that is there for whole."""
    folder = _on_disk(source)
    for file in () if folder is None else folder.glob(f"*{SAFETENSORS}"):
        if not is_whole(file):
            file.resolve().unlink(missing_ok=True)  # the snapshot links to it
            file.unlink(missing_ok=True)


def _download(source: HubSource, size_mb: int | None, progress: Progress) -> Path:
    from huggingface_hub import HfApi, constants

    with _quiet():
        # One request first: for a pinned commit, snapshot_download retries an unreachable hub for half a minute.
        info = HfApi().model_info(source.repo_id, revision=source.revision, timeout=ANSWER_TIMEOUT, files_metadata=True)
        sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
        require_room(Path(constants.HF_HUB_CACHE), _missing_bytes(source, sizes))
        return Path(_snapshot(source)(tqdm_class=_bar_that_reports(progress, size_mb)))


def _missing_bytes(source: HubSource, sizes: Mapping[str, int]) -> int:
    """Return how many bytes of a snapshot are not in the hub cache.

    Args:
        sizes: of the repository's files, by name.
    """
    from huggingface_hub.utils._paths import filter_repo_objects

    folder = _on_disk(source)
    wanted = filter_repo_objects(sizes, allow_patterns=WANTED, ignore_patterns=UNWANTED)
    return sum(sizes[name] for name in wanted if folder is None or not (folder / name).is_file())


def _snapshot(source: HubSource) -> Callable[..., str]:
    from huggingface_hub import snapshot_download

    patterns = {"allow_patterns": WANTED, "ignore_patterns": UNWANTED}
    return partial(snapshot_download, source.repo_id, revision=source.revision, **patterns)


def _bar_that_reports(progress: Progress, size_mb: int | None) -> type[Any]:
    """Return a substitute for tqdm that draws nothing and reports to `progress`."""
    tqdm: Any = importlib.import_module("tqdm.auto").tqdm  # untyped without its stubs

    lock = threading.Lock()
    expected = (size_mb or 0) * 1_000_000

    class Bar(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            # Only one of the hub's bars counts the bytes on the disk; the others count files, or compressed bytes.
            self._reports = options.get("unit") == "B" and options.get("desc") != "Downloading bytes"
            options.pop("name", None)
            super().__init__(*args, **{**options, "disable": True})
            self.n = options.get("initial") or 0
            self.total = options.get("total")

        def update(self, n: float | None = 1) -> bool | None:
            with lock:  # the hub's download threads share this bar
                self.n += n or 0
                if self._reports:
                    # The total grows as files begin, so it would start near nothing without the catalogue's size.
                    total = max(int(self.total or 0), expected, int(self.n))
                    progress.report("download", int(self.n), total)
            return None

    return Bar


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence huggingface_hub's warnings, which contain addresses and overwrite our own progress."""
    library = logging.getLogger("huggingface_hub")
    level = library.level
    library.setLevel(logging.ERROR)
    try:
        yield
    finally:
        library.setLevel(level)


def _explained(error: Exception, spec: CheckpointSpec, source: HubSource) -> ModelUnavailable:
    from huggingface_hub import errors

    match error:
        case errors.OfflineModeIsEnabled():
            return ModelUnavailable(
                later(
                    "{name} is not in the hub cache, and HF_HUB_OFFLINE forbids fetching it. Run `python -m bot pull` "
                    "without HF_HUB_OFFLINE, or set PRESET=starter, which needs no hub.",
                    name=spec.name,
                )
            )
        case errors.GatedRepoError():
            return ModelUnavailable(
                later(
                    "{repo_id} is open only to those who accepted its licence on its page on the hub. Accept it, set "
                    "HF_TOKEN and run `python -m bot pull`, or set PRESET=starter, which needs no account.",
                    repo_id=source.repo_id,
                )
            )
        case errors.RepositoryNotFoundError() | errors.HFValidationError():
            return ModelUnavailable(
                later(
                    "The hub has no checkpoint called {repo_id}, or it is private. Check the name, or set HF_TOKEN "
                    "and run `python -m bot pull`. PRESET=starter needs no hub.",
                    repo_id=source.repo_id,
                )
            )
        case errors.RevisionNotFoundError():
            return ModelUnavailable(
                later(
                    "{repo_id} on the hub has no revision {revision}. Leave the revision out, or check it.",
                    repo_id=source.repo_id,
                    revision=source.revision or "main",
                )
            )
        case _:
            return HubUnreachable([spec.name])

"""Checkpoints in a folder on this machine."""

from __future__ import annotations

from pathlib import Path

from bot.errors import ModelUnavailable
from bot.inference.checkpoints.catalogue import CheckpointSpec, FolderSource, gguf_key
from bot.inference.checkpoints.sources import gguf
from bot.inference.checkpoints.sources.progress import Progress, Silent
from bot.inference.checkpoints.sources.store import Store, sha256_of
from bot.inference.checkpoints.weights import DAMAGED, UnsafeIndex, is_whole, weight_files
from bot.locales.message import Message, later

# Formats that can run code when they are opened, or that Glassbox doesn't read.
PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5", "*.msgpack", "*.ot")


def fetch(spec: CheckpointSpec, source: FolderSource, store: Store, progress: Progress) -> Path:
    """Return the folder itself if it holds safetensors, else the conversion of its GGUF file.

    Raises:
        ModelUnavailable: it holds neither.
    """
    if is_loadable(source.path):
        return source.path
    file = _gguf_in(source.path)
    if file is None:
        raise ModelUnavailable(_why_not(source.path))
    digest = sha256_of(file, progress)
    key = gguf_key(file.name, digest)
    with store.alone(key, progress):
        if not is_complete(store, key):
            manifest = {"name": spec.name, "sha256": digest, "licence": spec.licence, "source": file.name}
            with store.building(key, manifest) as target:
                gguf.convert(file, target, spec.name, progress)
    return store.folder(key)


def is_present(source: FolderSource, store: Store) -> bool:
    """Return whether the folder can be loaded as it is, or its GGUF file is already converted."""
    if is_loadable(source.path):
        return True
    try:
        file = _gguf_in(source.path)
    except ModelUnavailable:
        return False
    return file is not None and store.has(gguf_key(file.name, sha256_of(file, Silent())))


def has_weights(folder: Path) -> bool:
    """Return whether a folder holds a configuration and safetensors files, whatever is in them."""
    return (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))


def is_loadable(folder: Path) -> bool:
    """Return whether a folder holds a configuration and all its safetensors files, each of them whole."""
    try:
        files = weight_files(folder)
        return (folder / "config.json").is_file() and bool(files) and all(map(is_whole, files))
    except DAMAGED:
        return False


def is_complete(store: Store, key: str) -> bool:
    """Return whether the store has a checkpoint, of which nothing has been cut off since it was made."""
    return store.has(key) and is_loadable(store.folder(key))


def _gguf_in(folder: Path) -> Path | None:
    files = sorted(folder.glob("*.gguf"))
    if len(files) > 1:
        raise ModelUnavailable(
            later(
                "The folder {name} holds {number} GGUF files. Keep the one to use.", name=folder.name, number=len(files)
            )
        )
    return files[0] if files else None


def _why_not(folder: Path) -> Message:
    if not folder.is_dir():
        return later("The folder {name} is not there any more.", name=folder.name)
    if _is_unsafe(folder):
        return later(
            "The index of the folder {name} names other files than safetensors beside it, and these can run "
            "code when they are opened. Convert the whole checkpoint to safetensors.",
            name=folder.name,
        )
    if any(folder.glob("*.safetensors")) or (folder / "model.safetensors.index.json").is_file():
        if not (folder / "config.json").is_file():
            return later("The folder {name} lacks its config.json. Copy the whole checkpoint.", name=folder.name)
        return later(
            "The folder {name} lacks some of its safetensors files, or they are cut short. Copy the whole checkpoint.",
            name=folder.name,
        )
    if any(file for pattern in PICKLED for file in folder.glob(pattern)):
        return later(
            "The folder {name} holds only pickled weights, which can run code when they are opened. "
            "Convert them to safetensors first.",
            name=folder.name,
        )
    return later(
        "The folder {name} holds no checkpoint: config.json and *.safetensors are needed, or one .gguf file.",
        name=folder.name,
    )


def _is_unsafe(folder: Path) -> bool:
    try:
        weight_files(folder)
    except UnsafeIndex:
        return True
    except DAMAGED:
        pass
    return False

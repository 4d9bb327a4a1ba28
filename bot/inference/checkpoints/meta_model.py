"""A checkpoint's model on PyTorch's meta device, where tensors have shapes and no memory.

Source: https://pytorch.org/docs/stable/meta.html
"""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import describe
from bot.inference.compute.libraries import compiler_deferred

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig, PreTrainedModel

log = logging.getLogger(__name__)


class BuildingLock:
    """A lock that knows which thread holds it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.holder: threading.Thread | None = None

    def __enter__(self) -> None:
        self._lock.acquire()
        self.holder = threading.current_thread()

    def __exit__(self, *error: object) -> None:
        self.holder = None
        self._lock.release()


MODEL_BUILDING = BuildingLock()
"""Held while transformers builds or loads a model."""
# Meanwhile transformers replaces functions of its own and PyTorch's default data type, which all threads share. Two
# threads at once would restore each other's replacement, and weights that layers share would never be tied again. So
# if a thread hangs meanwhile, this process cannot load anything more.

_COMPARED_ROWS = 8
"""Weights that were trained separately differ in their first rows."""


def meta_model(folder: Path, config: PreTrainedConfig) -> PreTrainedModel | None:
    """Return the model of a folder's checkpoint; None if it cannot be built without weights.

    Args:
        config: read from the folder.
    """
    import torch
    import transformers

    try:
        architecture = getattr(transformers, config.architectures[0])
        if not issubclass(architecture, transformers.PreTrainedModel):
            return None
        # Not `from_config`: for a moment it changes the default data type, which all threads share.
        with MODEL_BUILDING, compiler_deferred(), torch.device("meta"):
            model: PreTrainedModel = architecture(config)
        _untie(model, folder)
        return model
    except Exception as error:
        log.info("a model could not be built without its weights: %s", describe(error))
        return None


def _untie(model: PreTrainedModel, folder: Path) -> None:
    """Give layers that share weights their own if the files hold both and they differ, as transformers does.

    Later versions of T5, for example: their configuration says that the output layer is tied, but it was trained
    separately.

    Source: `PreTrainedModel.tie_weights`.
    """
    from torch import nn

    ties: dict[str, str] = model.all_tied_weights_keys
    wanted = {*ties, *ties.values()}
    first_rows = _first_rows(folder, wanted) if wanted else {}
    for one, other in ties.items():
        if one in first_rows and other in first_rows and not first_rows[one].equal(first_rows[other]):
            parent, _, name = one.rpartition(".")
            own = nn.Parameter(model.get_parameter(other).clone())
            setattr(model.get_submodule(parent), name, own)


def _first_rows(folder: Path, names: set[str]) -> dict[str, torch.Tensor]:
    """Return the first rows of those weights with these names that the files hold."""
    from safetensors import safe_open

    found: dict[str, torch.Tensor] = {}
    with ExitStack() as stack:
        for file in sorted(folder.glob("*.safetensors")):
            opened = stack.enter_context(safe_open(file, framework="pt"))
            found |= {name: opened.get_slice(name)[:_COMPARED_ROWS] for name in names.intersection(opened.keys())}
    return found

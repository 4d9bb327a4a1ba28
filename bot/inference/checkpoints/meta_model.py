"""A checkpoint's model without its weights, on PyTorch's meta device.

Tensors there have shapes and no memory: the layers can be inspected and the parameters counted within hundredths of a
second.

Source: https://pytorch.org/docs/stable/meta.html
"""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import describe

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig, PreTrainedModel

log = logging.getLogger(__name__)

MODEL_BUILDING = threading.Lock()
"""Held while transformers builds or loads a model. It then replaces functions of its own and PyTorch's default data
type, which all threads share. Two threads at once would restore each other's replacement: from then on, weights that
layers share would never be tied again, and no such checkpoint could be loaded."""

_COMPARED_ROWS = 8
"""Weights that were trained apart differ in their first rows."""


def meta_model(folder: Path, config: PreTrainedConfig) -> PreTrainedModel | None:
    """Return the model that a folder's checkpoint is loaded as; None if it cannot be built without weights.

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
        with MODEL_BUILDING, torch.device("meta"):
            model: PreTrainedModel = architecture(config)
        _untie(model, folder)
        return model
    except Exception as error:
        log.info("a model could not be built without its weights: %s", describe(error))
        return None


def _untie(model: PreTrainedModel, folder: Path) -> None:
    """Give layers that share weights their own if the files hold both and they differ.

    Transformers does the same when it loads: the configuration of T5's later versions says that the output layer is
    tied, but it was trained apart.

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
    """Return the first rows of the weights with these names, as far as the files hold them."""
    from safetensors import safe_open

    found: dict[str, torch.Tensor] = {}
    with ExitStack() as stack:
        for file in sorted(folder.glob("*.safetensors")):
            opened = stack.enter_context(safe_open(file, framework="pt"))
            found |= {name: opened.get_slice(name)[:_COMPARED_ROWS] for name in names.intersection(opened.keys())}
    return found

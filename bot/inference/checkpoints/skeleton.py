"""A checkpoint's model without its weights.

It is built on PyTorch's meta device, where tensors have shapes and no memory: all of its layers can be looked at and
its parameters counted, in some hundredths of a second.

Source: https://pytorch.org/docs/stable/meta.html
"""

from __future__ import annotations

import logging
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.errors import describe
from bot.inference.checkpoints.building import building

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

log = logging.getLogger(__name__)

_COMPARED = 8
"""Rows of two weights: those that were trained apart differ in their first numbers."""


def skeleton(folder: Path, config: Any) -> PreTrainedModel | None:
    """The model that a folder's checkpoint would be loaded as; None where it cannot be built without weights.

    Args:
        config: transformers' configuration, read from the folder.
    """
    import torch
    import transformers

    try:
        architecture = getattr(transformers, config.architectures[0])
        if not issubclass(architecture, transformers.PreTrainedModel):
            return None
        # Not `from_config`: for a moment it changes the default data type, which all threads share.
        with building(), torch.device("meta"):
            model: PreTrainedModel = architecture(config)
        _untie(model, folder)
        return model
    except Exception as error:
        log.info("a model could not be built without its weights: %s", describe(error))
        return None


def _untie(model: PreTrainedModel, folder: Path) -> None:
    """Give layers that share weights their own, where the files hold both and they differ.

    So does transformers when it loads them: for T5's later versions, whose output layer was trained apart, its
    configuration says otherwise.

    Source: `PreTrainedModel.tie_weights`.
    """
    from torch import nn

    ties: dict[str, str] = model.all_tied_weights_keys
    wanted = {*ties, *ties.values()}
    beginnings = _beginnings(folder, wanted) if wanted else {}
    for one, other in ties.items():
        if one in beginnings and other in beginnings and not beginnings[one].equal(beginnings[other]):
            parent, _, name = one.rpartition(".")
            own = nn.Parameter(model.get_parameter(other).clone())
            setattr(model.get_submodule(parent), name, own)


def _beginnings(folder: Path, names: set[str]) -> dict[str, torch.Tensor]:
    """The first rows of the weights with these names, as far as the files hold them."""
    from safetensors import safe_open

    found: dict[str, torch.Tensor] = {}
    with ExitStack() as stack:
        for file in sorted(folder.glob("*.safetensors")):
            opened = stack.enter_context(safe_open(file, framework="pt"))
            found |= {name: opened.get_slice(name)[:_COMPARED] for name in names.intersection(opened.keys())}
    return found

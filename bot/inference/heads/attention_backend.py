"""How attention is computed for the time of a forward pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from transformers import PreTrainedModel


class AttentionSwitch:
    """Switches a model's attention function. Used on the device's thread only, so no other request notices."""

    def __init__(self, model: PreTrainedModel) -> None:
        configs = {id(one.config): one.config for one in model.modules() if isinstance(one, PreTrainedModel)}
        self._configs = list(configs.values())

    @contextmanager
    def to(self, name: str) -> Iterator[None]:
        """Compute attention by the library's or a registered function inside the body.

        Source: "Attention backends" in the transformers documentation.
        """
        # Not by the public property: it would give sub-configurations the same one, and they may differ.
        before = [config._attn_implementation for config in self._configs]
        try:
            for config in self._configs:
                config._attn_implementation_internal = name
            yield
        finally:
            for config, earlier in zip(self._configs, before, strict=True):
                config._attn_implementation_internal = earlier

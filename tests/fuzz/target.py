"""Targets by name. Each takes an input apart, calls one part of the bot with it, and asserts what must hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from tests.fuzz.choices import Choices

Target = Callable[[Choices], None]

MODULES = ("texts", "markdown", "files", "outside", "requests", "models")
"""Of `tests.fuzz.targets`, with their targets in `TARGETS`. They are imported one by one: some take seconds."""


def by_name(*targets: Target) -> dict[str, Target]:
    """Return targets by the names of their functions."""
    return {target.__name__.replace("_", "-"): target for target in targets}


def find_target(name: str) -> Target:
    """Return the target of a name such as `texts-labels`; raise `LookupError` if there is none."""
    module, _, target = name.partition("-")
    if module not in MODULES:
        raise LookupError(name)
    return _targets(module)[target]


def all_names() -> list[str]:
    """Return the names of all targets."""
    return [f"{module}-{name}" for module in MODULES for name in _targets(module)]


def _targets(module: str) -> Mapping[str, Target]:
    targets: Mapping[str, Target] = import_module(f"tests.fuzz.targets.{module}").TARGETS
    return targets

"""Tables of data beside the modules that use them."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any


def read_table(package: str, name: str) -> dict[str, Any]:
    """Read a TOML file of a package."""
    return tomllib.loads(resources.files(package).joinpath(name).read_text(encoding="utf-8"))

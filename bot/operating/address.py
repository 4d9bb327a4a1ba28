"""Where a server listens."""

from __future__ import annotations

import re
from typing import NamedTuple

MOST = 65_535
_WRITTEN = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+)):(?P<port>\d{1,5})")


class Address(NamedTuple):
    """A host and a port; 0 takes a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @classmethod
    def parse(cls, written: str) -> Address:
        """Read `host:port`, with brackets around an IPv6 address; raise `ValueError` for anything else."""
        match = _WRITTEN.fullmatch(written.strip())
        if match is None or int(match["port"]) > MOST:
            raise ValueError("not host:port")
        return cls(match["six"] or match["host"], int(match["port"]))

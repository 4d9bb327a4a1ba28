"""The database's clock, which all processes agree on."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Double
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class DatabaseNow(FunctionElement[float]):
    """The seconds since 1970, by the database's clock; not the time at which a transaction began."""

    type = Double()
    inherit_cache = True


@compiles(DatabaseNow, "postgresql")
def _postgresql(element: DatabaseNow, compiler: Any, **options: Any) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"


@compiles(DatabaseNow, "sqlite")
def _sqlite(element: DatabaseNow, compiler: Any, **options: Any) -> str:
    # To within 0.1 ms. `unixepoch` knows no fractions before SQLite 3.42.
    return "((julianday('now') - 2440587.5) * 86400.0)"

"""Failures of the database."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext


def tell_failures(engine: Engine, failed: Callable[[str], object]) -> None:
    """Tell of every statement and connection of an engine that fails, by the class of its error."""

    @event.listens_for(engine, "handle_error")
    def tell(context: ExceptionContext) -> None:
        failed(type(context.sqlalchemy_exception or context.original_exception).__name__)

"""Failures of the database."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext

from bot.storage.database import Database
from bot.storage.sqlite import is_lock


def tell_failures(database: Database, failed: Callable[[str], object]) -> None:
    """Tell of every statement and connection of a database that fails, by the class of its error.

    A file that another process has locked is tried again (see `SQLiteDatabase`), which is no failure yet.
    """
    database.failed = failed

    @event.listens_for(database.events, "handle_error")
    def tell(context: ExceptionContext) -> None:
        if not is_lock(context.original_exception):
            failed(type(context.sqlalchemy_exception or context.original_exception).__name__)

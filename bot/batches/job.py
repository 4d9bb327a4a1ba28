"""What is known about a file on its way, beside its bytes and its answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from bot.batches.formats import Format
from bot.batches.outcomes import Outcome
from bot.batches.plan import Options, Plan
from bot.locales.current import ENGLISH

TOKEN_SECONDS = 15 * 60.0
"""The life of an interaction's token."""


@dataclass(frozen=True)
class Place:
    """Where a file's progress is shown.

    Attributes:
        token: of the interaction whose response it is.
        until: when the token expires, in seconds since 1970.
        channel_id: the channel in which the bot may go on after that; None if it has to be a direct message.
        guild_id: the channel's server.
        message_id: of the message in which it has gone on.
    """

    application_id: int
    token: str
    until: float
    channel_id: int | None
    guild_id: int | None = None
    message_id: int | None = None


@dataclass(frozen=True)
class Job:
    """A file, what is asked about its rows, and where that is shown.

    Attributes:
        interaction_id: of the command.
        header: see `read_table`.
        columns: their names.
        column: None until its person has chosen.
        confirmed: whether its person knows that it takes longer than can be shown here.
        begun: when its first row was asked, in seconds since 1970; 0 before.
        tries: how many processes have begun it.
        asked_in: the channel or thread in which the command was used; 0 for one that an earlier version has kept.
        locale: of its person when they gave it.
    """

    interaction_id: int
    name: str
    format: Format
    header: bool | None
    options: Options
    columns: tuple[str, ...]
    column: str | None
    second: str | None
    place: Place
    confirmed: bool = False
    begun: float = 0.0
    tries: int = 0
    asked_in: int = 0
    locale: str = ENGLISH

    @property
    def plan(self) -> Plan:
        """What is asked about each row. The column has been chosen."""
        assert self.column is not None
        return Plan(self.options, self.column, self.second)


_JOB: TypeAdapter[Job] = TypeAdapter(Job)
_OUTCOMES: TypeAdapter[dict[int, Outcome]] = TypeAdapter(dict[int, Outcome])


def job_as_json(job: Job) -> str:
    """Return a job's JSON."""
    return _JOB.dump_json(job).decode()


def read_job(content: str | None) -> Job | None:
    """Return the job that some JSON stands for; None if it cannot be read (any more)."""
    try:
        return None if content is None else _JOB.validate_json(content)
    except ValidationError:
        return None


def outcomes_as_json(outcomes: Mapping[int, Outcome]) -> str:
    """Return the JSON of some rows' outcomes."""
    return _OUTCOMES.dump_json(dict(outcomes)).decode()


def read_outcomes(contents: Iterable[str | None]) -> dict[int, Outcome]:
    """Return the outcomes of rows. What cannot be read is left out, so those rows are asked again."""
    found: dict[int, Outcome] = {}
    for content in contents:
        try:
            found |= {} if content is None else _OUTCOMES.validate_json(content)
        except (ValidationError, json.JSONDecodeError):
            continue
    return found

"""`/compare`: the same request, answered by several checkpoints."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from bot.errors import InvalidRequest
from bot.inference.requests import Request
from bot.inference.together import Outcomes
from bot.locales.message import later
from bot.tasks.work.request import read_request, write_request

FEWEST, MOST = 2, 4
"""Checkpoints that are compared."""


@dataclass(frozen=True)
class CompareRequest(Request[Outcomes]):
    """A request of a command for two to four checkpoints. No worker answers it: its parts are submitted one by one."""

    task: str
    """Of the parts."""
    content: str
    """A part's fields, in JSON, without its checkpoint."""
    checkpoints: tuple[str, ...]

    def __post_init__(self) -> None:
        if not FEWEST <= len(set(self.checkpoints)) == len(self.checkpoints) <= MOST:
            raise InvalidRequest(
                later(
                    "I can compare {fewest} to {most} different checkpoints. Please choose so many.",
                    fewest=FEWEST,
                    most=MOST,
                )
            )
        _ = self.about  # raises if the content isn't that of a request

    @classmethod
    def of(cls, request: Request[Any], checkpoints: tuple[str, ...]) -> CompareRequest:
        """Compare the answers of checkpoints to a request."""
        return cls(*write_request(replace(request, checkpoint=None)), checkpoints)

    @property
    def subject(self) -> str:
        """That of the parts."""
        return self.about.subject

    @cached_property
    def about(self) -> Request[Any]:
        """The request, without a checkpoint."""
        return read_request(self.task, self.content)

    @cached_property
    def parts(self) -> tuple[Request[Any], ...]:
        """The request for each checkpoint."""
        return tuple(replace(self.about, checkpoint=name) for name in self.checkpoints)

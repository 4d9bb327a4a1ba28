"""The base of all topics."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Topic(BaseModel):
    """Some settings that are shown on one page.

    A newer version may have kept fields that this one does not know: they are ignored, so that a version can be rolled
    back. Every field has a default, so a document of an earlier version can be read too.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

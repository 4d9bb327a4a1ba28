"""Metrics of interactions: how they end, and how long people wait."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge

from bot.operating.meter import PrometheusMeter
from bot.operating.worker_metrics import SECONDS
from bot.replies.interaction_record import InteractionRecord

ACKNOWLEDGE_SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 2.5, 3)
"""Discord accepts a first response for three seconds."""


class InteractionMetrics:
    """Counts interactions, and measures their stages from their creation at Discord."""

    def __init__(self, registry: CollectorRegistry) -> None:
        meter = PrometheusMeter(registry)
        self._in_flight = Gauge(
            "glassbox_interactions_in_flight", "Interactions that are being answered.", registry=registry
        )
        self._ended = meter.counter(
            "glassbox_interactions",
            "Interactions that have ended.",
            ("kind", "command", "outcome", "reason"),
        )
        self._acknowledged = meter.histogram(
            "glassbox_acknowledge_seconds", "Until Discord has the first response.", ("kind",), ACKNOWLEDGE_SECONDS
        )
        self._first_text = meter.histogram(
            "glassbox_first_text_seconds", "Until a piece of a generated text is visible.", ("command",), SECONDS
        )
        self._answered = meter.histogram(
            "glassbox_answer_seconds", "Until the whole answer is visible.", ("command",), SECONDS
        )

    def began(self) -> None:
        """Count an interaction that has arrived."""
        self._in_flight.inc()

    def ended(self, record: InteractionRecord) -> None:
        """Count an interaction that is over."""
        self._in_flight.dec()
        self._ended(record.kind, record.command, *record.ending)
        if record.acknowledged is not None:
            self._acknowledged((record.acknowledged,), record.kind)
        if record.first_text is not None:
            self._first_text((record.first_text,), record.command)
        if record.ending.outcome == "answered" and record.kind != "autocomplete":
            self._answered((record.ended,), record.command)

"""What an operator sees of one bot process."""

from __future__ import annotations

import platform
import time
from pathlib import Path
from typing import Self

import aiohttp
import discord
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.process_collector import ProcessCollector

from bot import __version__
from bot.endings import Outcome
from bot.inference.backend import Backend
from bot.inference.status import WorkerStatus
from bot.locales.message import Message
from bot.operating.calls import Calls
from bot.operating.gateway import Gateway, ShardedClient
from bot.operating.heartbeat import Heartbeat
from bot.operating.interaction_metrics import InteractionMetrics
from bot.operating.invalid_requests import InvalidRequests
from bot.operating.last_hour import LastHour
from bot.operating.meter import PrometheusMeter
from bot.operating.pseudonyms import Pseudonyms
from bot.operating.readiness import missing
from bot.operating.rest import RestMetrics
from bot.operating.status_metrics import StatusMetrics
from bot.operating.throughput import Samples
from bot.operating.worker_metrics import WorkerMetrics
from bot.replies.interaction_record import InteractionRecord

FAILED: frozenset[Outcome] = frozenset({"failed", "unavailable", "refused"})
"""Outcomes that an operator may want to do something about."""


class Watch:
    """The metrics of a process, its health and its readiness.

    Attributes:
        registry: of all its metrics.
        invalid_requests: what Discord has refused, and is therefore not asked.
        http_trace: hooks for discord.py's HTTP session.
        worker: the observer for a worker in this process.
        last_hour: how long people waited, and what failed.
        samples: what the devices have computed.
        began_at: when the process began to watch, in seconds since 1970.
    """

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self.registry = CollectorRegistry()
        self._backend: Backend | None = None
        self.gateway = Gateway(self.registry)
        self.heartbeat = Heartbeat(self.registry)
        self.worker = WorkerMetrics(PrometheusMeter(self.registry))
        self.invalid_requests = InvalidRequests(time.monotonic)
        self.http_trace: aiohttp.TraceConfig = RestMetrics(self.registry).trace_config()
        Calls(self.http_trace, self.invalid_requests)
        self.last_hour = LastHour()
        self.samples = Samples()
        self.began_at = time.time()
        self._pseudonyms = pseudonyms
        self._interactions = InteractionMetrics(self.registry)
        self._status = StatusMetrics()
        self._database_failures = PrometheusMeter(self.registry).counter(
            "glassbox_database_failures", "Statements that have failed.", ("error",)
        )
        self._invalid = Gauge(
            "glassbox_discord_invalid_requests", "Within ten minutes; Discord allows 10,000.", registry=self.registry
        )
        self._avoided = Gauge(
            "glassbox_discord_avoided_calls", "Calls that are avoided in a channel or server.", registry=self.registry
        )
        self._is_avoided = Gauge(
            "glassbox_discord_avoided", "Whether only interactions are answered.", registry=self.registry
        )
        self._dropped = PrometheusMeter(self.registry).counter(
            "glassbox_gateway_dropped_events", "Events that could not be read.", ("event",)
        )
        self.registry.register(self._status)
        ProcessCollector(registry=self.registry)
        build = Gauge("glassbox_build_info", "What runs.", ("version", "python", "discord"), registry=self.registry)
        build.labels(__version__, platform.python_version(), discord.__version__).set(1)

    @classmethod
    def open(cls, folder: Path) -> Watch:
        """Make a watch whose pseudonyms are kept in a folder. Reads and writes files."""
        return cls(Pseudonyms.open(folder))

    @classmethod
    def for_one_run(cls) -> Self:
        """Make a watch that keeps nothing."""
        return cls(Pseudonyms.for_one_run())

    def follow(self, client: ShardedClient, backend: Backend) -> None:
        """Watch a client's connections and its backend's status."""
        self.gateway.follow(client)
        self._backend = backend

    def pseudonym(self, person: int) -> str:
        """Return what the log calls a person."""
        return self._pseudonyms.of(person)

    def began(self) -> None:
        """Hear of an interaction that has arrived."""
        self._interactions.began()
        self.samples.take(self._read)

    def ended(self, record: InteractionRecord) -> None:
        """Hear of the end of an interaction."""
        self._interactions.ended(record)
        outcome, reason = record.ending
        if record.kind == "autocomplete":
            return
        if outcome == "answered":
            self.last_hour.answered(record.ended)
        elif outcome in FAILED:
            self.last_hour.failed(record.error or reason)

    def database_failed(self, error: str) -> None:
        """Hear of a statement that failed, by the class of its error."""
        self._database_failures(error)
        self.last_hour.failed(f"database: {error}")

    def dropped(self, event: str) -> None:
        """Hear of an event of the gateway that cannot be read."""
        self._dropped(event)
        self.last_hour.failed(f"unreadable event: {event}")

    def missing(self) -> list[Message]:
        """Return what the process lacks to answer people."""
        return missing(self.gateway, self._read())

    def refresh(self) -> None:
        """Read what is read only when somebody looks. On the event loop."""
        self.gateway.refresh()
        refusals = self.invalid_requests.refusals()
        self._invalid.set(refusals.invalid)
        self._avoided.set(refusals.places)
        self._is_avoided.set(refusals.seconds > 0)
        self._status.status = self._read()

    def _read(self) -> WorkerStatus | None:
        return None if self._backend is None else self._backend.status()

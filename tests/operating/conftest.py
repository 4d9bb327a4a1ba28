"""A watch, and what an operator reads of it over a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.operating.address import Address
from bot.operating.pseudonyms import Pseudonyms
from bot.operating.server import watched
from bot.operating.watch import Watch
from tests.cogs.conftest import open_backend, open_scene

__all__ = ["open_backend", "open_scene"]

ANY = Address("127.0.0.1", 0)


@dataclass(frozen=True)
class Sample:
    """A value of a metric."""

    name: str
    labels: Mapping[str, str]
    value: float


@dataclass
class Scrape:
    """What `/metrics` has said."""

    text: str
    samples: list[Sample] = field(init=False)

    def __post_init__(self) -> None:
        families = text_string_to_metric_families(self.text)
        self.samples = [Sample(one.name, one.labels, one.value) for family in families for one in family.samples]

    def all(self, name: str, **labels: str) -> dict[tuple[str, ...], float]:
        """The values of a metric with some labels, by those of the others in the order of their names."""
        return {
            tuple(value for key, value in one.labels.items() if key not in labels): one.value
            for one in self.samples
            if one.name == name and labels.items() <= one.labels.items()
        }

    def value(self, name: str, **labels: str) -> float:
        """The sum of a metric's values with some labels."""
        return sum(self.all(name, **labels).values())

    @property
    def series(self) -> set[tuple[str, frozenset[tuple[str, str]]]]:
        """What Prometheus keeps a history of."""
        return {(one.name, frozenset(one.labels.items())) for one in self.samples}


@dataclass
class Operator:
    """Reads what is served."""

    session: aiohttp.ClientSession
    address: Address

    async def get(self, path: str) -> tuple[int, Any]:
        """A status and a JSON object."""
        async with self.session.get(f"http://{self.address}{path}") as response:
            return response.status, await response.json()

    async def scrape(self) -> Scrape:
        """The metrics."""
        async with self.session.get(f"http://{self.address}/metrics") as response:
            assert response.status == 200
            return Scrape(await response.text())


@pytest.fixture
def watch() -> Watch:
    return Watch(Pseudonyms(bytes(32)))


@asynccontextmanager
async def operator_at(address: Address) -> AsyncIterator[Operator]:
    async with aiohttp.ClientSession() as session:
        yield Operator(session, address)


@pytest.fixture
async def operator(watch: Watch) -> AsyncIterator[Operator]:
    async with watched(ANY, watch) as address:
        assert address is not None
        async with operator_at(address) as operator:
            yield operator

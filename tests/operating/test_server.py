"""What is served, and that it stops nobody."""

from __future__ import annotations

import asyncio
import socket

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from bot.errors import SettingsError
from bot.inference.status import CheckpointStatus, Phase, WorkerStatus
from bot.operating.address import Address
from bot.operating.database import tell_failures
from bot.operating.heartbeat import EVERY_SECONDS, UNHEALTHY_SECONDS
from bot.operating.readiness import is_missing
from bot.operating.server import watched
from bot.operating.watch import Watch
from bot.settings import Settings, read_settings
from bot.storage import RequestStore
from tests.operating.conftest import Operator, Scrape, operator_at
from tests.timers import PATIENCE, Timers, turns


async def test_health_is_that_of_the_event_loop(timers: Timers, watch: Watch) -> None:
    watch.heartbeat._now = asyncio.get_running_loop().time  # which the timers put forward
    async with watched(Address("127.0.0.1", 0), watch) as address, operator_at(_used(address)) as operator:
        status, health = await operator.get("/healthz")
        assert (status, health["healthy"]) == (200, True)

        await timers.skip(UNHEALTHY_SECONDS + EVERY_SECONDS)  # as if something had blocked the loop
        status, health = await operator.get("/healthz")
        assert (status, health["healthy"]) == (503, False)
        assert health["lag_seconds"] >= UNHEALTHY_SECONDS

        async with asyncio.timeout(PATIENCE):  # the next beat is in time
            while (await operator.get("/healthz"))[0] != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert (await operator.scrape()).value("glassbox_event_loop_lag_seconds_count") >= 2


async def test_a_beat_that_is_overdue_counts_before_it_comes(timers: Timers, watch: Watch) -> None:
    watch.heartbeat._now = asyncio.get_running_loop().time
    async with watched(None, watch) as address:
        assert address is None
        await turns()
        assert watch.heartbeat.is_healthy
        timers._ahead += UNHEALTHY_SECONDS + EVERY_SECONDS  # and nothing has had its turn yet
        assert not watch.heartbeat.is_healthy


async def test_nothing_is_ready_before_the_bot_is_there(operator: Operator) -> None:
    status, readiness = await operator.get("/readyz")
    assert status == 503
    assert readiness == {"ready": False, "missing": ["not logged in at Discord", "there is no backend yet"]}


async def test_metrics_of_a_process_that_has_done_nothing(operator: Operator) -> None:
    scraped = await operator.scrape()
    assert scraped.value("glassbox_build_info") == 1
    assert scraped.value("process_resident_memory_bytes") > 0
    assert not scraped.all("glassbox_worker_requests")


async def test_openmetrics_for_those_who_accept_it(operator: Operator) -> None:
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    async with operator.session.get(f"http://{operator.address}/metrics", headers=accept) as response:
        assert response.headers["Content-Type"].startswith("application/openmetrics-text")
        assert (await response.text()).endswith("# EOF\n")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/nothing"])
async def test_a_page_under_a_name_of_its_own_reads_nothing(operator: Operator, path: str) -> None:
    for host in ("evil.example", f"evil.example:{operator.address.port}", "127.0.0.1.evil.example", "10.0.0.1"):
        async with operator.session.get(f"http://{operator.address}{path}", headers={"Host": host}) as response:
            assert response.status == 403
            assert "glassbox" not in await response.text()
    for host in ("localhost", f"127.0.0.1:{operator.address.port}", "[::1]"):
        async with operator.session.get(f"http://{operator.address}{path}", headers={"Host": host}) as response:
            assert response.status != 403


async def test_a_port_that_is_taken_stops_nobody(watch: Watch, caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = Address("127.0.0.1", taken.getsockname()[1])
        async with watched(address, watch) as used:
            assert used is None
    [told] = caplog.messages
    assert told.startswith(f"METRICS_ADDRESS {address} cannot be used (")
    assert "choose another address" in told


class TestSetting:
    @pytest.mark.parametrize(
        ("written", "address"),
        [
            ("127.0.0.1:9464", Address("127.0.0.1", 9464)),
            ("0.0.0.0:0", Address("0.0.0.0", 0)),
            ("[::1]:80", Address("::1", 80)),
            ("metrics.local:65535", Address("metrics.local", 65535)),
            ("off", None),
        ],
    )
    def test_addresses(self, monkeypatch: pytest.MonkeyPatch, written: str, address: Address | None) -> None:
        monkeypatch.setenv("METRICS_ADDRESS", written)
        assert read_settings(None).metrics_address == address
        assert address is None or str(address) == written

    @pytest.mark.parametrize("written", ["9464", "localhost", "a:b", "1.2.3.4:65536", "http://here:1", ":1", "on"])
    def test_no_addresses(self, monkeypatch: pytest.MonkeyPatch, written: str) -> None:
        monkeypatch.setenv("METRICS_ADDRESS", written)
        with pytest.raises(
            SettingsError, match=r"METRICS_ADDRESS must be host:port, such as 127\.0\.0\.1:9464, or off"
        ):
            read_settings(None)

    def test_is_of_this_machine_by_default(self) -> None:
        assert Settings(_env_file=None).metrics_address == Address("127.0.0.1", 9464)


def checkpoint(phase: Phase, *, used: bool) -> CheckpointStatus:
    return CheckpointStatus("tiny", ("fill",), phase, 0, (), "", 0, 1.0 if used else None, None)


@pytest.mark.parametrize(
    ("phase", "used", "preloaded", "missing"),
    [
        (Phase.WAITING, False, False, True),
        (Phase.FETCHING, False, False, True),
        (Phase.LOADING, False, False, True),
        (Phase.READY, True, False, False),
        (Phase.WAITING, False, True, False),  # there was no room beside the others
        (Phase.LOADING, False, True, False),  # so it is loaded when it is asked for
        (Phase.FAILED, False, True, True),
        (Phase.EVICTED, True, True, False),
        (Phase.LOADING, True, True, False),  # again, after an eviction
    ],
)
def test_which_checkpoints_are_missing(phase: Phase, used: bool, preloaded: bool, missing: bool) -> None:
    assert is_missing(checkpoint(phase, used=used), preloaded) is missing


class Elsewhere:
    """A backend on another machine: it knows what it heard last."""

    heard = WorkerStatus(3, 2, (), (checkpoint(Phase.LOADING, used=False),), 1, accepting=False)

    def status(self) -> WorkerStatus:
        return self.heard


async def test_a_backend_on_another_machine(watch: Watch, operator: Operator) -> None:
    watch._backend = Elsewhere()  # type: ignore[assignment]
    _, readiness = await operator.get("/readyz")
    assert readiness["missing"][1:] == ["the backend accepts no requests", "tiny is not loaded (loading)"]
    scraped = await operator.scrape()
    assert scraped.value("glassbox_worker_accepting") == 0
    assert scraped.value("glassbox_worker_requests") == 3
    assert scraped.value("glassbox_worker_rows_waiting") == 2
    assert scraped.value("glassbox_worker_evictions_total") == 1
    assert scraped.all("glassbox_checkpoint_phase", phase="loading") == {("tiny",): 1}


async def test_failures_of_the_database(watch: Watch, operator: Operator) -> None:
    async with RequestStore.open(None) as store:
        tell_failures(store.database, watch.database_failed)
        await store.database.rows(text("SELECT 1"))
        with pytest.raises(OperationalError):
            await store.database.rows(text("SELECT swordfish"))
    scraped: Scrape = await operator.scrape()
    assert scraped.all("glassbox_database_failures_total") == {("OperationalError",): 1}
    assert "swordfish" not in scraped.text


def _used(address: Address | None) -> Address:
    assert address is not None
    return address

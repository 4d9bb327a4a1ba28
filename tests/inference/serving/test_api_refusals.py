"""Calls that are refused: keys, bodies, headers, paths, and what nobody expected."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections.abc import Callable, Generator
from contextlib import AbstractAsyncContextManager
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import HTTPConnection

from bot.errors import UNEXPECTED, ModelUnavailable, QueueFull, ShuttingDown
from bot.inference.answering import Answering, AnsweringState, Stage
from bot.inference.backend import Backend
from bot.inference.serving.bodies import MOST_BYTES
from bot.inference.serving.keys import Keys
from bot.inference.serving.refusals import HttpRefusal
from bot.inference.wire.errors import plain_error
from bot.inference.worker import InferenceWorker, Limits
from bot.request_ids import request_id
from bot.tasks.generate import GenerateRequest
from bot.tasks.sentiment import SentimentRequest
from tests.inference.serving.api_server import CODEC, EVENTS, JSON, Api, Response, api_of, until
from tests.support import device_held

Opener = Callable[..., AbstractAsyncContextManager[InferenceWorker]]

GREAT = SentimentRequest("Great.")
SECRET = "secret-words-of-somebody"


class OddAnswering(Answering[Any]):
    """Refuses, fails, or is given up, when asked."""

    def __init__(self, refusal: Exception | None = None, failure: BaseException | None = None) -> None:
        self._refusal = refusal
        self._failure = failure
        self.cancelled = False

    def __await__(self) -> Generator[Any, None, Any]:
        yield from asyncio.sleep(0).__await__()
        raise self._failure or self._refusal or AssertionError

    async def accepted(self, seconds: float) -> None:
        if self._refusal is not None:
            raise self._refusal

    def done(self) -> bool:
        return False

    @property
    def state(self) -> AnsweringState:
        return AnsweringState(Stage.QUEUED)

    @property
    def queue_position(self) -> int:
        return 3

    async def wait(self, seconds: float) -> bool:
        return True

    async def partial(self) -> None:
        return None

    def stop(self) -> None:
        pass

    def cancel(self) -> None:
        self.cancelled = True


class OddBackend:
    """A backend whose answers are odd, or which raises what no backend should."""

    def __init__(self, submitted: Answering[Any] | Exception) -> None:
        self._submitted = submitted

    def submit(self, request: Any, *, person: int, background: bool = False) -> Answering[Any]:
        if isinstance(self._submitted, Exception):
            raise self._submitted
        return self._submitted


def odd(submitted: Answering[Any] | Exception) -> Backend:
    return cast("Backend", OddBackend(submitted))


def said(response: Response) -> tuple[int, str]:
    return response.status, response.error["code"]


class TestKeys:
    async def test_each_of_several_keys_admits_and_no_other(self, make_worker: Opener) -> None:
        async with make_worker() as worker, api_of(worker, keys=["old-key", "new-key", ""]) as api:
            for header in ("Bearer old-key", "bearer new-key", "Bearer  new-key "):
                assert (await api.ask(GREAT, Authorization=header)).status == 200
            for header in ("", "Bearer", "Bearer ", "Bearer old-key1", "Basic old-key", "old-key", "Bearer \xff"):
                response = await api.ask(GREAT, Authorization=header)
                assert said(response) == (401, "unauthorized")
                assert response.headers["WWW-Authenticate"] == "Bearer"
            for path in ("/v1/status", "/v1/checkpoints/sentiment", "/v1/languages/translate"):
                assert (await api.get(path)).status == 401
                assert (await api.get(path, Authorization="Bearer old-key")).status == 200
            assert (await api.post("/v1/answers/some/stop")).status == 401
            assert (await api.post("/v1/nothing")).status == 401  # nobody without a key learns the names of tasks
            for path in ("/healthz", "/readyz", "/docs", "/openapi.json"):
                assert (await api.get(path)).status == 200

    async def test_a_wrong_key_costs_the_backend_nothing(self) -> None:
        async with api_of(odd(AssertionError("asked")), keys=["key"]) as api:
            assert (await api.ask(GREAT)).status == 401

    def test_every_key_is_compared_in_constant_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        compared: list[int] = []

        def noted(first: bytes, second: bytes) -> bool:
            assert len(first) == len(second)
            compared.append(len(first))
            return original(first, second)

        original = hmac.compare_digest
        monkeypatch.setattr(hmac, "compare_digest", noted)
        Keys(["a", "bb", "ccc"]).admit(connection("10.0.0.1", authorization="Bearer a"))
        assert len(compared) == 3

    @pytest.mark.parametrize(
        ("client", "host", "admitted"),
        [
            ("127.0.0.1", "127.0.0.1:8000", True),
            ("127.0.0.1", "localhost:8000", True),
            ("::1", "[::1]:8000", True),
            ("127.0.0.1", "evil.example", False),
            ("127.0.0.1", "10.0.0.1:8000", False),
            ("10.0.0.1", "127.0.0.1:8000", False),
            ("", "localhost", False),
        ],
    )
    def test_without_keys_only_this_machine_is_served(self, client: str, host: str, admitted: bool) -> None:
        if admitted:
            Keys().admit(connection(client, host=host))
        else:
            with pytest.raises(HttpRefusal) as raised:
                Keys().admit(connection(client, host=host))
            assert raised.value.status == 401

    async def test_a_page_of_another_site_is_not_served_without_keys(self, make_worker: Opener) -> None:
        async with make_worker() as worker, api_of(worker) as api:
            assert (await api.ask(GREAT, Host="rebound.example")).status == 401


def connection(client: str, **headers: str) -> HTTPConnection:
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    return HTTPConnection(
        {
            "type": "http",
            "headers": encoded,
            "client": (client, 1) if client else None,
            "scheme": "http",
            "server": ("127.0.0.1", 8000),
            "path": "/",
        }
    )


class TestRefusals:
    async def test_what_is_wrong_with_a_call(self, make_worker: Opener) -> None:
        async with make_worker() as worker, api_of(worker) as api:
            assert said(await api.post("/v1/sentiment", b"{}")) == (400, "invalid_request")
            assert said(await api.post("/v1/nothing", b"{}")) == (404, "not_found")
            assert said(await api.get("/v1/sentiment")) == (405, "method_not_allowed")
            assert said(await api.get("/nothing")) == (404, "not_found")
            assert said(await api.post("/", b"{}")) == (404, "not_found")
            assert said(await api.post("/v1/sentiment/", b"{}")) == (404, "not_found")
            assert said(await api.post("/v1/sentiment", b"x" * (MOST_BYTES + 1))) == (413, "too_large")
            plain = await api.call(
                "POST", "/v1/sentiment", data=b'{"text": "a"}', headers={"Content-Type": "text/plain"}
            )
            assert said(plain) == (415, "unsupported_media_type")
            for header in ("x", "", "1.5", str(2**63), "9" * 5000):
                assert said(await api.ask(GREAT, X_Person=header)) == (400, "invalid_request")
            for header in ("x", "", "0", "-1", "nan", "inf", "1e999"):
                assert said(await api.ask(GREAT, X_Deadline_Seconds=header)) == (400, "invalid_request")
            for header in ("", "high", "Background"):
                assert said(await api.ask(GREAT, X_Priority=header)) == (400, "invalid_request")
            for header in (str(2**63 - 1), "-5"):
                assert (await api.ask(GREAT, X_Person=header)).status == 200
            assert worker.status().requests == 0

    async def test_background_requests_do_not_count_among_a_persons(self, make_worker: Opener) -> None:
        async with make_worker(limits=Limits(per_person=1)) as worker, api_of(worker) as api:
            await worker.load(["sentiment"])
            async with device_held(worker):
                calls = [
                    asyncio.create_task(api.ask(SentimentRequest(f"Text {i}"), X_Person="1", X_Priority=priority))
                    for i, priority in enumerate(["background", "background", "normal"])
                ]
                await until(lambda: worker.status().requests == 3)
                assert (await api.ask(GREAT, X_Person="1")).status == 429
            assert [response.status for response in await asyncio.gather(*calls)] == [200] * 3

    async def test_a_body_without_a_length_is_limited_too(self, make_worker: Opener) -> None:
        async def chunks() -> Any:
            for _ in range(MOST_BYTES // 100_000 + 1):
                yield b"x" * 100_000

        async with make_worker() as worker, api_of(worker) as api:
            response = await api.call("POST", "/v1/sentiment", data=chunks(), headers=JSON)
            assert said(response) == (413, "too_large")

    async def test_a_long_body_is_read(self, make_worker: Opener) -> None:
        async with make_worker() as worker, api_of(worker) as api:
            text = "The train was late. " * 1_900
            response = await api.post("/v1/sentiment", json.dumps({"text": text}))
            assert "The text has 37,999 characters" in response.error["sentence"]

    async def test_a_person_has_so_many_requests_and_a_full_queue_says_when_to_come_back(
        self, make_worker: Opener
    ) -> None:
        async with make_worker(limits=Limits(requests=2, per_person=1)) as worker, api_of(worker) as api:
            await worker.load({"sentiment"})
            async with device_held(worker):
                calls = [asyncio.create_task(api.ask(GREAT, X_Person="1"))]
                await until(lambda: worker.status().requests == 1)
                refused = await api.ask(SentimentRequest("Bad."), X_Person="1")
                assert said(refused) == (429, "too_many_requests")
                assert (refused.error["limit"], refused.headers["Retry-After"]) == (1, "1")
                calls.append(asyncio.create_task(api.ask(GREAT)))
                await until(lambda: worker.status().requests == 2)
                full = await api.ask(SentimentRequest("Bad."), X_Person="2")
                assert said(full) == (429, "queue_full")
                assert int(full.headers["Retry-After"]) >= 1
            assert [response.status for response in await asyncio.gather(*calls)] == [200, 200]

    @pytest.mark.parametrize(
        ("refusal", "status"), [(QueueFull(2.5), 429), (ShuttingDown(), 503), (ModelUnavailable("No."), 503)]
    )
    async def test_a_backend_elsewhere_may_refuse_later(self, refusal: Exception, status: int) -> None:
        answering = OddAnswering(refusal=refusal)
        async with api_of(odd(answering)) as api:
            for headers in (JSON, EVENTS):
                body = CODEC["sentiment"].request.encode(GREAT)
                response = await api.call("POST", "/v1/sentiment", data=body, headers=headers)
                assert response.status == status
        assert answering.cancelled

    async def test_an_error_after_the_stream_has_begun_is_an_event(self) -> None:
        async with api_of(odd(OddAnswering(failure=QueueFull(2.5)))) as api:
            events = await api.events(GREAT)
        assert [name for name, _ in events if name != "state"] == ["accepted", "error"]
        assert events[-1][1] == plain_error(QueueFull(2.5))

    async def test_a_partial_result_that_fails_costs_not_the_answer(self, make_worker: Opener) -> None:
        class NoPartials:
            def __init__(self, worker: InferenceWorker) -> None:
                self._worker = worker

            def submit(self, request: Any, *, person: int, background: bool = False) -> Answering[Any]:
                answering = self._worker.submit(request, person=person)
                answering.partial = self.fail  # type: ignore[method-assign]
                return answering

            async def fail(self) -> Any:
                asked.append(True)
                raise RuntimeError(SECRET)

        asked: list[bool] = []
        async with make_worker() as worker, api_of(cast("Backend", NoPartials(worker))) as api:
            events = await api.events(GenerateRequest("Once", max_new_tokens=200))
        assert asked == [True]
        assert events[-1][0] == "answer"

    @pytest.mark.parametrize("failure", [RuntimeError(SECRET), asyncio.CancelledError(SECRET)])
    async def test_what_nobody_expected_is_told_without_its_text(
        self, failure: BaseException, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with api_of(odd(OddAnswering(failure=failure))) as api:
            response = await api.ask(GREAT)
            events = await api.events(GREAT)
        assert said(response) == (500, "unanswered")
        assert response.error["sentence"] == str(UNEXPECTED)
        assert events[-1] == ("error", plain_error(ValueError()))
        assert SECRET not in caplog.text

    async def test_an_error_of_the_code_is_logged_without_its_text(self, caplog: pytest.LogCaptureFixture) -> None:
        async with api_of(odd(RuntimeError(SECRET))) as api:
            response = await api.ask(GREAT, X_Request_ID="mine")
        assert said(response) == (500, "unanswered")
        assert response.headers["X-Request-ID"] == "mine"
        assert SECRET not in caplog.text
        assert "a call failed: RuntimeError at test_api_refusals.py" in caplog.text


class TestRequestIds:
    async def test_an_id_is_sent_back_and_known_to_the_code(self) -> None:
        seen: list[str] = []

        class Asked(OddBackend):
            def submit(self, request: Any, *, person: int, background: bool = False) -> Answering[Any]:
                seen.append(request_id.get())
                return super().submit(request, person=person)

        async with api_of(cast("Backend", Asked(ShuttingDown()))) as api:
            response = await api.ask(GREAT, X_Request_ID="interaction:123.a-b_c")
            assert response.headers["X-Request-ID"] == seen[0] == "interaction:123.a-b_c"

    @pytest.mark.parametrize("chosen", ["", "a b", "a" * 65, "\xe9", "<b>", "a\tb"])
    async def test_an_id_that_a_log_could_not_hold_is_replaced(self, make_worker: Opener, chosen: str) -> None:
        async with make_worker() as worker, api_of(worker) as api:
            found = {(await api.get("/healthz", X_Request_ID=chosen)).headers["X-Request-ID"] for _ in range(2)}
            assert len(found) == 2
            assert chosen not in found
            assert all(one.isalnum() and len(one) == 16 for one in found)


async def test_nobodys_words_and_keys_are_logged(make_worker: Opener, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with make_worker() as worker, api_of(worker, keys=["key-of-somebody"]) as api:
        authorized = {"Authorization": "Bearer key-of-somebody"}
        assert (await api.ask(SentimentRequest(SECRET), **authorized)).status == 200
        assert (await api.post("/v1/sentiment", json.dumps({SECRET: 1}), **authorized)).status == 400
        assert (await api.ask(SentimentRequest(SECRET), Authorization=f"Bearer {SECRET}")).status == 401
        await api.events(SentimentRequest(SECRET), **authorized)
    assert SECRET not in caplog.text
    assert "key-of-somebody" not in caplog.text


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=8), one, max_size=3),
    max_leaves=8,
)


def bodies_for(task: str) -> st.SearchStrategy[bytes]:
    """Bodies that are nearly, or not at all, requests of a task."""
    names = list(CODEC[task].task.request.__dataclass_fields__)
    plausible = st.sampled_from(["a ___ b", "de", "en", "sentiment", "average", '{"text": "a"}', "py"])
    values = JSON_VALUES | plausible | st.lists(plausible, max_size=3) | st.integers(-1, 3)
    fields = st.dictionaries(st.sampled_from(names), values, min_size=len(names) - 2)
    return st.one_of(
        st.binary(max_size=40), JSON_VALUES.map(json.dumps).map(str.encode), fields.map(json.dumps).map(str.encode)
    )


def collect(task: str, bodies: list[tuple[str, bytes]]) -> None:
    @settings(max_examples=15)
    @given(bodies_for(task))
    def collected(body: bytes) -> None:
        bodies.append((task, body))

    collected()


async def test_no_body_makes_the_server_fail(make_worker: Opener) -> None:
    bodies: list[tuple[str, bytes]] = []
    for task in CODEC:
        collect(task, bodies)
    async with make_worker(limits=Limits(per_person=10_000)) as worker, api_of(worker) as api:
        for task, body in bodies:
            await assert_civil(api, f"/v1/{task}", body)


async def assert_civil(api: Api, path: str, body: bytes) -> None:
    """An answer, or a refusal that says what is wrong in a sentence of ours."""
    response = await api.post(path, body)
    assert response.status in (200, 400, 503), (path, body, response.body)
    if response.status != 200:
        sentence = response.error["sentence"]
        assert sentence != str(UNEXPECTED), (path, body)
        assert "pydantic" not in sentence
        assert "Traceback" not in sentence


async def test_the_documentation_lists_every_path_and_loads_nothing_from_elsewhere(make_worker: Opener) -> None:
    async with make_worker() as worker, api_of(worker) as api:
        document = (await api.get("/openapi.json")).json
        page = (await api.get("/docs")).body.decode()
    assert set(document["paths"]) == {f"/v1/{task}" for task in CODEC} | {
        "/v1/status",
        "/v1/checkpoints/{name}",
        "/v1/languages/{name}",
        "/v1/answers/{id}/stop",
        "/healthz",
        "/readyz",
    }
    fill = document["paths"]["/v1/fill"]["post"]
    assert fill["requestBody"]["content"]["application/json"]["example"] == {
        "text": "The capital of France is ___.",
        "top_k": 5,
    }
    generate = document["components"]["schemas"]["generate_request"]
    assert (
        generate["properties"]["seed"]["description"] == "The same seed, prompt and options give the same text again."
    )
    assert generate["additionalProperties"] is False
    assert "InvalidRequest" not in json.dumps(document)
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page
    for path in document["paths"]:
        assert path in page


async def test_the_references_of_the_openapi_document_lead_somewhere(make_worker: Opener) -> None:
    async with make_worker() as worker, api_of(worker) as api:
        document = (await api.get("/openapi.json")).json
    schemas = document["components"]["schemas"]

    def references(part: Any) -> set[str]:
        match part:
            case dict():
                own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
                return own.union(*map(references, part.values()))
            case list():
                return set().union(*map(references, part))
        return set()

    found = references(document)
    assert found
    assert {one.removeprefix("#/components/schemas/") for one in found} <= set(schemas)

"""The API of inference over any backend: HTTP with JSON and server-sent events. Callers read docs/API.md."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from fastapi import Depends, FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from bot import __version__
from bot.errors import GlassboxError
from bot.inference.backend import Backend
from bot.inference.requests import Request
from bot.inference.serving.answers import AnswerEndpoint, forms_of
from bot.inference.serving.boundary import Boundary
from bot.inference.serving.keys import Keys
from bot.inference.serving.openapi import describe_tasks
from bot.inference.serving.page import docs_page
from bot.inference.serving.refusals import HttpRefusal, error_response, json_bytes, json_response
from bot.inference.serving.running import RunningAnswers
from bot.inference.wire.codec import Codec

TITLE = "Glassbox inference"
StopElsewhere = Callable[[str], Awaitable[bool]]


async def _nowhere(identity: str) -> bool:
    return False


def create_app(
    backend: Backend,
    codec: Codec,
    keys: Iterable[str] = (),
    *,
    examples: Iterable[Request[Any]] = (),
    running: RunningAnswers | None = None,
    is_ready: Callable[[], bool] = lambda: True,
    stop_elsewhere: StopElsewhere = _nowhere,
) -> FastAPI:
    """Return the application that serves a backend.

    Args:
        codec: of the tasks that are served.
        keys: admit callers; without any, only those on the same machine are served (see `Keys`).
        examples: requests for the documentation, one of each task.
        running: keeps the answers that are under way; its `drain` ends the serving.
        is_ready: whether the process has done what comes before its first request, such as loading checkpoints.
        stop_elsewhere: stops an answer that another process gives; returns whether there is one.
    """
    running = RunningAnswers() if running is None else running
    admission = Keys(keys)
    app = FastAPI(
        title=TITLE, version=__version__, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False
    )
    app.add_middleware(Boundary)
    app.add_exception_handler(GlassboxError, _told)
    app.add_exception_handler(HttpRefusal, _refused)
    app.add_exception_handler(HTTPException, _no_path)
    _add_health(app, backend, running, is_ready)
    _add_facts(app, backend, codec, admission)
    _add_stop(app, running, admission, stop_elsewhere)
    _add_documentation(app, codec, list(examples))
    answering = AnswerEndpoint(backend, codec, admission, running)
    app.router.routes.append(Route("/v1/{task}", answering, methods=["POST"], include_in_schema=False))
    return app


def _add_health(app: FastAPI, backend: Backend, running: RunningAnswers, is_ready: Callable[[], bool]) -> None:
    @app.get("/healthz", summary="Is the process alive?", tags=["health"])
    async def healthz() -> Response:
        """Its event loop turns, or there would be no response. Needs no key."""
        return json_response({"status": "ok"})

    @app.get("/readyz", summary="Are requests accepted?", tags=["health"], responses={503: {"description": "No."}})
    async def readyz() -> Response:
        """Needs no key."""
        ready = not running.draining and backend.status().accepting and is_ready()
        return json_response({"status": "ready" if ready else "not ready"}, 200 if ready else 503)


def _add_facts(app: FastAPI, backend: Backend, codec: Codec, keys: Keys) -> None:
    admitted = [Depends(_admission(keys))]

    @app.get("/v1/status", summary="How busy is it?", tags=["facts"], dependencies=admitted)
    async def status() -> Response:
        """Its devices, its checkpoints, the tasks for which each can be chosen, and how many requests wait."""
        return json_bytes(codec.status.encode(backend.status()))

    def checked(name: str) -> str:
        if all(one.name != name for one in backend.status().checkpoints):
            forms_of(codec, name)
        return name

    @app.get("/v1/checkpoints/{name}", summary="Which model answers a task?", tags=["facts"], dependencies=admitted)
    async def checkpoint(name: str) -> Response:
        """Its source, its architecture, its size, and whether it is loaded. `name` is a task's or a checkpoint's."""
        return json_bytes(codec.description.encode(await backend.describe(checked(name))))

    @app.get("/v1/languages/{name}", summary="What does a model translate?", tags=["facts"], dependencies=admitted)
    async def languages(name: str) -> Response:
        """Its target languages by source language; `null` if it translates nothing, or if that is not known yet.

        `name` is a task's or a checkpoint's.
        """
        return json_bytes(codec.languages.encode(backend.languages(checked(name))))


def _add_stop(app: FastAPI, running: RunningAnswers, keys: Keys, stop_elsewhere: StopElsewhere) -> None:
    @app.post(
        "/v1/answers/{id}/stop",
        summary="Stop a text",
        tags=["answers"],
        status_code=202,
        responses={404: {"description": "It has already ended."}},
        dependencies=[Depends(_admission(keys))],
    )
    async def stop(id: str) -> Response:  # noqa: A002 (the path's own name)
        """The text so far becomes the answer, on the stream that told the id. Other answers are not hurried."""
        if running.stop(id) or await stop_elsewhere(id):
            return json_response({"status": "stopping"}, 202)
        raise HttpRefusal(404, "not_found", "This answer has already ended, so there is nothing to stop.")


def _add_documentation(app: FastAPI, codec: Codec, examples: list[Request[Any]]) -> None:
    described: dict[str, Any] = {}

    def document() -> dict[str, Any]:
        if not described:
            described.update(describe_tasks(app, codec, examples))
        return described

    @app.get("/openapi.json", include_in_schema=False)
    def openapi() -> Response:
        return json_response(document())

    @app.get("/docs", include_in_schema=False)
    def docs() -> Response:
        return docs_page(document())


def _admission(keys: Keys) -> Callable[[HTTPConnection], Awaitable[None]]:
    async def admitted(connection: HTTPConnection) -> None:
        keys.admit(connection)

    return admitted


async def _told(request: HttpRequest, error: Exception) -> Response:
    return error_response(error)


async def _refused(request: HttpRequest, error: Exception) -> Response:
    assert isinstance(error, HttpRefusal)
    return error.response


async def _no_path(request: HttpRequest, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        sentence = "This path has another method. `/docs` lists all of them."
        return HttpRefusal(405, "method_not_allowed", sentence, error.headers).response
    return HttpRefusal(error.status_code, "not_found", "There is no such path. `/docs` lists all of them.").response

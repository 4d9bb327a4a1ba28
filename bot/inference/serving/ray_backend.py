"""The backend whose worker is a Ray cluster."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType
from typing import Any, TypeVar

from ray.exceptions import RayError
from ray.serve.exceptions import BackPressureError, RayServeException
from ray.serve.handle import DeploymentHandle

from bot.errors import DeadlinePassed, NotResponding, QueueFull, ShuttingDown, describe, no_checkpoint
from bot.inference.answering import AnsweringState, Loading, Stage
from bot.inference.backend import Backend
from bot.inference.checkpoints.catalogue import CheckpointSpec
from bot.inference.checkpoints.description import CheckpointDescription
from bot.inference.checkpoints.offers import not_offered
from bot.inference.languages.pairs import LanguagePairs
from bot.inference.limits import Limits
from bot.inference.requests import Answer, Request
from bot.inference.scheduling.costs import Recent
from bot.inference.serving.groups import Group
from bot.inference.serving.merging import merged
from bot.inference.serving.messages import Answered, Asked, Failed, Heard, Report
from bot.inference.serving.quota_actors import ClusterQuotas
from bot.inference.serving.ray_answering import RayAnswering
from bot.inference.status import WorkerStatus
from bot.request_ids import request_id

ResultT = TypeVar("ResultT")

log = logging.getLogger(__name__)

ATTEMPTS = 3
"""How many replicas may be lost over one request, which is perhaps what ends them."""
REFUSAL_SECONDS = 0.1
"""Serve refuses at once. A request that it has kept for so long waits in its queue."""
BACKGROUND_SHARE = 0.25
"""Of what the replicas take at once, for each process of the ingress."""
REPORT_SECONDS = 2.0
BROADCAST_SECONDS = 5.0


class ReplicaLost(Exception):
    """A replica has ended before its answer."""


@dataclass(eq=False)
class Deployment:
    """A deployment, and what its replicas have said.

    Attributes:
        recent_seconds: how long answers took lately, waiting in Serve's queue included.
        background: how many background requests its replicas have from here.
    """

    group: Group
    handle: DeploymentHandle
    reports: Sequence[Report] = ()
    languages: dict[str, LanguagePairs] = field(default_factory=dict)
    recent_seconds: Recent = field(default_factory=lambda: Recent(1.0))
    background: int = 0
    _room: asyncio.Condition = field(default_factory=asyncio.Condition)

    @asynccontextmanager
    async def behind(self) -> AsyncIterator[None]:
        """Wait until the replicas have room for another background request, and count it while the body runs."""
        # A replica takes a number of requests at once, whatever their priority; the others wait in Serve's queue in the
        # order of their arrival. So background requests may fill only a part of the replicas.
        async with self._room:
            await self._room.wait_for(lambda: self.background < self.background_room)
            self.background += 1
        try:
            yield
        finally:
            self.background -= 1
            async with self._room:
                self._room.notify()

    @property
    def background_room(self) -> int:
        """How many background requests the replicas may have from here."""
        replicas = max(1, len(self.reports))
        return max(1, int(BACKGROUND_SHARE * replicas * self.group.scaling.max_ongoing_requests))

    def unheard(self, spec: CheckpointSpec) -> AnsweringState:
        """Return the state of a request that no replica has begun: without replicas, one is being started for it."""
        return AnsweringState(Stage.QUEUED) if self.reports else AnsweringState(Stage.LOADING, Loading(spec.name))

    async def report(self) -> None:
        """Ask all replicas how busy they are."""
        found = await self.broadcast("report")
        self.reports = [one for one in found if isinstance(one, Report)]
        for report in self.reports:
            pairs = {name: LanguagePairs(MappingProxyType(dict(known))) for name, known in report.languages.items()}
            self.languages.update(pairs)

    async def broadcast(self, method: str, *arguments: object) -> list[object]:
        """Call a method of all replicas; return what those have returned that answer."""
        try:
            responses = self.handle.broadcast(method, *arguments)
            results = await responses.results_async(timeout_s=BROADCAST_SECONDS, return_exceptions=True)
        except (RayError, RayServeException, TimeoutError):  # there is no replica
            return []
        return [one for one in results if not isinstance(one, BaseException)]


class RayBackend(Backend):
    """Answers requests on the replicas of Serve's deployments. An async context manager.

    A request whose replica is lost is asked again on another one. Requests have no effects, and the lost computation is
    gone, so each is answered once; a text begins anew, with the same seed if it has one.

    Args:
        names: the task of each class of requests.
        deployments: one for each group of tasks.
        quotas: of the people.
    """

    def __init__(
        self,
        names: Mapping[type[Request[Any]], str],
        deployments: Iterable[Deployment],
        quotas: ClusterQuotas,
        limits: Limits,
    ) -> None:
        self._names = names
        self._deployments = tuple(deployments)
        self._quotas = quotas
        self._limits = limits
        self._by_task = {task: (one, spec) for one in self._deployments for task, spec in one.group.checkpoints.items()}
        self._by_name = {spec.name: (one, spec) for one in self._deployments for spec in one.group.specs}
        self._running: set[RayAnswering[Any]] = set()
        self._draining = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._reporting: asyncio.Task[None] | None = None

    async def __aenter__(self) -> RayBackend:
        await self._quotas.__aenter__()
        self._reporting = asyncio.create_task(self._report())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.drain(0)
        for task in (self._reporting, *self._tasks):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        await self._quotas.__aexit__(kind, error, trace)

    def submit(self, request: Request[ResultT], *, person: int, background: bool = False) -> RayAnswering[ResultT]:
        deployment, spec = self._chosen(request)
        if self._draining:
            raise ShuttingDown
        asked = Asked(uuid.uuid4().hex, request, person, request_id.get(), background)

        async def answer(answering: RayAnswering[ResultT]) -> Answer[ResultT]:
            return await self._answer(answering, deployment)

        def send_stop(asked_id: str) -> None:
            self._start(deployment.broadcast("stop", asked_id))

        answering = RayAnswering(asked, answer, send_stop, lambda: deployment.unheard(spec))
        self._running.add(answering)
        answering.task.add_done_callback(lambda task: self._running.discard(answering))
        return answering

    def languages(self, name: str) -> LanguagePairs | None:
        deployment, spec = self._found(name)
        declared = None if spec.languages is None else LanguagePairs.of(spec.languages)
        return deployment.languages.get(name, declared)

    def status(self) -> WorkerStatus:
        waiting = sum(one.heard is None for one in self._running)
        groups = [(one.group, [report.status for report in one.reports]) for one in self._deployments]
        return merged(groups, waiting=waiting, accepting=not self._draining)

    async def describe(self, name: str) -> CheckpointDescription:
        deployment, spec = self._found(name)
        try:
            found = await deployment.handle.describe.remote(name)
        except (RayError, RayServeException) as error:
            log.warning("%s could not be described: %s", spec.name, describe(error))
            raise ShuttingDown from None
        if isinstance(found, Failed):
            raise found.error()
        description: CheckpointDescription = found
        return description

    def _found(self, name: str) -> tuple[Deployment, CheckpointSpec]:
        """Return the checkpoint of a task, or of its own name; raise `ModelUnavailable` if there is none."""
        found = self._by_task.get(name) or self._by_name.get(name)
        if found is None:
            raise no_checkpoint(name)
        return found

    def _chosen(self, request: Request[Any]) -> tuple[Deployment, CheckpointSpec]:
        """Return the checkpoint that answers a request.

        Raises:
            ModelUnavailable: none is set for its task.
            InvalidRequest: the one that was chosen cannot be.
        """
        task = self._names[type(request)]
        if request.checkpoint is None:
            return self._found(request.checkpoint_task or task)
        # Any checkpoint can do a task that none is set for, such as `tokenize`.
        known = self.status().checkpoints
        able = [one.name for one in known if task in one.offered or task not in self._by_task]
        if request.checkpoint not in able:
            raise not_offered(request.checkpoint, task, able)
        return self._by_name[request.checkpoint]

    async def drain(self, seconds: float) -> None:
        """Accept nothing new, wait for what is running, and tell the rest to try again."""
        self._draining = True
        if self._running:
            await asyncio.wait([one.task for one in self._running], timeout=seconds)
        left = list(self._running)
        for answering in left:
            answering.give_up(ShuttingDown)
        await asyncio.gather(*(one.task for one in left), return_exceptions=True)

    async def _answer(self, answering: RayAnswering[ResultT], deployment: Deployment) -> Answer[ResultT]:
        if answering.asked.background:
            async with deployment.behind():
                return await self._answer_within(answering, deployment, self._limits.background_seconds)
        return await self._answer_person(answering, deployment)

    async def _answer_person(self, answering: RayAnswering[ResultT], deployment: Deployment) -> Answer[ResultT]:
        asked = answering.asked
        now = asyncio.get_running_loop().time
        began = now()
        await self._quotas.admit(asked.id, asked.person)
        try:
            answer = await self._answer_within(answering, deployment, self._limits.seconds)
        finally:
            self._quotas.release(asked.id, asked.person)
        deployment.recent_seconds.note(now() - began)
        return answer

    async def _answer_within(
        self, answering: RayAnswering[ResultT], deployment: Deployment, seconds: float
    ) -> Answer[ResultT]:
        async with self._deadline(seconds):
            return await self._asked_until_answered(answering, deployment)

    async def _asked_until_answered(self, answering: RayAnswering[ResultT], deployment: Deployment) -> Answer[ResultT]:
        for _ in range(ATTEMPTS):
            try:
                return await self._ask(answering, deployment)
            except ReplicaLost:
                answering.heard = None
        log.error("a request was given up: it has lost %d replicas", ATTEMPTS)
        raise NotResponding

    async def _ask(self, answering: RayAnswering[ResultT], deployment: Deployment) -> Answer[ResultT]:
        """Ask one replica.

        Raises:
            ReplicaLost: it has ended.
            GlassboxError: the request is refused, or cannot be answered.
        """
        stream = deployment.handle.options(stream=True).answer.remote(answering.asked)
        admitted = asyncio.get_running_loop().call_later(REFUSAL_SECONDS, answering.admit)
        try:
            async for event in stream:
                match event:
                    case Heard():
                        answering.hear(event)
                    case Answered(answer):
                        return answer
                    case Failed():
                        raise _failure(event)
        except BackPressureError:
            raise QueueFull(deployment.recent_seconds.average) from None
        except RayServeException as error:  # the deployment is gone, or cannot start
            log.error("%s does not answer: %s", deployment.group.name, describe(error))
            raise ShuttingDown from None
        except RayError as error:
            log.warning("a replica of %s was lost: %s", deployment.group.name, describe(error))
            raise ReplicaLost from None
        finally:
            admitted.cancel()
            # It raises the error of a request that has not reached a replica.
            with suppress(RayError, RayServeException):
                stream.cancel()
        raise ReplicaLost

    @asynccontextmanager
    async def _deadline(self, seconds: float) -> AsyncIterator[None]:
        """Limit the time of the body, which is mostly shorter: the worker has deadlines of its own."""
        seconds = self._limits.loading_seconds + seconds + self._limits.ending_seconds
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            raise DeadlinePassed(seconds) from None

    async def _report(self) -> None:
        while True:
            await asyncio.gather(*(one.report() for one in self._deployments))
            await asyncio.sleep(REPORT_SECONDS)

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _failure(event: Failed) -> Exception:
    """Return the error that a replica tells of. One that is shutting down has been asked too late: others answer."""
    error = event.error()
    return ReplicaLost() if isinstance(error, ShuttingDown) else error

"""The way into the cluster: an ASGI application in actors of Ray Serve."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Protocol

from ray import serve
from ray.serve.handle import DeploymentHandle

from bot.inference.backend import Backend
from bot.inference.limits import Limits
from bot.inference.requests import Request
from bot.inference.serving.groups import Group, Scaling
from bot.inference.serving.quota_actors import ClusterQuotas
from bot.inference.serving.ray_backend import Deployment, RayBackend
from bot.inference.serving.running import RunningAnswers


class Asgi(Protocol):
    """An ASGI application."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


@dataclass(frozen=True)
class Cluster:
    """What each replica of the ingress knows of the cluster; pickled.

    Attributes:
        names: the task of each class of requests.
        quota_shards: see `ClusterQuotas`.
    """

    names: Mapping[type[Request[Any]], str]
    groups: Sequence[Group]
    limits: Limits
    quota_shards: int = 1


StopElsewhere = Callable[[str], Awaitable[bool]]
BuildApp = Callable[[Backend, RunningAnswers, StopElsewhere], Asgi]


class Ingress:
    """Hosts the application over the cluster's backend. Made a deployment by `serve.ingress()`.

    Args:
        handles: of the deployments, by the names of the groups.
        build_app: makes the application; pickled by reference.
    """

    async def __init__(self, cluster: Cluster, handles: Mapping[str, DeploymentHandle], build_app: BuildApp) -> None:  # type: ignore[misc]  # Serve awaits it
        self._open = AsyncExitStack()
        backend = RayBackend(
            cluster.names,
            [Deployment(group, handles[group.name]) for group in cluster.groups],
            ClusterQuotas(cluster.limits.per_person, cluster.quota_shards),
            cluster.limits,
        )
        self._backend = await self._open.enter_async_context(backend)
        self._running = RunningAnswers()
        self._peers = _this_deployment()
        self._build_app = build_app

    def __serve_build_asgi_app__(self) -> Asgi:
        return self._build_app(self._backend, self._running, self._stop_elsewhere)

    async def stop(self, answer_id: str) -> bool:
        """End a text if this replica streams it; return whether it does."""
        return self._running.stop(answer_id)

    async def _stop_elsewhere(self, answer_id: str) -> bool:
        return True in await self._peers.broadcast("stop", answer_id)

    async def drain(self, seconds: float) -> None:
        """Refuse new calls, wait for the answers under way, and tell the rest of the callers to try again."""
        self._running.draining = True
        await self._backend.drain(seconds)
        await self._running.drain()

    async def __del__(self) -> None:
        await self._open.aclose()


def _this_deployment() -> Deployment:
    context = serve.get_replica_context()
    handle: DeploymentHandle = serve.get_deployment_handle(context.deployment, context.app_name)
    return Deployment(Group(context.deployment, {}, Scaling()), handle)

"""The composition root of inference on Ray Serve: `serve run bot.serving:build`, or `python -m bot serve`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field

from bot.inference.checkpoints.catalogue import Preset
from bot.inference.serving.groups import Group, GroupArguments, Grouping, Scaling, grouped
from bot.settings import Settings, read_settings

if TYPE_CHECKING:
    from fastapi import FastAPI
    from ray.serve import Application

    from bot.inference.backend import Backend
    from bot.inference.serving.ingress import Asgi, StopElsewhere
    from bot.inference.serving.running import RunningAnswers
    from bot.inference.worker import InferenceWorker

WORKER_SETTINGS = frozenset(
    {
        "preset",
        "devices",
        "precision",
        "model_memory",
        "remembered_answers",
        "request_seconds",
        "drain_seconds",
        "hang_seconds",
        "cache_dir",
        "log_level",
        "log_format",
    }
)
INGRESS = Scaling(min_replicas=1, max_replicas=1, max_ongoing_requests=2_000, num_cpus=0.5)


class Arguments(BaseModel, extra="forbid", frozen=True):
    """The arguments in `serve.yaml`. Everything else is a setting, in the environment of Ray's nodes.

    Attributes:
        preset: instead of the setting PRESET; `course` if neither is given.
        scaling: of the deployments that `groups` does not name.
        groups: tasks that share a deployment, with its scaling. Every other checkpoint gets its own.
        ingress: how many replicas take requests.
        quota_shards: how many actors count people's requests. One counts about 900 requests a second.
    """

    preset: str | None = None
    scaling: Scaling = Scaling()
    grouping: Grouping = Grouping.CHECKPOINT
    groups: tuple[GroupArguments, ...] = ()
    ingress: Scaling = INGRESS
    quota_shards: Annotated[int, Field(ge=1, le=1_000)] = 1


def build(args: Mapping[str, Any]) -> Application:
    """Return Serve's application.

    Args:
        args: what `Arguments` has; Serve passes the mapping of `serve.yaml`.

    Raises:
        ValidationError: an argument is not one of these.
        SettingsError: a setting cannot be used, or there is no such preset or task.
    """
    from bot.app import chosen_preset

    # Serve validates by itself only if the annotation is the class, which it is not in this module: a string is.
    arguments = Arguments.model_validate(dict(args))
    settings = read_settings()
    if arguments.preset is not None:
        settings = settings.model_copy(update={"preset": arguments.preset})
    preset = chosen_preset(settings, "course")
    return build_with(settings, preset, arguments)


def build_with(settings: Settings, preset: Preset, args: Arguments) -> Application:
    """Return Serve's application with these settings."""
    from bot.inference.checkpoints.offers import Offers
    from bot.inference.serving.application import application
    from bot.inference.serving.ingress import Cluster
    from bot.tasks import all_tasks, task_names

    groups = grouped(preset, args.scaling, args.groups, args.grouping, Offers(all_tasks()))
    cluster = Cluster(task_names(), groups, settings.limits, args.quota_shards)
    of_a_worker = _of_a_worker(settings)

    def opener(group: Group) -> OpenGroupWorker:
        return OpenGroupWorker(of_a_worker, group.preset(preset), group.scaling)

    return application(cluster, opener, build_app, ingress=args.ingress, queue=settings.queue_size)


@dataclass(frozen=True)
class OpenGroupWorker:
    """Opens the worker of a replica. Pickled, so it holds no secrets."""

    settings: Settings
    preset: Preset
    scaling: Scaling

    @contextlib.asynccontextmanager
    async def __call__(self) -> AsyncIterator[InferenceWorker]:
        from bot.app import open_backend
        from bot.inference.compute.environment import prepare
        from bot.logs import log_to_stderr
        from bot.operating.ray_meter import RayMeter
        from bot.operating.worker_metrics import WorkerMetrics

        prepare(os.environ)
        log_to_stderr(self.settings.log_level, style=self.settings.log_format)
        most = self.scaling.max_ongoing_requests
        changes: dict[str, Any] = {
            # Serve hands out no more than these, and people are counted for the whole cluster.
            "queue_size": most,
            "requests_per_person": most,
            "model_memory": self.settings.model_memory or _share_of_a_gpu(self.scaling.num_gpus),
        }
        if (devices := self.scaling.device_names) is not None:
            changes["devices"] = devices
        settings, observer = self.settings.model_copy(update=changes), WorkerMetrics(RayMeter())
        async with open_backend(settings, self.preset, observer) as worker:
            yield worker


def build_app(backend: Backend, running: RunningAnswers, stop_elsewhere: StopElsewhere) -> Asgi:
    """Return the HTTP API, with the key in this process's environment."""
    from bot.inference.serving.api import create_app
    from bot.inference.wire.codec import Codec
    from bot.logs import log_to_stderr
    from bot.tasks import all_tasks
    from bot.tasks.examples import example_requests

    settings = read_settings()
    log_to_stderr(settings.log_level, style=settings.log_format)
    # A new key can be handed out before an old one ends.
    keys = () if settings.inference_key is None else settings.inference_key.get_secret_value().split(",")
    app = create_app(
        backend,
        Codec(all_tasks()),
        keys,
        examples=example_requests(),
        running=running,
        stop_elsewhere=stop_elsewhere,
    )
    _add_metrics(app, backend)
    return app


def _add_metrics(app: FastAPI, backend: Backend) -> None:
    """Let Prometheus read the status. Like `/healthz` it needs no key, and says nothing of people."""
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
    from starlette.requests import Request
    from starlette.responses import Response

    from bot.operating.status_metrics import StatusMetrics

    registry, metrics = CollectorRegistry(), StatusMetrics()
    registry.register(metrics)

    async def scraped(request: Request) -> Response:
        metrics.status = backend.status()
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    app.add_route("/metrics", scraped, include_in_schema=False)


def _of_a_worker(settings: Settings) -> Settings:
    """Return the settings that a worker reads, and the defaults of all others: secrets do not travel with actors."""
    others = {
        name: field.get_default(call_default_factory=True)
        for name, field in type(settings).model_fields.items()
        if name not in WORKER_SETTINGS and not name.endswith("_checkpoint")
    }
    return settings.model_copy(update=others)


def _share_of_a_gpu(num_gpus: float) -> int | None:
    """Return the bytes of weights for a replica that shares a GPU; None for one that does not."""
    if not 0 < num_gpus < 1:
        return None
    import torch

    from bot.inference.checkpoints.memory_limit import SHARE_OF_A_GPU

    return int(num_gpus * SHARE_OF_A_GPU * torch.cuda.mem_get_info(0)[1])

"""The application of Ray Serve: a deployment for each group of tasks, and the ingress."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ray import serve

from bot.inference.limits import Limits
from bot.inference.serving.groups import Group, Scaling
from bot.inference.serving.ingress import BuildApp, Cluster, Ingress
from bot.inference.serving.replica import OpenWorker, Replica

HEALTH_SECONDS = 5.0
MARGIN_SECONDS = 15.0
"""How much longer a replica may take to end than its last request."""
STREAM_SECONDS = 840.0
"""The longest that a caller waits for an answer: so long the ingress keeps its streams when it is replaced."""
STREAMS = 2_000
"""What a replica of the ingress takes at once; nearly all of them wait."""
INGRESS_QUEUE = 1_000


def application(
    cluster: Cluster,
    open_worker: Callable[[Group], OpenWorker],
    build_app: BuildApp,
    *,
    ingress: Scaling,
    queue: int,
) -> serve.Application:
    """Return the application, for `serve.run`.

    Args:
        open_worker: returns what opens the worker of a group; pickled.
        queue: how many requests for a group wait in each replica of the ingress before it refuses more.
    """
    replicas = {
        group.name: serve.deployment(Replica)
        .options(
            name=group.name,
            max_queued_requests=queue,
            graceful_shutdown_timeout_s=_longest(cluster.limits),
            **_options(group.scaling),
        )
        .bind(open_worker(group))
        for group in cluster.groups
    }
    entrance: Any = serve.deployment(serve.ingress()(Ingress))
    made: serve.Application = entrance.options(
        name="ingress",
        max_queued_requests=INGRESS_QUEUE,
        graceful_shutdown_timeout_s=STREAM_SECONDS + MARGIN_SECONDS,
        **_options(ingress),
    ).bind(cluster, replicas, build_app)
    return made


def _longest(limits: Limits) -> float:
    """Return how many seconds a replica may need for the requests that it has when it is to end."""
    return limits.seconds + limits.ending_seconds + MARGIN_SECONDS


def _options(scaling: Scaling) -> dict[str, Any]:
    options: dict[str, Any] = {
        "max_ongoing_requests": scaling.max_ongoing_requests,
        "health_check_period_s": HEALTH_SECONDS,
        "graceful_shutdown_wait_loop_s": 0.5,
        # Its access log has a line for each call, and nothing of what it was about.
        "logging_config": {"log_level": "WARNING", "enable_access_log": False},
        "ray_actor_options": {"num_cpus": scaling.num_cpus, "num_gpus": scaling.num_gpus},
    }
    if scaling.min_replicas == scaling.max_replicas:
        return options | {"num_replicas": scaling.min_replicas}
    return options | {
        "autoscaling_config": {
            "min_replicas": scaling.min_replicas,
            "max_replicas": scaling.max_replicas,
            "target_ongoing_requests": scaling.target_ongoing_requests,
            "upscale_delay_s": scaling.upscale_delay_s,
            "downscale_delay_s": scaling.downscale_delay_s,
        }
    }

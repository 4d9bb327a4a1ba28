"""The application of `python -m bot serve` with sleeping devices: the same ingress, backend, replicas and worker."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from bot.inference.checkpoints.catalogue import Preset
from bot.inference.limits import Limits
from bot.inference.serving.groups import Group, Scaling, grouped
from bot.serving import build_app
from tests.bench.scale_standin import TASKS, OpenSleepingWorker, Pace, sleeping_preset

APPLICATION = "sleeping"
NAMES = {task.request: task.name for task in TASKS}
INGRESS = Scaling(min_replicas=1, max_replicas=1, max_ongoing_requests=2_000, num_cpus=0)


@dataclass(frozen=True)
class Sleeping:
    """What the application is made of."""

    scaling: Scaling
    pace: Pace
    preset: Preset = field(default_factory=sleeping_preset)
    limits: Limits = field(default_factory=partial(Limits, per_person=1_000))
    ingress: Scaling = INGRESS
    queue: int = 1_000

    @property
    def groups(self) -> tuple[Group, ...]:
        """Its deployments."""
        return grouped(self.preset, self.scaling, ())

    def build(self) -> Any:
        """Return it, for `serve.run`."""
        from bot.inference.serving.application import application
        from bot.inference.serving.ingress import Cluster

        most = self.scaling.max_ongoing_requests
        limits = replace(self.limits, requests=most, per_person=most)

        def opener(group: Group) -> OpenSleepingWorker:
            return OpenSleepingWorker(group.preset(self.preset), limits, self.pace)

        cluster = Cluster(NAMES, self.groups, self.limits)
        return application(cluster, opener, build_app, ingress=self.ingress, queue=self.queue)

    def backend(self) -> Any:
        """Return a backend over the application that runs, in this process."""
        from ray import serve

        from bot.inference.serving.quota_actors import ClusterQuotas
        from bot.inference.serving.ray_backend import Deployment, RayBackend

        deployments = [Deployment(group, serve.get_deployment_handle(group.name, APPLICATION)) for group in self.groups]
        return RayBackend(NAMES, deployments, ClusterQuotas(self.limits.per_person), self.limits)

"""What deploys Glassbox, read from its files."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "docs" / "deploy"
DOCKERFILE = ROOT / "Dockerfile"
COMPOSE = (ROOT / "compose.yaml", DEPLOY / "compose.cuda.yaml")
KUBERNETES = DEPLOY / "kubernetes"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
PROMETHEUS = DEPLOY / "prometheus"
DASHBOARD = DEPLOY / "grafana" / "dashboards" / "glassbox.json"
PAGE = ROOT / "docs" / "OPERATIONS.md"

OF_OPERATORS = {
    "RayService": "KubeRay's",
    "ServiceMonitor": "the Prometheus operator's",
    "PodMonitor": "the Prometheus operator's",
}
"""Kinds that Kubernetes itself does not know, and whose they are."""


def documents(path: Path) -> list[dict[str, Any]]:
    """Return the documents of a YAML file."""
    return [one for one in yaml.safe_load_all(path.read_text("utf-8")) if one is not None]


def manifests() -> list[dict[str, Any]]:
    """Return what `kubectl` would be given."""
    paths = sorted(KUBERNETES.glob("*.yaml"))
    return [one for path in paths for one in documents(path) if "kind" in one and one["kind"] != "Kustomization"]


def manifest(kind: str, name: str) -> dict[str, Any]:
    """Return one manifest."""
    [found] = [one for one in manifests() if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the pod templates, each with its name, those of RayService included."""
    yield "bot", manifest("StatefulSet", "bot")["spec"]["template"]
    cluster = manifest("RayService", "inference")["spec"]["rayClusterConfig"]
    yield "head", cluster["headGroupSpec"]["template"]
    for group in cluster["workerGroupSpecs"]:
        yield str(group["groupName"]), group["template"]


def compose() -> dict[str, Any]:
    """Return compose.yaml."""
    [one] = documents(COMPOSE[0])
    return one


def targets() -> dict[str, str]:
    """Return the Dockerfile's stages, each with what it starts from."""
    return {name: base for base, name in re.findall(r"^FROM (\S+) AS (\S+)$", DOCKERFILE.read_text("utf-8"), re.M)}


def stage(name: str) -> list[str]:
    """Return the instructions of a stage and of those that it starts from, first to last."""
    text = re.sub(r"\\\n\s*", "", DOCKERFILE.read_text("utf-8"))
    [body] = re.findall(rf"^FROM \S+ AS {re.escape(name)}\n(.*?)(?=^FROM |\Z)", text, re.M | re.S)
    own = [line for line in body.splitlines() if line and not line.startswith("#")]
    base = targets()[name]
    return [*(stage(base) if base in targets() else []), *own]


def extras() -> Mapping[str, list[str]]:
    """Return pyproject.toml's extras."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        found: dict[str, list[str]] = tomllib.load(file)["project"]["optional-dependencies"]
    return found


def expressions() -> Iterator[tuple[str, str]]:
    """Yield the dashboard's queries, each with the title of its panel, as Prometheus sees them."""
    for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*")


def alerts() -> list[dict[str, Any]]:
    """Return the rules of the alerts."""
    [one] = documents(PROMETHEUS / "alerts.yaml")
    return [rule for group in one["groups"] for rule in group["rules"]]

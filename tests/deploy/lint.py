"""`make lint-deploy`: checks what deploys Glassbox, with the tools of each format.

A tool that is not here is named in one line, and skipped. No container engine and no cluster is needed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer
import yaml

from tests.deploy.files import (
    COMPOSE,
    DEPLOY,
    DOCKERFILE,
    KUBERNETES,
    OF_OPERATORS,
    PROMETHEUS,
    ROOT,
    UNITS,
    expressions,
    manifests,
    pods,
)

BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Check:
    """A command that checks some files.

    Attributes:
        what: is checked.
        where: what a machine without the tool needs.
    """

    what: str
    command: Sequence[str | Path]
    where: str = "the extra dev"


def checks(folder: Path) -> Iterator[Check]:
    """Yield all checks.

    Args:
        folder: for files that are made for them.
    """
    yield Check("Dockerfile", ["hadolint", DOCKERFILE])
    style: list[str | Path] = ["yamllint", "--strict", "--config-file", DEPLOY / "yamllint.yaml", COMPOSE[0], DEPLOY]
    yield Check("YAML", style)
    yield Check("compose files", ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", *COMPOSE])
    yield Check("compose files, merged", _merge(folder), "Docker's plugin compose")
    yield Check("Kubernetes' own kinds", ["kubernetes-validate", "--strict", "--quiet", _known(folder)])
    yield Check("pods of RayService", ["kubernetes-validate", "--strict", "--quiet", _pods(folder)])
    yield Check("kustomization", ["kubectl", "kustomize", KUBERNETES, "--output", folder / "all.yaml"], "kubectl")
    yield from _of_prometheus(folder)
    if (definitions := os.environ.get("CRDS")) is not None:
        yield Check("custom kinds", [sys.executable, "-m", "tests.deploy.custom_kinds", definitions])
    for path in UNITS:
        yield Check(path.name, ["systemd-analyze", "verify", "--man=no", _unit(path, folder)], "systemd")


def _of_prometheus(folder: Path) -> Iterator[Check]:
    where = "Debian's package prometheus"
    yield Check("Prometheus's configuration", ["promtool", "check", "config", PROMETHEUS / "prometheus.yaml"], where)
    yield Check("alerts", ["promtool", "test", "rules", PROMETHEUS / "alerts_test.yaml"], where)
    yield Check("queries of the dashboard", ["promtool", "check", "rules", _queries(folder)], where)


def _merge(folder: Path) -> list[str | Path]:
    engine = ["docker", "compose", "--profile", "*", "--project-directory", ROOT, "--env-file", _env_file(folder)]
    return [*map(str, engine), *(part for path in COMPOSE for part in ("--file", path)), "config", "--quiet"]


def _env_file(folder: Path) -> Path:
    path = folder / "env"
    path.write_text("".join(f"{name}=x\n" for name in ("POSTGRES_PASSWORD", "INFERENCE_KEY", "GRAFANA_PASSWORD")))
    return path


def _known(folder: Path) -> Path:
    path = folder / "manifests.yaml"
    path.write_text(yaml.safe_dump_all([one for one in manifests() if one["kind"] not in OF_OPERATORS]))
    return path


def _pods(folder: Path) -> Path:
    path = folder / "pods.yaml"
    path.write_text(
        yaml.safe_dump_all(
            {"apiVersion": "v1", "kind": "Pod", "spec": pod["spec"], "metadata": pod["metadata"] | {"name": name}}
            for name, pod in pods()
        )
    )
    return path


def _queries(folder: Path) -> Path:
    path = folder / "queries.yaml"
    rules = [{"record": f"panel:{number}", "expr": query} for number, (_, query) in enumerate(expressions())]
    path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    return path


def _unit(path: Path, folder: Path) -> Path:
    """Copy a unit, with a Python that exists here, and an instance if it is a template."""
    copied = folder / path.name.replace("@.", "@0.")
    copied.write_text(path.read_text("utf-8").replace("/opt/glassbox/venv/bin/python", sys.executable))
    return copied


def failed(check: Check) -> bool:
    """Run a check, and print how it went; return whether it has failed."""
    tool, *options = map(str, check.command)
    path = str(BIN / tool) if (BIN / tool).exists() else shutil.which(tool)
    if path is None or (tool == "docker" and _without_compose(path)):
        typer.echo(f"skipped  {check.what}: needs {check.where}")
        return False
    done = subprocess.run([path, *options], capture_output=True, text=True, check=False)
    typer.echo(f"{'FAILED ' if done.returncode else 'ok     '}  {check.what} ({Path(tool).name})")
    if done.returncode:
        typer.echo(done.stdout + done.stderr)
    return done.returncode != 0


def _without_compose(docker: str) -> bool:
    return subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode != 0


def main() -> int:
    """Run all checks; return 1 if one has failed."""
    with tempfile.TemporaryDirectory() as folder:
        failures = [failed(check) for check in checks(Path(folder))]
    if "CRDS" not in os.environ:
        for kind, owner in OF_OPERATORS.items():
            typer.echo(f"skipped  {kind}: needs CRDS=<folder with {owner} CustomResourceDefinitions>")
    return int(any(failures))


if __name__ == "__main__":
    sys.exit(main())

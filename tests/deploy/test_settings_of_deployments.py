"""Settings in Compose, Kubernetes and systemd exist, and fit together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from bot.__main__ import BROKEN, MARGIN_SECONDS
from bot.app import DELIVERY_SECONDS
from bot.settings import Settings
from tests.deploy.files import COMPOSE, DEPLOY, ROOT, UNITS, compose, documents, manifest, manifests, pods, stage

OTHERS = {"HF_TOKEN", "HF_HOME", "HF_HUB_OFFLINE"}
"""Variables that libraries read."""
SETTINGS = {name.upper() for name in Settings.model_fields}


def stop_seconds() -> float:
    """Return the longest that a stop of the bot takes."""
    drain: float = Settings.model_fields["drain_seconds"].default
    return drain + DELIVERY_SECONDS + MARGIN_SECONDS


def of_compose() -> Iterator[tuple[str, str]]:
    """Yield the names of the variables that our services are given, with where."""
    for path in COMPOSE:
        for name, service in documents(path)[0]["services"].items():
            if name.startswith(("bot", "inference")):
                yield from ((variable, f"{path.name}: {name}") for variable in service.get("environment", ()))


def of_kubernetes() -> Iterator[tuple[str, str]]:
    """Yield the names of the variables that our pods are given, with where."""
    for one in manifests():
        if one["kind"] in ("ConfigMap", "Secret"):
            values = one.get("data") or one["stringData"]
            yield from ((variable, f"{one['kind']} {one['metadata']['name']}") for variable in values)
    for name, pod in pods():
        for container in pod["spec"]["containers"]:
            yield from ((one["name"], f"pod {name}") for one in container.get("env", ()))


def of_systemd() -> Iterator[tuple[str, str]]:
    """Yield the names of the variables in units, with where."""
    for unit in UNITS:
        for line in re.findall(r"^Environment=(.*)$", unit.read_text("utf-8"), re.M):
            yield from ((part.split("=")[0], unit.name) for part in line.split())


def test_each_variable_is_a_setting() -> None:
    parts = [list(of_compose()), list(of_kubernetes()), list(of_systemd())]
    found = [one for part in parts for one in part]

    assert all(len(part) > 5 for part in parts)
    assert [(name, where) for name, where in found if name not in SETTINGS | OTHERS] == []


def test_values_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    for one in manifests():
        if one["kind"] == "ConfigMap":
            for name, value in one["data"].items():
                monkeypatch.setenv(name, value)
    Settings(_env_file=None)


def test_compose_names_variables_that_exist() -> None:
    own = {"POSTGRES_PASSWORD", "GRAFANA_PASSWORD", "TORCH_INDEX"}
    named = {name for path in COMPOSE for name in re.findall(r"\$\{(\w+)", path.read_text("utf-8"))}

    assert named - own - OTHERS <= SETTINGS
    assert own <= named


def test_ports_are_the_defaults() -> None:
    metrics = Settings.model_fields["metrics_address"].default.port
    serving = int(Settings.model_fields["serve_address"].default.rsplit(":")[-1])

    assert f"EXPOSE {metrics}" in stage("bot")
    assert f"EXPOSE {serving}" in stage("inference-cpu")
    assert f"ENV METRICS_ADDRESS=0.0.0.0:{metrics}" in stage("bot")
    for port, image in ((metrics, "bot"), (serving, "inference-cpu")):
        [check] = [line for line in stage(image) if line.startswith("HEALTHCHECK")]
        assert f":{port}/healthz" in check
    bot = manifest("StatefulSet", "bot")["spec"]["template"]["spec"]["containers"][0]
    assert bot["ports"] == [{"name": "metrics", "containerPort": metrics}]
    assert compose()["services"]["bot"]["environment"]["INFERENCE_URL"] == f"http://inference:{serving}"


def test_supervisors_wait_as_long_as_a_stop_may_take() -> None:
    services = compose()["services"]
    assert float(services["bot"]["stop_grace_period"].removesuffix("s")) > stop_seconds()
    assert manifest("StatefulSet", "bot")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > stop_seconds()
    for unit in UNITS:
        [seconds] = re.findall(r"^TimeoutStopSec=(\d+)s$", unit.read_text("utf-8"), re.M)
        assert float(seconds) > stop_seconds()


def test_inference_is_given_longer_still() -> None:
    from bot.commands.serve import MARGIN_SECONDS as OF_SERVE

    longest = Settings.model_fields["drain_seconds"].default + OF_SERVE
    assert float(compose()["services"]["inference"]["stop_grace_period"].removesuffix("s")) > longest
    [unit] = [one for one in UNITS if "inference" in one.name]
    [seconds] = re.findall(r"^TimeoutStopSec=(\d+)s$", unit.read_text("utf-8"), re.M)
    assert float(seconds) > longest


def test_units_restart_after_a_hang_but_not_with_a_wrong_setting() -> None:
    for unit in UNITS:
        text = unit.read_text("utf-8")
        assert "Restart=on-failure" in text
        assert re.findall(r"^RestartPreventExitStatus=(.*)$", text, re.M) == ["2"]
        assert BROKEN != 2


def test_processes_are_as_many_as_replicas() -> None:
    settings = manifest("ConfigMap", "bot")["data"]

    assert int(settings["PROCESSES"]) == manifest("StatefulSet", "bot")["spec"]["replicas"]
    assert int(settings["SHARD_COUNT"]) >= int(settings["PROCESSES"])


def test_kubernetes_serves_what_serve_yaml_says() -> None:
    embedded = yaml.safe_load(manifest("RayService", "inference")["spec"]["serveConfigV2"])

    assert embedded == yaml.safe_load((DEPLOY / "serve.yaml").read_text("utf-8"))


def test_ray_is_the_images() -> None:
    [version] = re.findall(r"^ray==(.*)$", (ROOT / "constraints.txt").read_text("utf-8"), re.M)

    assert manifest("RayService", "inference")["spec"]["rayClusterConfig"]["rayVersion"] == version


def test_secrets_are_no_settings_and_examples_are_empty() -> None:
    secret = {name.upper() for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
    for one in manifests():
        if one["kind"] == "ConfigMap":
            assert not secret & set(one["data"])
        if one["kind"] == "Secret":
            assert not any(one["stringData"].values())


def images(one: Any) -> Iterator[str]:
    """Yield the names of the images that a manifest's containers have."""
    if isinstance(one, dict):
        yield from (value for key, value in one.items() if key == "image")
        one = list(one.values())
    if isinstance(one, list):
        for value in one:
            yield from images(value)


def test_kubernetes_uses_images_that_the_kustomization_names() -> None:
    [kustomization] = documents(DEPLOY / "kubernetes" / "kustomization.yaml")

    assert {image for one in manifests() for image in images(one)} == {one["name"] for one in kustomization["images"]}

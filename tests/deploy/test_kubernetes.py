"""The manifests for Kubernetes: pods without rights, policies that name them, and probes that exist."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.deploy.files import manifest, manifests, pods

PODS = dict(pods())


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all containers of a pod."""
    spec = pod["spec"]
    return [*spec.get("initContainers", ()), *spec["containers"]]


@pytest.mark.parametrize("name", PODS)
def test_a_pod_passes_the_restricted_standard(name: str) -> None:
    spec = PODS[name]["spec"]

    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in containers(PODS[name]):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("name", PODS)
def test_a_pod_can_write_where_it_must(name: str) -> None:
    volumes = {volume["name"] for volume in PODS[name]["spec"]["volumes"]}
    for container in containers(PODS[name]):
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        assert set(mounts) == {"/data", "/tmp"}
        assert set(mounts.values()) <= volumes


@pytest.mark.parametrize("name", PODS)
def test_a_pod_takes_settings_that_exist(name: str) -> None:
    for container in containers(PODS[name]):
        for source in container["envFrom"]:
            [(kind, reference)] = source.items()
            manifest({"configMapRef": "ConfigMap", "secretRef": "Secret"}[kind], reference["name"])


def test_only_the_bot_has_its_token() -> None:
    for name, pod in PODS.items():
        secrets = {
            source["secretRef"]["name"]
            for container in containers(pod)
            for source in container["envFrom"]
            if "secretRef" in source
        }
        assert secrets == {"bot" if name == "bot" else "inference"}
    assert "DISCORD_TOKEN" not in manifest("Secret", "inference")["stringData"]


def test_probes_ask_ports_that_are_named() -> None:
    asked = []
    for pod in PODS.values():
        for container in containers(pod):
            named = {port["name"] for port in container.get("ports", ())}
            probes = [container[key] for key in container if key.endswith("Probe")]
            assert {probe["httpGet"]["port"] for probe in probes} <= named
            asked += [probe["httpGet"]["path"] for probe in probes]
    assert sorted(asked) == ["/-/healthz", "/healthz", "/healthz", "/readyz"]


def test_selectors_find_the_pods() -> None:
    labels = {name: pod["metadata"]["labels"].items() for name, pod in PODS.items()}
    for kind in ("StatefulSet", "PodDisruptionBudget"):
        assert manifest(kind, "bot")["spec"]["selector"]["matchLabels"].items() <= labels["bot"]
    assert manifest("Service", "bot")["spec"]["selector"].items() <= labels["bot"]
    for name in ("bot", "inference"):
        chosen = manifest("NetworkPolicy", name)["spec"]["podSelector"]["matchLabels"].items()
        assert [pod for pod in labels if chosen <= labels[pod]] == (["bot"] if name == "bot" else ["head", "gpu"])


def test_everything_is_in_one_namespace_that_is_closed() -> None:
    assert {one["metadata"].get("namespace", one["metadata"]["name"]) for one in manifests()} == {"glassbox"}
    closed = manifest("NetworkPolicy", "deny-all")["spec"]
    assert closed == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_the_smallest_cluster_holds_the_fewest_replicas() -> None:
    cluster = manifest("RayService", "inference")
    arguments = yaml.safe_load(cluster["spec"]["serveConfigV2"])["applications"][0]["args"]
    [group] = cluster["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    [worker] = group["template"]["spec"]["containers"]
    always = [one for one in (*arguments["groups"], arguments["ingress"]) if one.get("min_replicas")]
    gpus = sum(one["min_replicas"] * one.get("num_gpus", 0) for one in always)
    cpus = sum(one["min_replicas"] * one.get("num_cpus", 1) for one in always)

    assert gpus <= group["minReplicas"] * int(worker["resources"]["limits"]["nvidia.com/gpu"])
    assert cpus <= group["minReplicas"] * int(worker["resources"]["requests"]["cpu"])
    assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]


def test_nodes_fetch_the_preset_that_is_served() -> None:
    arguments = yaml.safe_load(manifest("RayService", "inference")["spec"]["serveConfigV2"])["applications"][0]["args"]

    assert manifest("ConfigMap", "inference")["data"]["PRESET"] == arguments["preset"]

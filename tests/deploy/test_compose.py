"""compose.yaml: confined services that nothing outside reaches."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
import yaml

from tests.deploy.files import COMPOSE, DEPLOY, PROMETHEUS, ROOT, compose, targets

SERVICES: dict[str, dict[str, Any]] = compose()["services"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_confined(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_this_machines_alone(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", ()))


def test_what_is_built_are_targets_of_the_dockerfile() -> None:
    for path in COMPOSE:
        for service in yaml.safe_load(path.read_text("utf-8"))["services"].values():
            if "build" in service:
                assert service["build"]["target"] in targets()


def test_services_wait_for_health_that_is_checked() -> None:
    for service in SERVICES.values():
        for name, wanted in service.get("depends_on", {}).items():
            assert wanted == {"condition": "service_healthy"}
            assert "build" in SERVICES[name] or "healthcheck" in SERVICES[name]  # ours have theirs in the image


def test_the_database_has_no_way_out() -> None:
    assert SERVICES["postgres"]["networks"] == ["inside"]
    assert compose()["networks"]["inside"] == {"internal": True}


def test_inference_is_not_given_the_bots_secrets() -> None:
    assert "env_file" not in SERVICES["inference"]
    assert not {"DISCORD_TOKEN", "DATABASE_URL"} & set(SERVICES["inference"]["environment"])


def test_named_volumes_and_mounted_files_exist() -> None:
    for service in SERVICES.values():
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (ROOT / source).is_dir()
            else:
                assert source in compose()["volumes"]


def test_prometheus_asks_services_that_exist() -> None:
    [scraped] = [yaml.safe_load((PROMETHEUS / "prometheus.yaml").read_text("utf-8"))["scrape_configs"]]
    names = {name for job in scraped for one in job.get("dns_sd_configs", ()) for name in one["names"]}

    assert names <= set(SERVICES)


def test_grafana_finds_the_dashboard_and_its_data() -> None:
    provisioning = DEPLOY / "grafana" / "provisioning"
    [source] = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text("utf-8"))["datasources"]
    [provider] = yaml.safe_load((provisioning / "dashboards" / "glassbox.yaml").read_text("utf-8"))["providers"]
    mounted = {part.split(":")[1] for part in SERVICES["grafana"]["volumes"]}

    assert source["url"].removeprefix("http://").split(":")[0] in SERVICES
    assert provider["options"]["path"] in mounted
    json.loads((DEPLOY / "grafana" / "dashboards" / "glassbox.json").read_text("utf-8"))


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_it_is_what_the_specification_allows(path: Any) -> None:
    from check_jsonschema.builtin_schemas import get_builtin_schema

    jsonschema.validate(yaml.safe_load(path.read_text("utf-8")), get_builtin_schema("vendor.compose-spec"))

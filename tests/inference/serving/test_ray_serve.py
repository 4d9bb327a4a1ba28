"""`python -m bot serve` before Ray starts, and what `serve.yaml` asks for."""

from __future__ import annotations

import importlib.util
import socket
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr, ValidationError

from bot.commands.serve import address_of, is_loopback, serve_inference
from bot.errors import SettingsError
from bot.inference.checkpoints.catalogue import Catalogue
from bot.inference.serving.groups import grouped
from bot.serving import Arguments, build
from bot.settings import Settings

YAML = Path(__file__).parents[3] / "docs/deploy/serve.yaml"


def settings(**changes: Any) -> Settings:
    return Settings(_env_file=None, preset="starter", **changes)


@pytest.mark.parametrize("text", ["127.0.0.1:8000", "localhost:80", "[::1]:8000", "0.0.0.0:1"])
def test_an_address_of_this_machine_alone_needs_no_key(text: str) -> None:
    assert is_loopback(address_of(text)) == ("0.0.0.0" not in text)


@pytest.mark.parametrize("text", ["", "8000", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:70000", "::1:8000", "a b:1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="SERVE_ADDRESS must be host:port"):
        serve_inference(settings(serve_address=text), None)


def test_other_machines_need_a_key() -> None:
    with pytest.raises(SettingsError, match="INFERENCE_KEY is not set"):
        serve_inference(settings(serve_address="0.0.0.0:8000"), None)


def test_a_port_that_is_taken_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"port {port} is taken"):
            serve_inference(settings(serve_address=f"127.0.0.1:{port}"), None)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(SettingsError, match="does not have that address"):
        serve_inference(settings(serve_address="192.0.2.77:8000", inference_key=SecretStr("x")), None)


def test_a_preset_that_does_not_exist_is_refused() -> None:
    wrong = settings().model_copy(update={"preset": "nonsense"})
    with pytest.raises(SettingsError, match="There is no preset"):
        serve_inference(wrong, None)


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"glassbox-bot\[ray\]"):
        serve_inference(settings(), None)


def test_serve_yaml_is_what_serve_and_we_expect() -> None:
    from ray.serve.schema import ServeDeploySchema

    document = yaml.safe_load(YAML.read_text())
    [application] = ServeDeploySchema.model_validate(document).applications
    assert application.import_path == "bot.serving:build"
    arguments = Arguments.model_validate(application.args)
    preset = Catalogue.read().preset(arguments.preset or "course")
    groups = grouped(preset, arguments.scaling, arguments.groups, arguments.grouping)
    assert sorted(task for group in groups for task in group.checkpoints) == sorted(preset.checkpoints)


@pytest.mark.may_block
def test_the_application_of_serve_yaml_can_be_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Ray Serve calls the builder with the arguments as a mapping."""
    from ray.serve._private.api import call_user_app_builder_with_args_if_necessary
    from ray.serve._private.build_app import build_app as built

    monkeypatch.chdir(tmp_path)
    arguments = yaml.safe_load(YAML.read_text())["applications"][0]["args"]
    application = call_user_app_builder_with_args_if_necessary(build, arguments)
    deployments = {one.name: one for one in built(application, name="x").deployments}
    ingress = deployments.pop("ingress")
    assert ingress._deployment_config.autoscaling_config.min_replicas == 2
    assert {one._deployment_config.max_ongoing_requests for one in deployments.values()} == {64}
    asked_for = [one for one in deployments.values() if one._deployment_config.autoscaling_config.min_replicas == 0]
    assert 0 < len(asked_for) < len(deployments)
    assert {one._replica_config.ray_actor_options["num_gpus"] for one in deployments.values()} == {0.25, 0.5, 1.0}


def test_an_argument_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValidationError, match="replicas"):
        build({"replicas": 3})

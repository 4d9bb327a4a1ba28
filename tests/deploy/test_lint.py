"""`make lint-deploy`."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.deploy.custom_kinds import faults
from tests.deploy.lint import Check, failed


def test_a_tool_that_is_not_here_is_named_and_skipped(capsys: pytest.CaptureFixture[str]) -> None:
    assert not failed(Check("something", ["no-such-tool-anywhere"], "the package something"))

    assert capsys.readouterr().out == "skipped  something: needs the package something\n"


def test_a_failure_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = tmp_path / "Dockerfile"
    wrong.write_text("FROM debian\n")

    assert failed(Check("Dockerfile", ["hadolint", wrong]))

    assert "FAILED" in (shown := capsys.readouterr().out)
    assert "DL3006" in shown


def test_custom_kinds_are_validated_strictly(tmp_path: Path) -> None:
    def definition(group: str, kind: str, spec: dict[str, object]) -> dict[str, object]:
        schema = {"type": "object", "properties": {"apiVersion": {}, "kind": {}, "spec": spec}}
        versions = [{"name": "v1", "schema": {"openAPIV3Schema": schema}}]
        return {
            "kind": "CustomResourceDefinition",
            "spec": {"group": group, "names": {"kind": kind}, "versions": versions},
        }

    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    made = [
        definition("ray.io", "RayService", {"type": "object", "properties": {"serveConfigV2": {"type": "integer"}}}),
        definition("monitoring.coreos.com", "ServiceMonitor", anything),
        definition("monitoring.coreos.com", "PodMonitor", anything),
    ]
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(made))

    found = "\n".join(faults(tmp_path))

    assert "is not of type 'integer'" in found
    assert "'rayClusterConfig'" in found
    assert "Monitor" not in found

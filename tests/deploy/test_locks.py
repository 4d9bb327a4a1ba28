"""What the images install: each file by its digest, in the versions that the tests passed with."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy.files import ROOT

LOCKS = sorted((ROOT / "docs/deploy/locks").glob("*.txt"))
EXTRAS = {"bot": ["postgres"], "inference-cpu": ["ray", "inference"], "inference-cuda": ["ray", "inference"]}
UNLISTED = {"setuptools"}  # by `pip freeze`
OF_TORCH = re.compile("torch|triton|(cuda|nvidia)-.*")
LINUX = {"sys_platform": "linux", "python_version": "3.11", "python_full_version": "3.11.0"}  # beside this machine


def locked(lock: Path) -> dict[str, list[Requirement]]:
    """Return a lock's packages, some of which are there once for each platform."""
    found: dict[str, list[Requirement]] = {}
    for line in lock.read_text("utf-8").splitlines():
        if line and line[0] not in "# ":
            requirement = Requirement(line.removesuffix("\\").strip())
            found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


def constraints() -> dict[str, str]:
    """Return the tested version of each package."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()[1:]
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}


def test_there_is_a_lock_for_each_image() -> None:
    assert [lock.stem for lock in LOCKS] == sorted(EXTRAS)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_versions_are_those_that_the_tests_passed_with(lock: Path) -> None:
    tested = constraints()
    for name, requirements in locked(lock).items():
        for one in requirements:
            [pin] = one.specifier
            assert pin.operator == "=="
            assert name not in tested or pin.version == tested[name], name
            # Only what other platforms and PyTorch for CUDA need was not installed when the tests ran.
            elsewhere = one.marker is not None and not one.marker.evaluate(LINUX)
            assert name in tested.keys() | UNLISTED or elsewhere or OF_TORCH.fullmatch(name), name


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_file_has_its_digest(lock: Path) -> None:
    text = lock.read_text("utf-8")
    blocks = re.split(r"^(?=[a-z])", text, flags=re.M)[1:]
    assert len(blocks) == sum(map(len, locked(lock).values()))
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", block) for block in blocks)
    assert "://" not in text


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_what_the_project_needs_is_there(lock: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = [line for extra in EXTRAS[lock.stem] for line in project["optional-dependencies"][extra]]
    needed = {canonicalize_name(Requirement(line).name) for line in (*project["dependencies"], *extras)}
    missing = needed - set(locked(lock)) - {"glassbox-bot"}
    assert missing == ({"torch"} if lock.stem == "inference-cpu" else set())
    if lock.stem != "inference-cuda":
        assert not [name for name in locked(lock) if OF_TORCH.fullmatch(name)]


@pytest.mark.parametrize(
    "lock",
    [
        pytest.param(lock, id=lock.stem, marks=[pytest.mark.slow] if lock.stem.startswith("inference") else [])
        for lock in LOCKS
    ],
)
def test_the_bill_of_materials_lists_every_locked_package(lock: Path, tmp_path: Path) -> None:
    written = tmp_path / "sbom.json"
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", str(lock), "--output-file", str(written)]
    subprocess.run([*command, "--pyproject", str(ROOT / "pyproject.toml")], check=True, capture_output=True)
    bill = json.loads(written.read_text("utf-8"))
    listed = {(canonicalize_name(one["name"]), one["version"]) for one in bill["components"]}
    pins = {(name, next(iter(one.specifier)).version) for name, several in locked(lock).items() for one in several}
    assert listed == pins
    assert bill["metadata"]["component"]["name"] == "glassbox-bot"

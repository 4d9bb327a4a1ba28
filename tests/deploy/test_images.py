"""The Dockerfile: what its images hold, and who runs in them."""

from __future__ import annotations

import re

import pytest

from tests.deploy.files import DOCKERFILE, ROOT, stage, targets

IMAGES = ("bot", "inference-cpu", "inference-cuda")


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_runs_as_a_user_without_rights(image: str) -> None:
    users = [line.split()[1] for line in stage(image) if line.startswith("USER ")]

    assert users
    assert users[-1] == "10001:10001"


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_starts_a_command_of_ours_and_says_how_it_is(image: str) -> None:
    lines = stage(image)

    assert 'ENTRYPOINT ["python", "-m", "bot"]' in lines
    assert any(line.startswith("HEALTHCHECK ") and "/healthz" in line for line in lines)
    assert "STOPSIGNAL SIGTERM" in lines


def test_packages_come_before_our_source() -> None:
    for image in IMAGES:
        copied = [line for line in stage(image) if line.startswith("COPY ")]
        assert [line.split()[1] for line in copied] in (
            [f"--from={packages}", "--from=source"] for packages in targets() if packages.startswith("packages-")
        )


def test_packages_are_installed_by_their_digests() -> None:
    for name in targets():
        if not name.startswith("packages-"):
            continue
        lock = "bot" if name == "packages-bot" else name.replace("packages", "inference")
        installed = [line for line in stage(name) if "pip install" in line]
        assert f"pip install --require-hashes --requirement {lock}.txt && /opt/glassbox/bin/pip check" in installed[-1]
        # PyTorch's builds for the CPU are in no lock.
        assert all("--require-hashes" in line or "TORCH_INDEX" in line for line in installed)


def test_only_the_inference_has_torch() -> None:
    assert not any("torch" in line for line in stage("packages-bot"))
    assert any("--index-url" in line and "torch" in line for line in stage("packages-cpu"))


def test_nothing_reaches_an_image_but_what_is_listed() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    allowed = {line.removeprefix("!") for line in lines if line.startswith("!")}
    copied = set(re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE.read_text("utf-8"), re.M))

    assert "*" in lines
    assert {name for names in copied for name in names.split()} == allowed
    assert not any(".env" in name for name in allowed)


def test_no_secret_is_an_argument_or_in_the_environment() -> None:
    named = re.findall(r"^(?:ARG|ENV) (\w+)", DOCKERFILE.read_text("utf-8"), re.M)

    assert not [name for name in named if re.search("TOKEN|KEY|PASSWORD|SECRET|DATABASE_URL", name)]

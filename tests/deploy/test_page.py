"""docs/OPERATIONS.md: what it names exists."""

from __future__ import annotations

import re

from bot.settings import Settings
from tests.deploy.files import PAGE

OTHERS = {
    "GRAFANA_PASSWORD", "HF_HOME", "HF_HUB_OFFLINE", "HF_TOKEN", "POSTGRES_PASSWORD", "TORCH_INDEX", "COMPOSE_PROFILES",
    "PYTHON", "CRDS", "SIGTERM", "RUN", "HEALTHCHECK",
}  # fmt: skip
"""Variables of Compose, of builds, of libraries, and what else is in capitals."""
TEXT = PAGE.read_text("utf-8")


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives a page's headings."""
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)]+)\)", TEXT)

    assert len(targets) > 20
    for target in targets:
        if target.startswith("http"):
            continue
        path, _, anchor = target.partition("#")
        file = (PAGE.parent / path).resolve() if path else PAGE
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file.read_text("utf-8")), target


def test_settings_exist() -> None:
    named = set(re.findall(r"`([A-Z][A-Z_]+)(?:=[^`]*)?`", TEXT))

    assert len(named) > 20
    assert named - OTHERS <= {name.upper() for name in Settings.model_fields}


def test_metrics_exist(exported: frozenset[str]) -> None:
    named = set(re.findall(r"\b(?:glassbox|process)_[a-z_]+[a-z]\b", TEXT))
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exported}

    assert len(named) > 10
    assert named <= exported | families


def test_nothing_is_left_to_fill_in() -> None:
    assert "to fill in" not in TEXT

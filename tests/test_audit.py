"""`make audit`: what pip-audit says, in a few lines."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer

from tests import audit

SAFE = '{"name": "a", "version": "1", "vulns": []}'
UNKNOWN = '{"name": "b", "skip_reason": "not found"}'
UNSAFE = '{"name": "c", "version": "3", "vulns": [{"id": "CVE-1", "fix_versions": ["4"]}]}'
HOPELESS = '{"name": "d", "version": "3", "vulns": [{"id": "CVE-2", "fix_versions": []}]}'


@pytest.mark.parametrize(
    ("packages", "status", "said"),
    [
        ([SAFE], 0, "1 packages, no known vulnerability."),
        ([SAFE, UNKNOWN], 69, audit.UNASKED.format(1, 2)),
        ([SAFE, UNSAFE, HOPELESS], 1, "c 3: CVE-1, mended in 4\nd 3: CVE-2, mended in no version yet"),
        ([UNSAFE, UNKNOWN], 1, f"c 3: CVE-1, mended in 4\n{audit.UNASKED.format(1, 2)}"),
        (None, 69, audit.UNASKED.format(1, 1)),
    ],
)
def test_no_answer_is_no_good_news(
    packages: list[str] | None,
    status: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = "Traceback" if packages is None else f'{{"dependencies": [{", ".join(packages)}]}}'

    def run(command: list[Any], **options: Any) -> subprocess.CompletedProcess[str]:
        assert command[1:3] == ["-m", "pip_audit"]
        return subprocess.CompletedProcess(command, 1, output, "")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(typer.Exit) as end:
        audit.main([Path("bot.txt")])
    assert end.value.exit_code == status
    written = capsys.readouterr()
    assert (written.out + written.err).strip() == said


def test_what_the_index_does_not_know_osv_is_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As behind an index that mirrors files and no advisories."""
    answers = {"pypi": f'{{"dependencies": [{UNKNOWN}]}}', "osv": f'{{"dependencies": [{UNSAFE}]}}'}

    def run(command: list[Any], **options: Any) -> subprocess.CompletedProcess[str]:
        service = command[command.index("--vulnerability-service") + 1]
        return subprocess.CompletedProcess(command, 1, answers[service], "")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(typer.Exit) as end:
        audit.main([Path("bot.txt")])
    assert end.value.exit_code == audit.VULNERABLE
    assert capsys.readouterr().out == "c 3: CVE-1, mended in 4\n"

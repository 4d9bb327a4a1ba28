"""What the log calls people."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.operating.pseudonyms import FILE, KEY_BYTES, Pseudonyms

PERSON = 80351110224678912


def test_are_the_same_after_a_restart(tmp_path: Path) -> None:
    first, second = Pseudonyms.open(tmp_path), Pseudonyms.open(tmp_path)
    assert first.of(PERSON) == second.of(PERSON)
    assert first.of(PERSON) != first.of(PERSON + 1)
    assert len(first.of(PERSON)) == 16
    assert str(PERSON) not in first.of(PERSON)


def test_differ_between_installations(tmp_path: Path) -> None:
    assert Pseudonyms.open(tmp_path / "here").of(PERSON) != Pseudonyms.open(tmp_path / "there").of(PERSON)


def test_their_key_is_only_for_this_user(tmp_path: Path) -> None:
    Pseudonyms.open(tmp_path / "new")
    [file] = (tmp_path / "new").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_bytes()) == KEY_BYTES


def test_processes_that_start_together_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        opened = threads.map(lambda _: Pseudonyms.open(tmp_path).of(PERSON), range(32))
    assert len(set(opened)) == 1


def test_last_for_one_run_in_a_folder_that_cannot_be_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    pseudonyms = Pseudonyms.open(tmp_path / "file" / "cache")
    assert pseudonyms.of(PERSON) == pseudonyms.of(PERSON)
    assert "pseudonyms in the log change at each start" in caplog.text


def test_a_key_that_was_cut_off_is_not_used(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"")
    assert Pseudonyms.open(tmp_path).of(PERSON) != Pseudonyms.open(tmp_path).of(PERSON)

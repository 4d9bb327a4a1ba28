"""Settings: what they accept, and that `.env.example` tells all of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.settings import Settings, read_settings
from bot.storage_keys import new_key

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def test_env_example_lists_every_setting_and_nothing_else() -> None:
    text = (ROOT / ".env.example").read_text()
    listed = re.findall(r"^([A-Z_]+)=", text, re.MULTILINE)
    assert sorted(listed) == sorted(name.upper() for name in Settings.model_fields)


def test_every_setting_in_env_example_has_a_comment_above_its_group() -> None:
    for group in (ROOT / ".env.example").read_text().strip().split("\n\n"):
        assert group.startswith("#"), group


def test_env_example_gives_the_defaults() -> None:
    example, default = read_settings(ROOT / ".env.example"), read_settings(None)
    assert example == default


def test_a_variable_goes_before_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PRESET=modern\nQUEUE_SIZE=7\n")
    monkeypatch.setenv("PRESET", "starter")
    settings = read_settings()
    assert (settings.preset, settings.queue_size) == ("starter", 7)


def test_a_wrong_value_names_the_variable_and_keeps_it_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUEUE_SIZE", "s3cret")
    monkeypatch.setenv("PRECISION", "int3")
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert "QUEUE_SIZE" in caught.value.sentence
    assert "PRECISION" in caught.value.sentence
    assert "s3cret" not in caught.value.sentence


@pytest.mark.parametrize(
    ("variable", "written", "sentence"),
    [
        ("QUEUE_SIZE", "many", "QUEUE_SIZE must be a whole number."),
        ("QUEUE_SIZE", "1.5", "QUEUE_SIZE must be a whole number."),
        ("QUEUE_SIZE", "0", "QUEUE_SIZE must be at least 1."),
        ("REMEMBERED_ANSWERS", "2000000", "REMEMBERED_ANSWERS must be at most 1000000."),
        ("REQUEST_SECONDS", "soon", "REQUEST_SECONDS must be a number."),
        ("REQUEST_SECONDS", "0", "REQUEST_SECONDS must be more than 0."),
        ("LOG_LEVEL", "loud", "LOG_LEVEL must be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'."),
        ("DATABASE_URL", "sqlite:///s3cret", "DATABASE_URL must begin with postgresql://."),
        ("DATABASE_URL", "alice:s3cret@host/database", "DATABASE_URL must begin with postgresql://."),
        ("MODEL_MEMORY", "lots", "MODEL_MEMORY must be a size such as 6GB."),
        ("MODEL_MEMORY", "6 parsecs", "MODEL_MEMORY must be a size such as 6GB."),
    ],
)
def test_a_wrong_value_is_told_in_plain_words(
    monkeypatch: pytest.MonkeyPatch, variable: str, written: str, sentence: str
) -> None:
    monkeypatch.setenv(variable, written)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert caught.value.sentence == f"{sentence} See .env.example for what each setting may be."


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
def test_spellings_of_a_database(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("DATABASE_URL", f" {scheme}://alice:s3cret@host/database?sslmode=require\n")
    url = read_settings().database_url
    assert url is not None
    assert url.get_secret_value() == "postgresql://alice:s3cret@host/database?sslmode=require"
    assert "s3cret" not in repr(read_settings())


def test_a_file_in_another_encoding(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("PRESET=starter\n", encoding="utf-16")
    with pytest.raises(SettingsError, match="is not UTF-8"):
        read_settings(file)


def test_a_file_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError

    monkeypatch.setattr("bot.settings.Settings.__init__", refuse)
    with pytest.raises(SettingsError, match="cannot be read"):
        read_settings(tmp_path / ".env")


def test_the_token_is_not_shown() -> None:
    assert "hunter2" not in repr(Settings(discord_token="hunter2"))


def test_checkpoint_overrides_hold_only_what_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILL_CHECKPOINT", "owner/name")
    monkeypatch.setenv("SENTIMENT_CHECKPOINT", "")
    assert read_settings().checkpoint_overrides == {"fill": "owner/name"}


@pytest.mark.parametrize(
    ("written", "size"), [("auto", None), ("6GB", 6 * 10**9), ("6GiB", 6 * 2**30), ("1000", 1000), ("", None)]
)
def test_the_memory_for_the_weights(monkeypatch: pytest.MonkeyPatch, written: str, size: int | None) -> None:
    monkeypatch.setenv("MODEL_MEMORY", written)
    assert read_settings().model_memory == size


@pytest.mark.parametrize("written", ["a lot", "6 parsecs", "-1"])
def test_an_amount_of_memory_that_is_none(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("MODEL_MEMORY", written)
    with pytest.raises(SettingsError, match="MODEL_MEMORY"):
        read_settings()


@pytest.mark.parametrize("by_file", [False, True])
def test_a_path_in_the_users_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, by_file: bool) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    names = ["CACHE_DIR", *(name.upper() for name in Settings.model_fields if name.endswith("_checkpoint"))]
    if by_file:
        (tmp_path / ".env").write_text("".join(f"{name}=~/of the bot/x\n" for name in names))
    else:
        for name in names:
            monkeypatch.setenv(name, "~/of the bot/x")
    settings = read_settings()
    folder = tmp_path / "home" / "of the bot" / "x"
    assert settings.cache_dir == folder
    assert set(settings.checkpoint_overrides.values()) == {str(folder)}
    assert len(settings.checkpoint_overrides) == len(names) - 1


@pytest.mark.parametrize("written", ["a/~/b", "a~", "./~", "owner/name@~1"])
def test_a_tilde_elsewhere_is_a_character(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("CACHE_DIR", written)
    monkeypatch.setenv("FILL_CHECKPOINT", written)
    settings = read_settings()
    assert settings.cache_dir == Path(written)
    assert settings.fill_checkpoint == written


@pytest.mark.parametrize("variable", ["CACHE_DIR", "FILL_CHECKPOINT"])
def test_the_folder_of_a_user_who_is_not_there(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "~nobody-of-this-name/x")
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert caught.value.sentence == (
        f"{variable} begins with ~, and there is no such user's folder here; write the whole path. "
        "See .env.example for what each setting may be."
    )


@pytest.mark.parametrize("wrong", ["s3cret", "s3cret,", ",", "A" * 44])
def test_a_wrong_storage_key_is_never_shown(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("STORAGE_KEYS", wrong)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert caught.value.sentence.startswith("STORAGE_KEYS must be keys of 44 characters")
    assert "s3cret" not in caught.value.sentence


def test_storage_keys_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = (new_key(), new_key())
    monkeypatch.setenv("STORAGE_KEYS", " , ".join(keys))
    settings = read_settings()
    assert settings.storage_key_list == keys
    assert keys[0] not in repr(settings)

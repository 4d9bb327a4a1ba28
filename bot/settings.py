"""All settings. `.env.example` explains each one; a test checks that both agree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import platformdirs
from pydantic import BeforeValidator, ByteSize, Field, SecretStr, ValidationError
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.errors import SettingsError
from bot.inference.limits import Limits
from bot.locales.message import Message, later
from bot.operating.address import Address
from bot.reports import ReportTo
from bot.storage_keys import is_key, split_keys

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

DATABASE_SCHEMES = ("postgresql", "postgres", "postgresql+asyncpg")
NO_HOME = later("{variable} begins with ~, and there is no such user's folder here; write the whole path")
NO_ADDRESS = later("{variable} must be host:port, such as 127.0.0.1:9464, or off")

NO_KEYS = later(
    "{variable} must be keys of 44 characters, with commas between them, each made by `python -m bot new-key`"
)
NO_SHARDS = later("{variable} must be numbers and ranges such as 0-3,8, and name no shard twice")

FAULTS: Mapping[str, Message] = {
    "int_parsing": later("{variable} must be a whole number"),
    "float_parsing": later("{variable} must be a number"),
    "bool_parsing": later("{variable} must be true or false"),
    "greater_than": later("{variable} must be more than {gt:.0f}"),
    "greater_than_equal": later("{variable} must be at least {ge:.0f}"),
    "less_than_equal": later("{variable} must be at most {le:.0f}"),
    "less_than": later("{variable} must be less than {lt:.0f}"),
    "string_pattern_mismatch": later("{variable} must begin with http:// or https://, and have no spaces"),
    "string_too_long": later("{variable} must have at most {max_length} characters"),
    "literal_error": later("{variable} must be {expected}"),
    "byte_size": later("{variable} must be a size such as 6GB"),
    "byte_size_unit": later("{variable} must be a size such as 6GB"),
    "no_home": NO_HOME,
    "no_shards": NO_SHARDS,
    "no_database": later("{variable} must begin with postgresql://"),
    "no_keys": NO_KEYS,
    "address": NO_ADDRESS,
}
"""What is wrong with a variable, by pydantic's types of errors. The other fields are pydantic's own."""


def _none_if_auto(value: object) -> object:
    return None if value == "auto" else value


def _in_home(value: object) -> object:
    """Replace `~` in a path by the user's folder, as a shell would."""
    if isinstance(value, str | Path) and str(value).startswith("~"):
        try:
            return type(value)(Path(value).expanduser())
        except RuntimeError:
            raise PydanticCustomError("no_home", NO_HOME.template) from None
    return value


def _shard_ids(value: object) -> object:
    """Parse `0-3,8` as (0, 1, 2, 3, 8)."""
    if not isinstance(value, str):
        return value
    ids: list[int] = []
    for part in value.split(","):
        found = re.fullmatch(r"\s*([0-9]{1,6})(?:\s*-\s*([0-9]{1,6}))?\s*", part)
        if found is None or int(found[2] or found[1]) < int(found[1]):
            raise PydanticCustomError("no_shards", NO_SHARDS.template)
        ids += range(int(found[1]), int(found[2] or found[1]) + 1)
    if len(set(ids)) != len(ids):
        raise PydanticCustomError("no_shards", NO_SHARDS.template)
    return tuple(sorted(ids))


def _listed(value: object) -> object:
    """Split at commas."""
    return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value


def _postgresql(value: object) -> object:
    """Write the URL of a database as asyncpg reads it."""
    if isinstance(value, str):
        scheme, found, rest = value.strip().partition("://")
        if not found or scheme not in DATABASE_SCHEMES:
            raise PydanticCustomError("no_database", "must begin with postgresql://")
        return f"postgresql://{rest}"
    return value


def _address(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return None if value == "off" else Address.parse(value)
    except ValueError:
        raise PydanticCustomError("address", NO_ADDRESS.template) from None


def _keys(value: object) -> object:
    """Check that each key is one, here and not where it is used: there the sentence would not name the setting."""
    if isinstance(value, str) and not all(map(is_key, split_keys(value) or [""])):
        raise PydanticCustomError("no_keys", NO_KEYS.template)
    return value


InHome = BeforeValidator(_in_home)
Checkpoint = Annotated[str | None, InHome]


class Settings(BaseSettings):
    """Settings from environment variables with the same names in capitals, then from `.env` in the working folder."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True, frozen=True
    )

    discord_token: SecretStr | None = None
    """The bot's token, for `run` only."""

    message_content: bool = False
    """Whether the application has Discord's Message Content intent, which flags and forum tags need."""

    mentions: bool = True
    """Whether the bot hears of messages, and answers those that mention it, reply to it or are written to it."""
    report_channel: Annotated[int, Field(ge=1, lt=2**63)] | None = None
    """The id of the channel that problems are reported to, by a button of `/help`."""
    report_url: Annotated[str | None, Field(pattern=r"^https?://\S+$", max_length=512)] = None
    """A page for that instead, if there is no channel."""

    inference_url: str | None = None
    """Where other machines serve the models, with commas between several; None runs them in this process."""
    inference_key: SecretStr | None = None
    """The key of these machines. `serve` admits several, with commas between them."""
    serve_address: str = "127.0.0.1:8000"
    """Where `serve` answers: `host:port`."""

    preset: str | None = None
    """Which checkpoints: `course`, `starter` or `modern`; each command has its own default."""
    sentiment_checkpoint: Checkpoint = None
    """Hub id (`owner/name` or `owner/name@revision`) or folder, instead of the preset's."""
    fill_checkpoint: Checkpoint = None
    generate_checkpoint: Checkpoint = None
    translate_checkpoint: Checkpoint = None
    zeroshot_checkpoint: Checkpoint = None
    entities_checkpoint: Checkpoint = None
    similarity_checkpoint: Checkpoint = None
    answer_checkpoint: Checkpoint = None
    summarize_checkpoint: Checkpoint = None
    complete_checkpoint: Checkpoint = None
    chat_checkpoint: Checkpoint = None
    extra_checkpoints: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = ()
    """Checkpoints that people may choose besides, each perhaps behind its tasks: `gpt2`, `fill=owner/name`."""

    devices: str = "auto"
    """`auto`, or names with commas: `cpu`, `cuda:0,cuda:1`, `mps`."""
    precision: Literal["auto", "float32", "bfloat16", "float16", "int8"] = "auto"
    """Data type of the weights; `auto` takes bfloat16 if the hardware multiplies it, `int8` is checked first."""

    model_memory: Annotated[ByteSize | None, BeforeValidator(_none_if_auto)] = None
    """Bytes of weights on each device; None, written `auto`, takes most of a GPU's memory or half of the machine's."""

    queue_size: Annotated[int, Field(ge=1, le=100_000)] = 512
    """The most requests that are accepted and not yet answered."""
    requests_per_person: Annotated[int, Field(ge=1, le=1_000)] = 8
    """The most of one person."""
    remembered_answers: Annotated[int, Field(ge=0, le=1_000_000)] = 1024
    """Answers that are cached for equal requests; 0 caches none."""
    request_seconds: Annotated[float, Field(gt=0, le=840)] = 120.0
    """Deadline of a request; an interaction's token is valid for 15 minutes."""
    drain_seconds: Annotated[float, Field(ge=0, le=840)] = 15.0
    """How long a shutdown waits for running requests."""

    hang_seconds: Annotated[float, Field(gt=0, le=86_400)] = 120.0
    """A thread hangs after this long without a heartbeat; longer than any batch takes."""

    database_url: Annotated[SecretStr | None, BeforeValidator(_postgresql)] = None
    """Of a PostgreSQL database, which several processes share; None for a SQLite file in the cache folder."""

    storage_keys: Annotated[SecretStr | None, BeforeValidator(_keys)] = None
    """Keys that encrypt the texts in the database, with commas between them: the first writes, all read."""

    shard_count: Annotated[int, Field(ge=1)] | None = None
    """Gateway connections of all processes together; None lets Discord recommend a number."""
    shard_ids: Annotated[tuple[int, ...] | None, NoDecode, BeforeValidator(_shard_ids)] = None
    """The shards of this process, such as `0-3,8`; None for all."""
    processes: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """The number of bot processes that divide the shards among themselves."""
    process_index: Annotated[int, Field(ge=0)] | None = None
    """Which of them this one is, from 0; None takes the number at the end of the host's name."""
    cache_dir: Annotated[Path, InHome] = Field(default_factory=lambda: platformdirs.user_cache_path("glassbox"))
    """Folder of converted weights and small state. Hub downloads go to HF_HOME."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"
    """`text` for a terminal, `json` for programs: one object a line."""
    metrics_address: Annotated[Address | None, NoDecode, BeforeValidator(_address)] = Address("127.0.0.1", 9464)
    """Where `/healthz`, `/readyz` and `/metrics` are served; None, written `off`, serves nothing."""

    @property
    def limits(self) -> Limits:
        """The limits of a worker."""
        return Limits(
            requests=self.queue_size,
            per_person=self.requests_per_person,
            seconds=self.request_seconds,
            drain_seconds=self.drain_seconds,
            hang_seconds=self.hang_seconds,
            remembered=self.remembered_answers,
        )

    @property
    def report_to(self) -> ReportTo:
        """Where problems that people report go."""
        return ReportTo(self.report_channel, self.report_url)

    @property
    def storage_key_list(self) -> tuple[str, ...]:
        """The keys that encrypt texts."""
        return () if self.storage_keys is None else split_keys(self.storage_keys.get_secret_value())

    @property
    def checkpoint_overrides(self) -> dict[str, str]:
        """The checkpoints that are set, by task."""
        tasks = [name.removesuffix("_checkpoint") for name in type(self).model_fields if name.endswith("_checkpoint")]
        chosen = {task: getattr(self, f"{task}_checkpoint") for task in tasks}
        return {task: checkpoint for task, checkpoint in chosen.items() if checkpoint is not None}


def read_settings(env_file: Path | None = Path(".env")) -> Settings:
    """Read the settings of this process.

    Raises:
        SettingsError: a value cannot be used, or the file cannot be read. The sentence never shows a value.
    """
    try:
        return Settings(_env_file=str(env_file))
    except ValidationError as error:
        first, *others = map(_fault, error.errors())
        faults = first
        for other in others:
            faults = later("{faults}, and {fault}", faults=faults, fault=other)
        raise SettingsError(later("{faults}. See .env.example for what each setting may be.", faults=faults)) from None
    except UnicodeDecodeError:  # PowerShell writes UTF-16, for example
        raise SettingsError(
            later("The file {env_file} is not UTF-8. Save it again with that encoding.", env_file=str(env_file))
        ) from None
    except OSError:
        raise SettingsError(
            later("The file {env_file} cannot be read. Check who may read it.", env_file=str(env_file))
        ) from None


def _fault(details: ErrorDetails) -> Message:
    variable: str | Message = str(details["loc"][0]).upper() if details["loc"] else later("A setting")
    fault = FAULTS.get(details["type"], later("{variable} cannot be used"))
    context = {name: value for name, value in details.get("ctx", {}).items() if isinstance(value, str | int | float)}
    return fault.filled(variable=variable, **context)

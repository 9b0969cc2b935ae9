"""The environment, read once. Every setting is a variable, and each is described in `docs/reference/settings.md`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from jitbot.errors import SettingsError

SLACK = "https://slack.com/api/"
SLACKS = (SLACK, "https://slack-gov.com/api/")
"""Slack itself, and GovSlack (https://docs.slack.dev/govslack)."""
OFFLINE_SOURCES = ("history.count", "history.last", "history.success_rate", "rota")
"""The sources of facts that need neither network nor credentials; all others an operator allows by name."""
Names = Annotated[tuple[str, ...], NoDecode]
Role = Literal["slack", "api", "work", "clock"]
ROLES: tuple[Role, ...] = ("slack", "api", "work", "clock")


class Settings(BaseSettings):
    """What an operator sets. Names without the prefix `JITBOT_` are those that Slack's own tools use."""

    model_config = SettingsConfigDict(env_prefix="JITBOT_", extra="ignore", frozen=True, populate_by_name=True)

    slack_bot_token: SecretStr | None = Field(
        None, validation_alias="SLACK_BOT_TOKEN", description="The bot's token, xoxb-…"
    )
    slack_app_token: SecretStr | None = Field(
        None, validation_alias="SLACK_APP_TOKEN", description="The app-level token for Socket Mode, xapp-…"
    )
    slack_signing_secret: SecretStr | None = Field(
        None, validation_alias="SLACK_SIGNING_SECRET", description="The secret that proves that HTTP comes from Slack"
    )
    local_slack: bool = Field(
        False, description="Whether to believe what is at SLACK_API_URL though it is not Slack; only for trying out"
    )
    slack_api_url: str = Field(
        SLACK,
        validation_alias="SLACK_API_URL",
        description="Where Slack's Web API is; another one than Slack's needs JITBOT_LOCAL_SLACK=true",
    )
    database_url: str = Field(
        "sqlite:///var/jitbot.db", description="sqlite:///FILE, or postgresql+psycopg://USER@HOST/NAME"
    )
    policies: Path = Field(Path("policies"), description="The folder with the policy files")
    key_file: Path = Field(
        Path("var/signing.key"), description="The key that signs the record; made at first start, mode 600"
    )
    roles: Annotated[tuple[Role, ...], NoDecode] = Field(
        ROLES, min_length=1, description="What this process does: slack, api, work, clock, comma-separated"
    )
    mode: Literal["socket", "http"] = Field("socket", description="How Slack reaches jitbot: socket, or http")
    host: str = Field("127.0.0.1", description="The address that HTTP listens on")
    port: int = Field(3000, ge=0, le=65535, description="The port that HTTP listens on")
    runners: Names = Field(("command", "http"), description="The runners that may be loaded, by name, comma-separated")
    facts: Names = Field(
        OFFLINE_SOURCES, description="The sources of facts that may be loaded, by name, comma-separated"
    )
    http_hosts: Names = Field((), description="The hosts that runners and facts may talk to, comma-separated")
    runner_paths: Names = Field(
        (), description="The folders and sockets on this machine that runners may use, full paths, comma-separated"
    )
    secrets: Names = Field(
        ("environment",), description="The stores that secrets are read from, in the order in which they are asked"
    )
    secrets_folder: Path = Field(
        Path("/run/secrets"), description="The folder of the store `file`: one file for each secret, named like it"
    )
    secrets_file: Path | None = Field(
        None, description="The YAML file that says where other stores are and which of their secrets jitbot may read"
    )
    fallback_channel: str = Field(
        "", description="The channel for cards whose own channel cannot take them; an id or #name"
    )
    operators_channel: str = Field("", description="The channel for alarms; an id or #name")
    policy_channel: str = Field(
        "", description="The channel for changes of the policies, an id or #name; the operators' where it is not set"
    )
    pools: Names = Field((), description="The worker pools that policies may name, comma-separated; needs Postgres")
    most_open: int = Field(
        50, ge=0, description="How many requests of one person may wait for a decision or their start; 0 for any number"
    )
    most_a_minute: int = Field(
        30, ge=0, le=1000, description="How often one person may ask within a minute; 0 for any number"
    )
    pool_keys: Path | None = Field(
        None, description="The file with the public key of each worker of the pools, as `jitbot pool key` prints them"
    )
    trusted_keys: Path | None = Field(
        None, description="On a worker: the file with the service's public key, as `jitbot pool trust` prints it"
    )
    worker_state: Path = Field(
        Path("var/worker"), description="On a worker: the folder with its key, and what it was permitted and grants"
    )
    ceiling: Path | None = Field(
        None, description="The file with the runners, inputs, secrets and hosts that may be used on this machine at all"
    )
    workers: int = Field(16, ge=1, le=256, description="How many requests are worked on at once, besides long runs")
    sweep_seconds: float = Field(1.0, gt=0, le=60, description="How often jitbot looks for what is due, in seconds")
    keep_output_days: int = Field(
        30, ge=1, le=3650, description="How long the output of runs is kept after the end of a request, in days"
    )
    keep_messages_days: int = Field(
        7, ge=1, le=3650, description="How long what came in and is done, and what could not be said, is kept, in days"
    )
    keep_record_days: int = Field(
        400,
        ge=30,
        le=36500,
        description="How long requests are kept after their end, with reasons and facts, in days",
    )
    heads_file: Path | None = Field(
        None, description="The YAML file that says where heads of the record are sent every ten minutes"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="How much is logged")

    @field_validator("roles", "runners", "facts", "http_hosts", "runner_paths", "secrets", "pools", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("slack_api_url")
    @classmethod
    def _slacks_own(cls, value: str, info: ValidationInfo) -> str:
        """Refuse a Slack that is none, unless somebody has said so: whoever answers there says who clicked what."""
        value = value if value.endswith("/") else f"{value}/"
        if value in SLACKS or info.data.get("local_slack"):
            return value
        raise ValueError(
            "this is not Slack, and whoever answers there says who clicked what. Unset it; for a local Slack that real "
            "people do not use, set JITBOT_LOCAL_SLACK=true besides"
        )


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    alias = Settings.model_fields[name].validation_alias
    return alias if isinstance(alias, str) else f"JITBOT_{name.upper()}"


def read_settings(**overrides: object) -> Settings:
    """Read the settings from the environment. Raises: SettingsError, naming each wrong variable."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # validated right here
    except ValidationError as error:
        lines = (f"{_name(each['loc'])}: {each['msg']} (it is {each['input']!r})" for each in error.errors())
        raise SettingsError("\n".join(lines)) from None


def _name(location: tuple[int | str, ...]) -> str:
    name = str(location[0]) if location else ""
    return variable(name) if name in Settings.model_fields else name

"""Every setting of the program, read from environment variables in this one place."""

from datetime import datetime
from pathlib import Path
from typing import Literal

import httpx
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent
CONTENT = ROOT / "content"
MODELS = ROOT / "models"


class Settings(BaseSettings):
    """The settings. A field `x` is read from `SEPTIMUS_X`; the two Telegram ones carry Telegram's own names."""

    model_config = SettingsConfigDict(
        env_prefix="SEPTIMUS_", env_file=ROOT / ".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    telegram_bot_token: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("TELEGRAM_BOT_TOKEN"),
        description="The bot's token from @BotFather. Without it the sandbox is used.",
    )
    telegram_api_base: str = Field(
        "https://api.telegram.org",
        validation_alias=AliasChoices("TELEGRAM_API_BASE"),
        description="The Bot API server to talk to.",
    )
    home: Path = Field(Path("var"), description="The data folder: database, tracker, run state.")
    database_url: str | None = Field(
        None,
        description="The database, as an SQLAlchemy address such as postgresql+psycopg://user@host/name. "
        "Default: SQLite in the data folder.",
    )
    keys_file: Path | None = Field(
        None,
        description="The file of the keys that personal fields are sealed with. Default: `keys` in the data folder.",
    )
    redis_url: str | None = Field(None, description="Redis, where several engines keep their locks. Optional.")
    tracker_url: str | None = Field(
        None,
        description="The engine's scratch paper, as sqlite:////file or postgresql://user@host/name. Default: "
        "`tracker.db` in the data folder; with Redis and PostgreSQL, the schema `engine` of that database.",
    )
    mode: Literal["development", "production"] = Field(
        "development", description="`production` refuses content that no clinician has reviewed."
    )
    now: datetime | None = Field(
        None, description="Start the clock at this moment (ISO 8601 with a zone), to try what depends on time."
    )
    instance: str = Field("gateway-1", description="This gateway's name among several on one database.")
    bot: str = Field(
        "main",
        description="This gateway's bot among several on one database: 1 to 16 of a-z 0-9 -.",
        pattern=r"^[a-z0-9-]{1,16}$",
    )
    gateways: int = Field(
        1, description="How many gateways send for this bot: they share Telegram's 30 messages a second.", ge=1, le=30
    )
    engine_port: int = Field(5005, description="Port of the Rasa engine on 127.0.0.1.", ge=1, le=65535)
    actions_port: int = Field(5055, description="Port of the action server on 127.0.0.1.", ge=1, le=65535)
    desk_port: int = Field(8080, description="Port of the clinic's desk on 127.0.0.1.", ge=1, le=65535)
    desk_url: str | None = Field(
        None, description="Public https address of the desk behind your proxy. Without it only this machine may use it."
    )
    desk_idle_minutes: int = Field(
        30, description="Minutes after which the desk signs an idle browser out.", ge=1, le=720
    )
    sandbox_port: int = Field(8081, description="Port of the sandbox on 127.0.0.1.", ge=1, le=65535)
    engine_urls: str | None = Field(
        None,
        description="Addresses of several engines, with commas between them. Default: the one of this machine.",
    )
    engine_token: SecretStr | None = Field(
        None, description="Token between our processes and the engine. Default: a new one at each start."
    )
    engine_timeout: float = Field(
        8.0, description="Seconds to wait for the engine before the plain answer is given.", gt=0
    )
    webhook_url: str | None = Field(
        None, description="Public https address for Telegram's webhook. Without it the gateway polls."
    )
    webhook_secret: SecretStr | None = Field(
        None, description="Secret token Telegram must send with each webhook call (A-Z a-z 0-9 _ -)."
    )
    webhook_port: int = Field(8443, description="Port where the webhook listens.", ge=1, le=65535)
    webhook_host: str = Field("127.0.0.1", description="Address where the webhook listens, behind your proxy.")
    gateway_watch_port: int = Field(
        9105, description="Port on 127.0.0.1 of the gateway's health and figures; 0 for none.", ge=0, le=65535
    )
    desk_watch_port: int = Field(
        9108, description="Port on 127.0.0.1 of the desk's health and figures; 0 for none.", ge=0, le=65535
    )
    concurrency: int = Field(8, description="How many people are answered side by side.", ge=1, le=64)
    sentry_dsn: SecretStr | None = Field(
        None, description="Address of a Sentry project that is told of errors; needs `uv sync --extra sentry`."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="How much is logged.")

    @field_validator("now")
    @classmethod
    def _now_has_a_zone(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("has no zone; write it like 2026-11-22T10:00:00+00:00")
        return value

    @field_validator("engine_urls")
    @classmethod
    def _engines_are_addresses(cls, value: str | None) -> str | None:
        for each in _addresses(value or ""):
            try:
                url = httpx.URL(each)
            except httpx.InvalidURL:
                url = httpx.URL()
            if url.scheme not in ("http", "https") or not url.host:
                raise ValueError("is no list of addresses like http://10.0.0.5:5005,http://10.0.0.6:5005")
        return value

    @field_validator("tracker_url")
    @classmethod
    def _tracker_is_an_address(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("sqlite:///", "postgresql://")):
            raise ValueError("is neither like sqlite:////var/lib/septimus/tracker.db nor postgresql://user@host/name")
        return value

    @property
    def database(self) -> str:
        """The database's address, SQLite in the data folder unless one is set."""
        return self.database_url or f"sqlite+aiosqlite:///{(self.home / 'septimus.db').absolute()}"

    @property
    def engine_url(self) -> str:
        """The engine's address on this machine."""
        return f"http://127.0.0.1:{self.engine_port}"

    @property
    def engines(self) -> tuple[str, ...]:
        """The addresses of all engines."""
        return tuple(_addresses(self.engine_urls or "")) or (self.engine_url,)

    @property
    def tracker(self) -> str:
        """The address of the engine's scratch paper, as both environments read it."""
        if self.tracker_url:
            return self.tracker_url
        if self.redis_url and self.database.startswith("postgresql"):
            return f"postgresql:{self.database.partition(':')[2]}"
        return f"sqlite:///{(self.home / 'tracker.db').absolute()}"


def _addresses(text: str) -> list[str]:
    return [each.strip().rstrip("/") for each in text.split(",") if each.strip()]


class WrongSetting(ValueError):
    """A setting that can't be used; the message names its environment variable and says why, in one line."""


def read_settings() -> Settings:
    """Read every setting from the environment.

    Raises:
        WrongSetting: one can't be used.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else ""
        name = environment_name(field) if field in Settings.model_fields else field
        told = f"The setting {name} can't be used: {first['msg']}. See the README's table of settings."
        raise WrongSetting(told) from None


def environment_name(field: str) -> str:
    """Return the environment variable that a field of `Settings` is read from."""
    alias = Settings.model_fields[field].validation_alias
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return f"SEPTIMUS_{field.upper()}"

"""Every setting is described, documented with its default, and refused in one line when it can't be used."""

import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

import actions.server
import bot.desk.app
import bot.gateway.main
from bot import cli
from bot.settings import ROOT, Settings, environment_name

FIELDS = sorted(Settings.model_fields)
WRONG = [
    ("SEPTIMUS_NOW", "2026-11-22T10:00:00"),
    ("SEPTIMUS_NOW", "tomorrow"),
    ("SEPTIMUS_ENGINE_PORT", "abc"),
    ("SEPTIMUS_ACTIONS_PORT", "0"),
    ("SEPTIMUS_DESK_PORT", "65536"),
    ("SEPTIMUS_SANDBOX_PORT", "-1"),
    ("SEPTIMUS_WEBHOOK_PORT", "80.5"),
    ("SEPTIMUS_CONCURRENCY", "0"),
    ("SEPTIMUS_CONCURRENCY", "65"),
    ("SEPTIMUS_ENGINE_TIMEOUT", "0"),
    ("SEPTIMUS_MODE", "prod"),
    ("SEPTIMUS_LOG_LEVEL", "LOUD"),
    ("SEPTIMUS_BOT", "North Clinic"),
    ("SEPTIMUS_ENGINE_URLS", "10.0.0.5:5005"),
    ("SEPTIMUS_TRACKER_URL", "tracker.db"),
]


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the environment nor a `.env` of whoever runs the tests."""
    for field in FIELDS:
        monkeypatch.delenv(environment_name(field), raising=False)
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("field", FIELDS)
def test_every_setting_says_what_it_is_for(field: str) -> None:
    description = Settings.model_fields[field].description
    assert description and description.endswith("."), f"{field} needs a description, a sentence"


def test_nothing_needs_to_be_set() -> None:
    settings = Settings()
    assert settings.telegram_bot_token is None
    assert settings.database.startswith("sqlite+aiosqlite:////")


@pytest.mark.parametrize("field", FIELDS)
def test_a_setting_is_read_from_the_variable_that_its_name_promises(
    field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = {
        "telegram_bot_token": "1001:invented",
        "mode": "production",
        "now": "2026-11-22T10:00:00+00:00",
        "log_level": "DEBUG",
        "engine_urls": "http://10.0.0.5:5005, http://10.0.0.6:5005",
        "tracker_url": "postgresql://engine@10.0.0.7/septimus",
    }
    default = Settings.model_fields[field].default
    sample = samples.get(field, "7" if isinstance(default, int | float) else "changed")
    monkeypatch.setenv(environment_name(field), sample)
    assert getattr(Settings(), field) != default


def test_the_engines_are_named_one_by_one_or_it_is_this_machines() -> None:
    assert Settings(engine_urls="http://a:1/ ,http://b:2,").engines == ("http://a:1", "http://b:2")
    assert Settings(engine_port=7).engines == ("http://127.0.0.1:7",)


def test_the_scratch_paper_is_shared_when_the_locks_are() -> None:
    postgres = "postgresql+psycopg://septimus@db/septimus"
    assert Settings(database_url=postgres, redis_url="redis://r").tracker == "postgresql://septimus@db/septimus"
    assert Settings(database_url=postgres).tracker.endswith("/tracker.db")
    assert Settings(redis_url="redis://r").tracker.endswith("/tracker.db")
    assert Settings(tracker_url="sqlite:////x/y.db", redis_url="redis://r").tracker == "sqlite:////x/y.db"


def test_telegrams_own_variables_carry_telegrams_names() -> None:
    assert environment_name("telegram_bot_token") == "TELEGRAM_BOT_TOKEN"
    assert environment_name("telegram_api_base") == "TELEGRAM_API_BASE"


@pytest.mark.parametrize("field", ["telegram_bot_token", "engine_token", "webhook_secret"])
def test_a_secret_is_never_shown(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment_name(field), "very-secret-1001")
    assert "very-secret-1001" not in f"{Settings()!r} {Settings()}"


def test_a_start_of_the_clock_without_a_zone_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEPTIMUS_NOW", "2026-11-22T10:00:00")
    with pytest.raises(ValidationError, match="has no zone; write it like"):
        Settings()


def test_a_start_of_the_clock_with_a_zone_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEPTIMUS_NOW", "2026-11-22T10:00:00Z")
    assert Settings().now == datetime(2026, 11, 22, 10, tzinfo=UTC)


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_the_command_line_names_a_wrong_setting_in_one_line(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEPTIMUS_HOME", str(tmp_path))
    monkeypatch.setenv(name, value)
    # `--attach` starts nothing, whatever becomes of the setting.
    monkeypatch.setattr(sys, "argv", ["septimus", "chat", "--attach"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    lines = capsys.readouterr().err.splitlines()
    assert end.value.code == 2
    assert len(lines) == 1
    assert lines[0].startswith(f"The setting {name} can't be used: ")


@pytest.mark.parametrize("main", [actions.server.main, bot.gateway.main.main, bot.desk.app.main])
def test_every_process_names_a_wrong_setting_in_one_line(
    main: Callable[[], int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEPTIMUS_HOME", str(tmp_path))
    monkeypatch.setenv("SEPTIMUS_ENGINE_PORT", "abc")
    assert main() == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "SEPTIMUS_ENGINE_PORT" in lines[0]


@pytest.mark.parametrize("main", [actions.server.main, bot.gateway.main.main])
def test_a_process_names_a_missing_token_in_one_line(
    main: Callable[[], int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEPTIMUS_HOME", str(tmp_path))
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "1001:invented")
    monkeypatch.setattr("bot.logs.configure", lambda *_: None)  # it is the whole process's, and this is a test's
    assert main() == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("SEPTIMUS_ENGINE_TOKEN is missing: ")


def shown(default: object) -> set[str]:
    """The ways in which a default may be written."""
    return {str(default), f"{default:g}"} if isinstance(default, float) else {str(default)}


@pytest.mark.parametrize("field", FIELDS)
def test_the_readme_lists_every_setting_with_its_default(field: str) -> None:
    name, default = environment_name(field), Settings.model_fields[field].default
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = [line for line in readme.splitlines() if line.startswith("|") and f"`{name}`" in line]
    assert len(rows) == 1, f"the README needs one table row for `{name}`"
    if default is not None:
        assert any(f"`{text}`" in rows[0] for text in shown(default)), f"its row must show the default `{default}`"


@pytest.mark.parametrize("field", FIELDS)
def test_the_example_environment_lists_every_setting_with_its_default(field: str) -> None:
    name, default = environment_name(field), Settings.model_fields[field].default
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    lines = re.findall(rf"^#? ?{name}=(.*)$", example, re.MULTILINE)
    assert len(lines) == 1, f".env.example needs one line {name}=..."
    assert default is None or lines[0].strip() in shown(default)


def test_the_example_environment_names_no_setting_that_does_not_exist() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^#? ?([A-Z][A-Z_]+)=", example, re.MULTILINE))
    assert named <= {environment_name(field) for field in FIELDS}

"""What is in `deploy/`: it names what exists, nothing runs as root, and the dashboard asks for figures that are told."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tomllib
import typing
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY
from pydantic import SecretStr

from bot import metrics
from bot.settings import ROOT, Settings, environment_name

DEPLOY = ROOT / "deploy"
SERVICES = sorted((DEPLOY / "systemd").glob("*.service"))
LISTENING = {"septimus-actions", "septimus-engine", "septimus-gateway", "septimus-desk"}
LOADS_ONNXRUNTIME = ("septimus-desk", "septimus-engine")
CONTAINERS = "septimus-compose"
INSTALLED = "/opt/septimus/"
SETTINGS = {environment_name(field) for field in Settings.model_fields}
# Neither reaches Telegram. The action server reports its errors, and asks no database.
TOLD = {"engine": {"engine_token"}, "actions": {"engine_token", "sentry_dsn"}}
DATABASES = {environment_name(field) for field in ("database_url", "tracker_url", "redis_url")}


def secrets_not_for(part: str) -> set[str]:
    """The settings that hold a secret which the engine or the action server has no use for."""
    secret = {name for name, field in Settings.model_fields.items() if SecretStr in typing.get_args(field.annotation)}
    return {environment_name(name) for name in secret - TOLD[part]}


def unit(path: Path) -> dict[str, dict[str, list[str]]]:
    """A unit file: sections, and in each the values of every name."""
    found: dict[str, dict[str, list[str]]] = {}
    section = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(section, {}).setdefault(name, []).append(value)
    return found


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yml").read_text(encoding="utf-8")))


# --- systemd ---------------------------------------------------------------------------------------------------------


def test_there_is_a_unit_for_each_process() -> None:
    assert {path.stem for path in SERVICES} == LISTENING | {"septimus-backup", CONTAINERS}
    wanted = unit(DEPLOY / "systemd" / "septimus.target")["Unit"]["Wants"][0].split()
    assert {name.removesuffix(".service") for name in wanted} == LISTENING


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)
def test_a_unit_is_not_root_and_shut_in(path: Path) -> None:
    service = unit(path)["Service"]
    shut = {
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "PrivateTmp": "yes",
        "UMask": "0077",
    }
    if path.stem != CONTAINERS:  # it speaks to Docker, which root alone may
        shut |= {"User": "septimus", "CapabilityBoundingSet": "", "LimitCORE": "0"}
    for name, value in shut.items():
        assert service[name] == [value], name


def test_the_one_unit_that_is_root_only_puts_the_containers_up() -> None:
    read = unit(DEPLOY / "systemd" / f"{CONTAINERS}.service")
    (command,) = read["Service"]["ExecStart"]
    assert command.startswith(f"/usr/bin/docker compose -f {INSTALLED}deploy/compose.yml up -d")
    assert not {name for name in read["Service"] if name.startswith("Exec")} - {"ExecStart"}
    assert "EnvironmentFile" not in read["Service"]
    assert read["Service"]["Type"] == ["oneshot"]
    # At boot, and whenever Docker is started again.
    assert "docker.service" in read["Unit"]["After"][0].split()
    assert read["Unit"]["PartOf"] == ["docker.service"]
    assert read["Install"]["WantedBy"] == ["multi-user.target docker.service"]
    assert CONTAINERS not in (DEPLOY / "systemd" / "septimus.target").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", LOADS_ONNXRUNTIME)
def test_who_loads_onnxruntime_may_read_what_it_reads_of_the_processor(name: str) -> None:
    assert "ProcSubset" not in unit(DEPLOY / "systemd" / f"{name}.service")["Service"]


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)
def test_what_a_unit_names_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for named in re.findall(rf"{INSTALLED}([\w./-]+)", text):
        assert (ROOT / named).exists() or named.startswith(".venv/"), named
    for module in re.findall(r"-m ([\w.]+)", text):
        assert (ROOT / module.replace(".", "/")).with_suffix(".py").exists() or (
            ROOT / module.replace(".", "/") / "__main__.py"
        ).exists()
    assert set(re.findall(r"\b(SEPTIMUS_[A-Z_]+)=", text)) <= SETTINGS


def test_engine_and_actions_speak_to_this_machine_alone() -> None:
    for name in ("septimus-actions", "septimus-engine"):
        service = unit(DEPLOY / "systemd" / f"{name}.service")["Service"]
        assert (service["IPAddressDeny"], service["IPAddressAllow"]) == (["any"], ["localhost"])


@pytest.mark.parametrize("part", TOLD)
def test_engine_and_actions_are_told_no_secret_that_they_have_no_use_for(part: str, compose: dict[str, Any]) -> None:
    needless = secrets_not_for(part) | (DATABASES if part == "actions" else set())
    assert "TELEGRAM_BOT_TOKEN" in needless
    taken = unit(DEPLOY / "systemd" / f"septimus-{part}.service")["Service"]["UnsetEnvironment"]
    assert {name for line in taken for name in line.split()} == needless
    for name, service in compose["services"].items():
        if name.split("-")[0] == part:
            assert {each for each, value in service["environment"].items() if value == ""} >= needless, name


def test_what_waits_for_its_work_gets_more_time_than_it_takes() -> None:
    (seconds,) = unit(DEPLOY / "systemd" / "septimus-gateway.service")["Service"]["TimeoutStopSec"]
    assert int(seconds) >= 30


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not on this machine")
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    for path in (DEPLOY / "systemd").iterdir():
        # The programs are where an installation has them; here only the words are looked at.
        programs = rf"({INSTALLED}[\w./-]+|/usr/bin/docker)(?= |$)"
        text = re.sub(programs, "/bin/true", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        (tmp_path / path.name).write_text(text)
    asked = ["systemd-analyze", "verify", *sorted(str(path) for path in tmp_path.iterdir())]
    told = subprocess.run(asked, capture_output=True, text=True, check=False)
    ours = [line for line in told.stderr.splitlines() if "septimus" in line]
    assert ours == []


# --- compose and the images ------------------------------------------------------------------------------------------


def test_every_service_is_somebody_and_may_gain_nothing(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert str(service["user"]).split(":")[0] not in ("", "0", "root"), name
        assert "privileged" not in service
        assert "ports" not in service, f"{name} is open to the world"
        if name != "wire":
            assert "no-new-privileges:true" in service["security_opt"], name


def test_what_compose_names_exists(compose: dict[str, Any]) -> None:
    services, stages = compose["services"], re.findall(r"^FROM .* AS (\S+)", dockerfile(), re.MULTILINE)
    for service in services.values():
        if build := service.get("build"):
            assert (DEPLOY / build["context"] / build["dockerfile"]).exists()
            assert build["target"] in stages
        assert set(service.get("depends_on", [])) <= services.keys()
        environment = service.get("environment", {})
        assert {each for each in environment if each.startswith("SEPTIMUS_")} <= SETTINGS
        for volume in service.get("volumes", []):
            assert isinstance(volume, dict) or volume.partition(":")[0] in compose["volumes"]
        for secret in service.get("secrets", []):
            assert secret in compose["secrets"]
    watched = re.findall(r"127\.0\.0\.1:(\d+)/health", json.dumps(services))
    assert set(map(int, watched)) == {
        Settings.model_fields[f"{each}_watch_port"].default for each in ("gateway", "desk")
    }
    assert {"postgres", "redis"} <= services.keys()


def test_a_backup_has_a_place_outside_of_the_containers(compose: dict[str, Any]) -> None:
    (folder,) = [each for each in compose["services"]["gateway"]["volumes"] if isinstance(each, dict)]
    assert (folder["type"], folder["source"], folder["target"]) == ("bind", *["/var/backups/septimus"] * 2)
    assert folder["bind"] == {"create_host_path": False}, "a folder that Docker makes is root's"
    assert "data:/var/lib/septimus" in compose["services"]["gateway"]["volumes"]


def test_no_secret_stands_in_a_file_that_is_kept(compose: dict[str, Any]) -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    for secret in compose["secrets"].values():
        assert f"deploy/{secret['file']}" in ignored
    assert "deploy/septimus.env" in ignored
    text = (DEPLOY / "septimus.env.example").read_text(encoding="utf-8")
    assert set(re.findall(r"^#? ?([A-Z][A-Z_]+)=", text, re.MULTILINE)) <= SETTINGS
    assert re.findall(r"^[A-Z_]*TOKEN=(.+)$", text, re.MULTILINE) == []


def dockerfile() -> str:
    return (DEPLOY / "Dockerfile").read_text(encoding="utf-8")


def test_no_image_runs_as_root() -> None:
    for stage in ("bot", "engine"):
        body = re.split(r"^FROM ", dockerfile(), flags=re.MULTILINE)
        (own,) = [each for each in body if re.match(rf"\S+ AS {stage}\n", each)]
        users = re.findall(r"^USER (\S+)", own, re.MULTILINE)
        assert users
        assert users[-1] not in ("0", "root")


def test_what_an_image_takes_exists_and_is_let_in() -> None:
    let_in = [line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] == "!"]
    for line in re.findall(r"^COPY (?!--from)(.*)$", dockerfile(), re.MULTILINE):
        for source in line.split()[:-1]:
            assert any(source == each or source.startswith(f"{each}/") for each in let_in), source
            if not source.startswith("models/"):  # made by `septimus train`
                assert (ROOT / source).exists(), source


def test_the_engine_starts_as_septimus_run_starts_it(tmp_path: Path) -> None:
    """The script is run with a Rasa that only says what it was asked."""
    root = tmp_path / "septimus"
    (root / "deploy").mkdir(parents=True)
    (root / "engine").mkdir()
    (root / "models").mkdir()
    shutil.copy(DEPLOY / "engine", root / "deploy" / "engine")
    (root / "engine" / "rasa").write_text(
        '#!/bin/sh\nprintf "%s\\n" "$@" "$SEPTIMUS_TRACKER_URL" "$SEPTIMUS_ACTIONS_URL" "${SEPTIMUS_DATABASE_URL-unset}"\n'
    )
    (root / "engine" / "rasa").chmod(0o755)
    (root / "models" / "trained-from.sha256").write_text("0123456789abcdef" * 4 + "\n")
    plain = {"PATH": os.environ["PATH"], "SEPTIMUS_HOME": "/data"}
    command = [str(root / "deploy" / "engine")]
    refused = subprocess.run(command, env=plain, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "SEPTIMUS_ENGINE_TOKEN" in refused.stderr
    told = subprocess.run(
        command, env={**plain, "SEPTIMUS_ENGINE_TOKEN": "-x"}, capture_output=True, text=True, check=True
    )
    said = told.stdout.splitlines()
    assert f"{root}/models/septimus-0123456789abcdef.tar.gz" in said
    assert {"--auth-token=-x", "--interface", "127.0.0.1", "sqlite:////data/tracker.db"} <= set(said)
    # What several engines share is chosen as the gateway chooses it.
    shared = {"SEPTIMUS_DATABASE_URL": "postgresql+psycopg://septimus@db/septimus", "SEPTIMUS_REDIS_URL": "redis://r"}
    for given in ({}, {"SEPTIMUS_TRACKER_URL": "postgresql://engine@db/septimus"}):
        environment = {**plain, "SEPTIMUS_ENGINE_TOKEN": "-x", **shared, **given}
        told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        chosen = Settings(
            database_url=shared["SEPTIMUS_DATABASE_URL"],
            redis_url=shared["SEPTIMUS_REDIS_URL"],
            tracker_url=given.get("SEPTIMUS_TRACKER_URL"),
        ).tracker
        assert chosen in told.stdout.splitlines()
        assert told.stdout.splitlines()[-1] == "unset"


def test_the_engine_of_the_containers_knows_no_way_to_a_patients_row(compose: dict[str, Any]) -> None:
    for name in ("engine", "engine-2"):
        service = compose["services"][name]
        assert service["secrets"] == ["engine-pgpass"]
        assert service["environment"]["SEPTIMUS_DATABASE_URL"] == ""
        assert "//septimus_engine@" in service["environment"]["SEPTIMUS_TRACKER_URL"]
    assert compose["services"]["actions"]["secrets"] == []
    for name in ("engine", "engine-2", "actions"):
        assert compose["services"][name]["volumes"] == [{"type": "tmpfs", "target": "/var/lib/septimus"}]


def test_the_bots_image_can_report_errors() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    syncs = [line for line in dockerfile().splitlines() if "uv sync" in line and "--project engine" not in line]
    assert len(syncs) == 2
    assert "sentry" in extras
    assert all("--locked" in line and "--extra sentry" in line for line in syncs)


# --- Grafana ---------------------------------------------------------------------------------------------------------


def expressions() -> list[str]:
    board = json.loads((DEPLOY / "grafana" / "septimus.json").read_text(encoding="utf-8"))
    return [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]


def test_the_dashboard_asks_for_figures_that_are_told_and_shows_every_one() -> None:
    told = {family.name: family.type for family in REGISTRY.collect() if family.name.startswith("septimus_")}
    suffix = {"counter": "_total", "histogram": "_bucket", "gauge": ""}
    names = {name + suffix[kind] for name, kind in told.items()}
    asked = {name for each in expressions() for name in re.findall(r"\bseptimus_\w+", each)}
    assert asked == names


def test_the_dashboard_sorts_by_labels_that_the_figures_have() -> None:
    labels = {
        metric._name: set(metric._labelnames) for metric in vars(metrics).values() if hasattr(metric, "_labelnames")
    }
    for each in expressions():
        (name,) = {re.sub(r"_(total|bucket)$", "", found) for found in re.findall(r"\bseptimus_\w+", each)}
        used = {label for group in re.findall(r"by \(([^)]*)\)", each) for label in group.split(", ")}
        used |= set(re.findall(r"\{(\w+)=", each))
        assert used <= labels[name] | {"le"}, each


def test_prometheus_is_sent_to_the_ports_that_are_the_defaults() -> None:
    read = yaml.safe_load((DEPLOY / "grafana" / "prometheus.yml").read_text(encoding="utf-8"))
    targets = {target for each in read["scrape_configs"][0]["static_configs"] for target in each["targets"]}
    fields = ("gateway_watch_port", "desk_watch_port", "actions_port")
    assert targets == {f"127.0.0.1:{Settings.model_fields[field].default}" for field in fields}


def test_the_second_gateways_figures_are_named_by_its_own_port(compose: dict[str, Any]) -> None:
    port = compose["services"]["gateway-2"]["environment"]["SEPTIMUS_GATEWAY_WATCH_PORT"]
    commented = re.findall(r"# - targets: (.*)", (DEPLOY / "grafana" / "prometheus.yml").read_text(encoding="utf-8"))
    assert commented == [f'["127.0.0.1:{port}"]']


# --- images ----------------------------------------------------------------------------------------------------------


def test_the_engines_image_holds_each_module_that_its_own_modules_load() -> None:
    copied = " ".join(re.findall(r"^COPY (engine/\w.*(?:\\\n.*)?)", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE))
    let_in = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    modules = sorted(set(re.findall(r"engine/(\w+)\.py", copied)))
    assert "serve_rasa" in modules
    for module in modules:
        source = (ROOT / "engine" / f"{module}.py").read_text(encoding="utf-8")
        needed = set(re.findall(r"^from engine\.(\w+)", source, re.MULTILINE)) - {"components"}
        assert needed <= set(modules), f"{module} needs {needed - set(modules)}"
        assert f"!engine/{module}.py" in let_in
    named = set(
        re.findall(r"engine\.(\w+)\.\w+", (ROOT / "endpoints.yml").read_text() + (ROOT / "engine" / "rasa").read_text())
    )
    named |= set(re.findall(r"engine\.(\w+)\.\w+", (ROOT / "credentials.yml").read_text()))
    assert named - {"components"} <= set(modules)

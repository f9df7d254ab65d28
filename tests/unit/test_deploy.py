"""What is in `deploy/`: it names what exists, nothing runs as root, and the dashboard asks for figures that are told."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from bot import metrics
from bot.settings import ROOT, Settings, environment_name

DEPLOY = ROOT / "deploy"
SERVICES = sorted((DEPLOY / "systemd").glob("*.service"))
LISTENING = {"septimus-actions", "septimus-engine", "septimus-gateway", "septimus-desk"}
INSTALLED = "/opt/septimus/"
SETTINGS = {environment_name(field) for field in Settings.model_fields}


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
    assert {path.stem for path in SERVICES} == LISTENING | {"septimus-backup"}
    wanted = unit(DEPLOY / "systemd" / "septimus.target")["Unit"]["Wants"][0].split()
    assert {name.removesuffix(".service") for name in wanted} == LISTENING


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)
def test_a_unit_is_not_root_and_shut_in(path: Path) -> None:
    service = unit(path)["Service"]
    assert service["User"] == ["septimus"]
    for name, value in {
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "PrivateTmp": "yes",
        "CapabilityBoundingSet": "",
        "UMask": "0077",
    }.items():
        assert service[name] == [value], name


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


def test_what_waits_for_its_work_gets_more_time_than_it_takes() -> None:
    (seconds,) = unit(DEPLOY / "systemd" / "septimus-gateway.service")["Service"]["TimeoutStopSec"]
    assert int(seconds) >= 30


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not on this machine")
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    for path in (DEPLOY / "systemd").iterdir():
        # The programs are where an installation has them; here only the words are looked at.
        text = re.sub(rf"{INSTALLED}[\w./-]+(?= |$)", "/bin/true", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
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
            assert volume.partition(":")[0] in compose["volumes"]
        for secret in service.get("secrets", []):
            assert secret in compose["secrets"]
    watched = re.findall(r"127\.0\.0\.1:(\d+)/health", json.dumps(services))
    assert set(map(int, watched)) == {
        Settings.model_fields[f"{each}_watch_port"].default for each in ("gateway", "desk")
    }
    assert {"postgres", "redis"} <= services.keys()


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
        '#!/bin/sh\nprintf "%s\\n" "$@" "$SEPTIMUS_TRACKER_URL" "$SEPTIMUS_ACTIONS_URL"\n'
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


def test_the_engine_of_the_containers_knows_no_way_to_a_patients_row(compose: dict[str, Any]) -> None:
    for name in ("engine", "engine-2"):
        service = compose["services"][name]
        assert service["secrets"] == ["engine-pgpass"]
        assert "SEPTIMUS_DATABASE_URL" not in service["environment"]
        assert "//septimus_engine@" in service["environment"]["SEPTIMUS_TRACKER_URL"]


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

"""The security documents say what is so: named tests exist, listed holes are of locked packages, locks hold hashes."""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bot.settings import ROOT

SECURITY = ROOT / "docs" / "security"
DOCUMENTS = sorted(SECURITY.glob("*.md"))
SURFACES = [
    "Telegram",
    "Sandbox",
    "Desk",
    "REST door",
    "Engine and action server",
    "Data and operation",
    "Supply chain",
]
LOCKS = (ROOT / "uv.lock", ROOT / "engine" / "uv.lock")
REGISTRY = "https://pypi.org/simple"


def rows(text: str, first: str) -> list[list[str]]:
    """The rows of a document's tables whose first cell fits."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if re.fullmatch(first, row[0])]


def threats() -> list[list[str]]:
    return rows((SECURITY / "threat-model.md").read_text(encoding="utf-8"), r"T\d\d")


@cache
def functions_of(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@cache
def locked(path: Path) -> list[dict[str, Any]]:
    packages: list[dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))["package"]
    return packages


def foreign(path: Path) -> list[dict[str, Any]]:
    """The packages of a lock but for the project's own."""
    return [each for each in locked(path) if not {"editable", "virtual"} & set(each["source"])]


# ---- The threat model ----
def test_every_surface_has_its_threats() -> None:
    text = (SECURITY / "threat-model.md").read_text(encoding="utf-8")
    parts = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert [part.split("\n")[0] for part in parts] == SURFACES
    assert all(rows(part, r"T\d\d") for part in parts)


def test_threats_are_numbered_once_and_named_by_their_kind() -> None:
    ids = [row[0] for row in threats()]
    assert ids == sorted(set(ids))
    assert {row[1] for row in threats()} == set("STRIDE")


@pytest.mark.parametrize("threat", threats(), ids=lambda row: row[0])
def test_every_threat_has_a_control_and_tests_that_exist(threat: list[str]) -> None:
    _, _, what, control, told = threat
    nodes = re.findall(r"`(tests/[\w/]+\.py::\w+)`", told)
    assert what and control and nodes
    assert re.sub(r"`[^`]+`|<br>", "", told) == ""
    for node in nodes:
        file, _, name = node.partition("::")
        path = ROOT / file
        assert path.is_file() and name in functions_of(path), f"mend {node} in docs/security/threat-model.md"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (document.parent / link).exists()] == []


# ---- The engine's known holes ----
def holes() -> list[list[str]]:
    return [
        row
        for row in rows((SECURITY / "engine.md").read_text(encoding="utf-8"), r"[a-z][a-z0-9-]*")
        if row[1] != "version"
    ]


def test_every_hole_is_of_a_package_that_is_locked() -> None:
    versions = {each["name"]: each["version"] for each in locked(LOCKS[1])}
    assert len(holes()) > 10
    stale = [f"{row[0]} {row[1]}" for row in holes() if versions.get(row[0]) != row[1]]
    assert stale == [], "the engine's lock has another version now: look each of these up again"


def test_every_hole_has_a_number_and_a_reason() -> None:
    for row in holes():
        assert re.search(r"\b(?:CVE-\d{4}-\d{4,7}|GHSA(?:-[0-9a-z]{4}){3})\b", row[2]), row
        assert len(row[-1]) > 8, row


# ---- The locks ----
@pytest.mark.parametrize("lock", LOCKS, ids=["ours", "engine"])
def test_every_locked_file_has_its_hash(lock: Path) -> None:
    bare = []
    for package in foreign(lock):
        files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else [])]
        if not files or not all(re.fullmatch(r"sha256:[0-9a-f]{64}", each.get("hash", "")) for each in files):
            bare.append(package["name"])
    assert foreign(lock) and bare == []


@pytest.mark.parametrize("lock", LOCKS, ids=["ours", "engine"])
def test_every_package_is_of_the_one_registry(lock: Path) -> None:
    assert [each["name"] for each in foreign(lock) if each["source"] != {"registry": REGISTRY}] == []


def test_what_is_installed_is_what_is_locked() -> None:
    made = (ROOT / "Makefile").read_text(encoding="utf-8")
    syncs = [line for line in made.splitlines() if "$(UV) sync" in line]
    assert syncs and all("--locked" in line for line in syncs)

"""The audit of packages: a hole with a fix fails, no answer is told loudly, and the engine's are compared with the list."""

import importlib.util
import json
import sys
from typing import Any

import pytest

from bot.settings import ROOT


def _loaded() -> Any:
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules["audit"] = made
    spec.loader.exec_module(made)
    return made


audit = _loaded()
CLEAN = {"name": "starlette", "version": "1.10.0", "vulns": []}
SKIPPED = {"name": "starlette", "skip_reason": "Dependency not found on PyPI and could not be audited"}


def holed(*fixes: str, number: str = "PYSEC-2026-1", alias: str = "CVE-2026-11111") -> dict[str, Any]:
    return {
        "name": "some",
        "version": "1.0",
        "vulns": [{"id": number, "aliases": [alias], "fix_versions": list(fixes), "description": "x"}],
    }


def answer(*packages: dict[str, Any]) -> Any:
    return audit.read_answer(json.dumps({"dependencies": list(packages), "fixes": []}))


GOOD = answer(CLEAN, CLEAN)


def test_no_hole_is_no_fault() -> None:
    code, lines = audit.verdict(GOOD, GOOD, frozenset())
    assert code == 0
    assert not any("!!!" in line for line in lines)


def test_a_hole_with_a_fix_fails() -> None:
    code, lines = audit.verdict(answer(CLEAN, holed("1.1")), GOOD, frozenset())
    assert code == 1
    assert any("some 1.0: PYSEC-2026-1, CVE-2026-11111 (mended in 1.1)" in line for line in lines)


def test_a_hole_without_a_fix_is_told_and_does_not_fail() -> None:
    code, lines = audit.verdict(answer(CLEAN, holed()), GOOD, frozenset())
    assert code == 0
    assert any("no fix yet" in line for line in lines)


@pytest.mark.parametrize("told", ["", "no JSON", "[]", "{}", '{"dependencies": []}', "null"])
def test_what_is_no_answer_is_none(told: str) -> None:
    assert not audit.read_answer(told).is_one


def test_no_answer_is_told_loudly_and_does_not_fail() -> None:
    nothing = answer(SKIPPED, SKIPPED, CLEAN)
    code, lines = audit.verdict(nothing, nothing, frozenset())
    assert code == 0
    assert sum(line.startswith("!!! NOT AUDITED") for line in lines) == 2
    assert not any("packages audited" in line for line in lines)


def test_the_engines_holes_never_fail_and_those_that_are_not_listed_are_named() -> None:
    code, lines = audit.verdict(GOOD, answer(CLEAN, holed("1.1")), frozenset())
    assert code == 0
    assert any("not yet in docs/security/engine.md" in line for line in lines)
    _, lines = audit.verdict(GOOD, answer(CLEAN, holed("1.1")), frozenset({"CVE-2026-11111"}))
    assert not any("not yet" in line for line in lines)


def test_the_list_of_the_engines_holes_is_read() -> None:
    assert "CVE-2024-3660" in audit.listed()

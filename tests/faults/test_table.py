"""docs/faults.md names tests; each of them exists, and each test of this folder is named there."""

from __future__ import annotations

import re

from tests.e2e.gateway_process import ROOT

_NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def names_in(path: str) -> set[str]:
    return set(re.findall(r"^(?:async )?def (test_\w+)\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE))


def test_each_test_that_the_table_names_exists_and_the_table_names_each_of_this_folder() -> None:
    told = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    named = set(_NAMED.findall(told))
    assert named
    assert [f"{path}::{name}" for path, name in sorted(named) if name not in names_in(path)] == []
    for path in ("processes", "database", "migration", "telegram_down", "clock", "model", "redis"):
        file = f"tests/faults/test_{path}.py"
        assert names_in(file) - {name for where, name in named if where == file} == set()


def test_every_row_has_all_its_columns() -> None:
    rows = [line for line in (ROOT / "docs" / "faults.md").read_text(encoding="utf-8").splitlines() if "|" in line]
    assert [line for line in rows if line.count("|") != 6] == []

"""What a rule says at the desk: made from its condition, whole, and without its authors' notes."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

import pytest
import yaml

from bot.desk.rule_words import Reason, in_words
from bot.desk.sorting import Sorter
from bot.knowledge import Shelf
from bot.settings import CONTENT
from tests.unit import loaded

BANDS = loaded.bands()
SOURCES = Shelf(CONTENT, reload=False, must_be_reviewed=False, clock=time.monotonic).library.sources


def name(finding: str) -> str:
    return f"the {finding}"


@pytest.fixture(scope="module")
def told() -> Mapping[str, Reason]:
    return Sorter.load(CONTENT).reasons(SOURCES, name, str)


@pytest.mark.parametrize("rule", BANDS.rules.by_id.values(), ids=lambda rule: rule.id)
def test_every_rule_names_all_its_findings_and_none_of_its_notes(told: Mapping[str, Reason], rule) -> None:  # type: ignore[no-untyped-def]
    said = "; ".join(told[rule.id].lines).lower()
    for finding in BANDS.rules.conditions[rule.id].names:
        assert f"the {finding}" in said
    for number in re.findall(r"[<>]=? (\d+)", rule.condition):
        assert f" {number}" in said
    assert rule.why.lower() not in said
    assert " and " not in said.replace(" together with ", "")
    for key in rule.sources:
        assert SOURCES[key].cited() in told[rule.id].source
    assert ("no clinician has checked it" in told[rule.id].source) is bool(set(rule.provenance) - {"sourced"})


def test_the_bands_own_rules_are_there_in_their_own_words(told: Mapping[str, Reason]) -> None:
    own = yaml.safe_load((CONTENT / "referral" / "bands.yml").read_text(encoding="utf-8"))["rules"]
    assert set(told) == {*BANDS.rules.by_id, *(rule["id"] for rule in own)}
    for rule in own:
        assert told[rule["id"]].lines == (rule["why"],)


@pytest.mark.parametrize(
    ("condition", "lines"),
    [
        ("a", ("The a",)),
        ("not a", ("The a: no, or not known",)),
        ("a is no", ("The a: no",)),
        ("a is not no", ("The a: not ruled out",)),
        ("a is unknown", ("The a: not known",)),
        ("a is some_value", ("The a: some_value",)),
        ("n < 3 and n <= 4 and n > 5 and n >= 6", ("The n: under 3", "The n: 4 at most", "The n: over 5", "The n: 6 at least")),
        ("not n > 5", ("The n: 5 at most, or not known",)),
        ("not n < limit", ("The n: 7 at least, or not known",)),
        ("a in {x, y, z}", ("The a: x, y or z",)),
        ("unknown in {a, b}", ("One of: the a: not known; the b: not known",)),
        ("a or b", ("One of: the a; the b",)),
        ("a and (b or c)", ("The a", "One of: the b; the c")),
        ("a or (b and (c or d))", ("One of: the a; the b together with (one of: the c; the d)",)),
        ("a and (switch is off or b)", ("The a", "The b")),
        ("a and (switch is on or b)", ("The a",)),
        ("switch is on", ("Always.",)),
    ],
)  # fmt: skip
def test_each_form_of_a_condition(condition: str, lines: tuple[str, ...]) -> None:
    assert in_words(condition, name, str, {"switch": "on", "limit": "7"}) == lines

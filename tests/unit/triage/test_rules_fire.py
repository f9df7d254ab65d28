"""Every triage rule is told where the evidence pack says so, and not just beside it (`rule_cases.yml`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.triage.assess import UNKNOWN, assess, read_findings
from bot.triage.condition import HOLDS, Value, parse
from bot.triage.rules import load_rules

RULES = load_rules(Path(__file__).parents[3] / "content" / "triage")
KINDS = ("fires", "not", "unknown", "switched")


@dataclass(frozen=True, eq=False)
class Case:
    """Findings, and whether the rule must be told in them; `policy` are switches that stand otherwise."""

    name: str
    rule: str
    given: Mapping[str, Value]
    holds: bool
    policy: Mapping[str, Value]


def read_cases() -> tuple[Case, ...]:
    """The cases of `rule_cases.yml`; one about an unknown finding becomes two: never asked, and asked in vain."""
    table = yaml.load((Path(__file__).parent / "rule_cases.yml").read_text(), yaml.CSafeLoader)["rules"]
    return tuple(
        case
        for rule, kinds in table.items()
        for kind in kinds
        for number, row in enumerate(kinds[kind], 1)
        for case in _cases(f"{rule}-{kind}-{number}", rule, kind, row)
    )


def _cases(name: str, rule: str, kind: str, row: Mapping[str, Any]) -> list[Case]:
    if kind in ("fires", "not"):
        return [Case(name, rule, read_findings(row, RULES.findings), kind == "fires", {})]
    assert kind in KINDS, f"{name}: a case is one of {', '.join(KINDS)}"
    given, holds = read_findings(row["given"], RULES.findings), row["holds"]
    assert isinstance(holds, bool), f"{name}: `holds` is yes or no"
    if kind == "switched":
        policy = {switch: float(to) if isinstance(to, int) else to for switch, to in row["policy"].items()}
        return [Case(name, rule, given, holds, policy)]
    unasked = {finding: value for finding, value in given.items() if finding not in row["unknown"]}
    in_vain = read_findings(dict.fromkeys(row["unknown"], UNKNOWN), RULES.findings)
    return [
        Case(f"{name}-never-asked", rule, unasked, holds, {}),
        Case(f"{name}-asked-in-vain", rule, {**unasked, **in_vain}, holds, {}),
    ]


CASES = read_cases()


def constants(policy: Mapping[str, Value] = {}) -> Mapping[str, Value]:
    """The policy switches as conditions see them, some of them otherwise."""
    stand = {
        name: float(switch.value) if isinstance(switch.value, int) else switch.value
        for name, switch in RULES.policy.items()
        if switch.used_in == "rules"
    }
    return {**stand, **policy}


@pytest.mark.parametrize("case", [case for case in CASES if not case.policy], ids=lambda case: case.name)
def test_a_rule_is_told_exactly_where_it_should_be(case: Case) -> None:
    told = assess(case.given, RULES).rules
    assert (case.rule in told) is case.holds, f"told: {', '.join(told) or 'nothing'}"


@pytest.mark.parametrize("case", [case for case in CASES if case.policy], ids=lambda case: case.name)
def test_a_policy_switch_changes_the_rules_that_name_it(case: Case) -> None:
    condition = parse(RULES.by_id[case.rule].condition, RULES.findings, constants(case.policy))
    assert (condition.on(assess(case.given, RULES).findings) == HOLDS) is case.holds


def test_every_rule_has_cases_of_each_kind() -> None:
    assert len(RULES.by_id) == 88
    kinds = {rule: {case.name.split("-")[1] for case in CASES if case.rule == rule} for rule in RULES.by_id}
    assert {case.rule for case in CASES} == set(RULES.by_id)
    assert [rule for rule, has in kinds.items() if not {"fires", "not", "unknown"} <= has] == []


def test_every_finding_of_a_rule_is_in_its_cases() -> None:
    missing = {}
    for rule, condition in RULES.conditions.items():
        seen = {name for case in CASES if case.rule == rule for name in assess(case.given, RULES).findings}
        if not set(condition.names) <= seen:
            missing[rule] = set(condition.names) - seen
    assert not missing


def test_only_what_the_pack_silences_is_silent_beside_something_more_urgent() -> None:
    # "No higher rule", "no E-rule" and the like in the pack, and what stands for a reassuring "no" there (D24, U08).
    may_be = {"D09", "D15", "D16", "D20", "D24", "D25", "D29", "D31", "R01", "S01", "U08", "U09", "U12", "U13"}
    assert {rule.id for rule in RULES.by_id.values() if rule.only_without_higher} <= may_be

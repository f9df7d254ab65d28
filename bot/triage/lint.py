"""What a reader of the rules wants to be told: what can never hold, says the same as another, or contradicts one.

Each condition is tried on the values that its own terms can tell apart, all together where they are few enough.
"""

import itertools
import random
import re
from collections.abc import Iterator, Mapping

from bot.content_file import Problem
from bot.triage.condition import HOLDS, Condition, Value
from bot.triage.rules import Rules

_MOST_TRIED = 4096
_LIMIT = re.compile(r"(\w+)\s*(?:<=|>=|<|>)\s*(\w+(?:\.\d+)?)")


def check_rules(rules: Rules) -> list[Problem]:
    """Return what is wrong with the rules, each problem with its remedy; empty when nothing is."""
    problems = [
        _problem(f"{rule_id} can never hold: no answers make its condition true. Mend it or take it out.")
        for rule_id, condition in rules.conditions.items()
        if not any(condition.on(known) == HOLDS for known in _tries([condition], rules))
    ]
    same: dict[frozenset[str], list[str]] = {}
    for rule_id, condition in rules.conditions.items():
        same.setdefault(frozenset(condition.names), []).append(rule_id)
    for group in same.values():
        for first, second in itertools.combinations(group, 2):
            problems += _compare(first, second, rules)
    return problems


def _compare(first: str, second: str, rules: Rules) -> list[Problem]:
    one, other = rules.conditions[first], rules.conditions[second]
    if any((one.on(known) == HOLDS) != (other.on(known) == HOLDS) for known in _tries([one, other], rules)):
        return []
    if rules.by_id[first].disposition is rules.by_id[second].disposition:
        return [_problem(f"{second} holds exactly when {first} does, and is as urgent. Keep one of them.")]
    return [_problem(f"{first} and {second} hold for the same answers and disagree on the urgency. Decide on one.")]


def _tries(conditions: list[Condition], rules: Rules) -> Iterator[Mapping[str, Value]]:
    """Yield findings: all combinations of the values that matter, or a fixed sample of them where they are too many."""
    names = list(dict.fromkeys(name for condition in conditions for name in condition.names))
    values = [_values(name, conditions, rules) for name in names]
    count = 1
    for each in values:
        count *= len(each)
    if count <= _MOST_TRIED:
        chosen: Iterator[tuple[Value | None, ...]] = itertools.product(*values)
    else:
        draw = random.Random(0)  # noqa: S311 - a sample, not a secret
        chosen = (tuple(draw.choice(each) for each in values) for _ in range(_MOST_TRIED))
    for combination in chosen:
        yield {name: value for name, value in zip(names, combination, strict=True) if value is not None}


def _values(name: str, conditions: list[Condition], rules: Rules) -> list[Value | None]:
    finding = rules.findings[name]
    if finding.kind == "yes_no":
        return ["yes", "no", None]
    if finding.kind == "choice":
        return [*finding.values, None]
    limits = {limit for condition in conditions for found, limit in _LIMIT.findall(condition.text) if found == name}
    numbers = {float(rules.policy[each].value) if each in rules.policy else float(each) for each in limits}
    return [*sorted({number + step for number in numbers for step in (-1, 0, 1)}), None]


def _problem(message: str) -> Problem:
    return Problem("content/triage/rules.yml", 1, message)

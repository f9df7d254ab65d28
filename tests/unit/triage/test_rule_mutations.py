"""The cases of `rule_cases.yml` notice nearly every small slip that could be made in a rule's condition."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

import pytest

from bot.triage.assess import assess
from bot.triage.condition import HOLDS, Condition, NotACondition, Value, parse
from bot.triage.rules import Rule
from tests.unit.triage.test_rules_fire import CASES, RULES, Case, constants

type Node = str | tuple[str, ...] | tuple[str, tuple["Node", ...]]
"""A term as it stands, or `and`, `or`, `not` with what it is about."""

NEEDED = 0.95
SIGNS = ("<", "<=", ">", ">=")


def read(text: str) -> Node:
    """The condition as a tree. Reads right texts only, and apart from the program's own reader."""
    words = re.findall(r"\{[^}]*\}|[()]|[^\s()]+", text)
    node, left = _sentence(words)
    assert not left, f"can't read the condition {text!r}"
    return node


def _sentence(words: list[str]) -> tuple[Node, list[str]]:
    term, words = _term(words)
    terms, joint = [term], words[0] if words else ""
    while words and words[0] in ("and", "or"):
        term, words = _term(words[1:])
        terms.append(term)
    return (terms[0], words) if len(terms) == 1 else ((joint, tuple(terms)), words)


def _term(words: list[str]) -> tuple[Node, list[str]]:
    if words[0] == "not":
        inner, words = _term(words[1:])
        return ("not", (inner,)), words
    if words[0] == "(":
        inner, words = _sentence(words[1:])
        return inner, words[1:]
    end = next((at for at, word in enumerate(words) if word in ("and", "or", ")")), len(words))
    return " ".join(words[:end]), words[end:]


def written(node: Node, inside: bool = False) -> str:
    """The tree as text."""
    if isinstance(node, str):
        return node
    joint, parts = node
    if joint == "not":
        return f"not {written(parts[0], True)}"
    text = f" {joint} ".join(written(part, True) for part in parts)
    return f"({text})" if inside else text


def slips(node: Node) -> Iterator[Node]:
    """The tree with one slip in it, each in turn."""
    if isinstance(node, str):
        yield ("not", (node,))
        yield from _slips_of_term(node)
        return
    joint, parts = node
    if joint == "not":
        yield parts[0]
        if isinstance(parts[0], str) and parts[0] in RULES.findings:
            yield f"{parts[0]} is no"
    else:
        yield ("not", (node,))
        yield ("or" if joint == "and" else "and", parts)
        for at in range(len(parts)):
            rest = (*parts[:at], *parts[at + 1 :])
            yield rest[0] if len(rest) == 1 else (joint, rest)
    for at, part in enumerate(parts):
        for other in slips(part):
            yield (joint, (*parts[:at], other, *parts[at + 1 :]))


def _slips_of_term(term: str) -> Iterator[str]:
    name, _, rest = term.partition(" ")
    if not rest:
        yield from (f"{name} is no", f"{name} is not no", f"{name} is unknown", f"{name} is not unknown")
    elif "{" in rest:
        values = re.findall(r"\w+", rest[rest.index("{") :])
        for dropped in values if len(values) > 1 else ():
            yield f"{term[: term.index('{')]}{{{', '.join(value for value in values if value != dropped)}}}"
    elif match := re.fullmatch(r"(<=|>=|<|>) (\S+)", rest):
        sign, limit = match.groups()
        yield from (f"{name} {other} {limit}" for other in SIGNS if other != sign)
        number = float(constants().get(limit, limit))
        yield from (f"{name} {sign} {shifted:g}" for shifted in (number - 1, number, number + 1))
    else:
        value = rest.split()[-1]
        for other in _values(name):
            yield from (f"{name} is {other}", f"{name} is not {other}") if other != value else ()
        yield f"{name} is {value}" if " not " in f" {rest}" else f"{name} is not {value}"


def _values(name: str) -> Iterable[str]:
    if name in RULES.policy:
        return [str(option) for option in RULES.policy[name].options]
    finding = RULES.findings[name]
    return [*(finding.values or ("yes", "no")), "unknown"]


def mutants(rule: Rule) -> dict[str, bool]:
    """The conditions with a slip, and whether each is told only without something higher."""
    tree = read(rule.condition)
    texts = sorted({written(other) for other in slips(tree)} - {written(tree)})
    found = dict.fromkeys(texts, rule.only_without_higher)
    # One more slip: the condition as it stands, but told beside something higher.
    return {**found, rule.condition: False} if rule.only_without_higher else found


@cache
def seen(case: Case) -> tuple[Mapping[str, Value], int]:
    """The findings with what follows from them, and the highest rank of the other rules."""
    found = assess(case.given, RULES)
    ranks = [each.rule.disposition.rank for each in found.fired if each.rule.id != case.rule]
    return found.findings, max(ranks, default=0)


def noticed(rule: Rule, text: str, only_without_higher: bool, cases: Iterable[Case]) -> bool:
    """Whether a case of the rule goes otherwise with this condition."""
    conditions: dict[tuple[tuple[str, Value], ...], Condition] = {}
    for case in cases:
        policy = tuple(case.policy.items())
        if policy not in conditions:
            conditions[policy] = parse(text, RULES.findings, constants(case.policy))
        known, higher = seen(case)
        silent = only_without_higher and higher > rule.disposition.rank
        if (conditions[policy].on(known) == HOLDS and not silent) is not case.holds:
            return True
    return False


def by_rule() -> dict[str, list[Case]]:
    return {rule: [case for case in CASES if case.rule == rule] for rule in RULES.by_id}


@pytest.mark.parametrize("rule", RULES.by_id.values(), ids=lambda rule: rule.id)
def test_a_condition_is_read_and_written_without_a_change(rule: Rule) -> None:
    for case in by_rule()[rule.id]:
        known, _ = seen(case)
        again = parse(written(read(rule.condition)), RULES.findings, constants())
        assert again.on(known) == RULES.conditions[rule.id].on(known)


def test_a_slip_in_a_rule_is_noticed_by_its_cases() -> None:
    tried, survivors = 0, []
    for rule in RULES.by_id.values():
        # A case that already goes otherwise would notice everything.
        right = [
            case for case in by_rule()[rule.id] if not noticed(rule, rule.condition, rule.only_without_higher, [case])
        ]
        for text, only_without_higher in mutants(rule).items():
            try:
                found = noticed(rule, text, only_without_higher, right)
            except NotACondition:
                continue
            tried += 1
            if not found:
                survivors.append(f"{rule.id}: {'without only_without_higher' if text == rule.condition else text}")
    score = 1 - len(survivors) / tried
    result = "\n  ".join((f"{tried} slips tried, {score:.1%} noticed; not noticed:", *survivors))
    print(result)
    assert tried > 1500, "hardly any slips were made"
    assert score >= NEEDED, result

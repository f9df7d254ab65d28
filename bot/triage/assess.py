"""How urgently somebody must be seen: findings in, disposition and reasons out, by the rules of `content/triage/`.

The worst wins. Being outside what this product is for never lowers urgency. What is unknown is never a "no".
Source: evidence pack, sections 1.1 to 1.5.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass

from bot.triage.condition import FAILS, HOLDS, Value
from bot.triage.rules import Disposition, Finding, Route, Rule, Rules

UNKNOWN = "unknown"
"""Said of a finding that was asked about in vain. A finding never asked about is simply absent."""

_HOURS_A_WEEK = 168
_BRAIN = ("ascending_weakness_or_tingling", "new_swallow_trouble")
_EYE_SYMPTOMS = (
    "eye_pain", "eye_red", "light_sensitive_one_eye", "vision_blurred_persistent", "vision_blurred_clears",
    "foreign_body_feeling", "gritty_dry", "eye_discharge_pus", "white_spot_on_cornea",
)  # fmt: skip
# Sums up the others: it makes a group "yes", but a group may be "no" without it.
_SUMS_UP = frozenset({"new_or_worse_neuro_finding"})
# The key questions (evidence pack, section 1.5, point 5): what can't be told there raises the result by one step.
_KEY_QUESTIONS = (
    "arm_or_leg_weak", "one_side_numb", "speech_slurred_or_words_wrong", "confused_or_drowsy", "collapse_or_seizure",
    "thunderclap_headache", "sudden_vision_loss", "double_vision", "unsteady_or_cannot_walk", "breathless",
    "tongue_or_throat_swelling", "new_swallow_trouble", "onset_hours", "onset_speed", "forehead_moves_normally",
    "cannot_close_eye", "eye_pain", "eye_red", "light_sensitive_one_eye", "vision_blurred_persistent",
)  # fmt: skip
_ROUTES: tuple[Route, ...] = (
    "AMBULANCE", "ED_NOW", "ED", "CRISIS_TEAM", "MATERNITY", "EYE_CASUALTY", "ENT_ON_CALL", "SURGICAL_TEAM",
    "PAEDIATRICS", "GP_OR_111", "DIABETES_TEAM", "DENTIST", "INJECTING_CLINIC", "PHARMACIST", "PERSON",
    "SUSPECTED_CANCER", "FACIAL_PALSY_SPECIALIST", "NEUROLOGY", "ENT", "OPHTHALMOLOGY", "OPTOMETRIST", "SLT", "GP",
    "TALKING_THERAPY", "FACIAL_THERAPIST",
)  # fmt: skip
"""Among rules of one rank, the route that is told first (evidence pack, section 1.5, point 3)."""


class WrongFinding(ValueError):
    """A finding's name or value is not in the dictionary; the message names it."""


@dataclass(frozen=True, slots=True)
class Fired:
    """One rule that holds, with the findings that made it so."""

    rule: Rule
    evidence: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Assessment:
    """What follows from the findings.

    `fired` are all rules that hold, most urgent first. `raised` says in a word why the disposition is above that of
    the rules, when it is. `open_rules` are the rules that an open question could still make hold.
    """

    disposition: Disposition
    out_of_scope: bool
    fired: tuple[Fired, ...]
    routes: tuple[Route, ...]
    raised: tuple[str, ...]
    open_rules: tuple[Rule, ...]
    findings: Mapping[str, Value]
    ruleset: str

    @property
    def rules(self) -> tuple[str, ...]:
        """The ids of the rules that hold."""
        return tuple(each.rule.id for each in self.fired)


def read_findings(given: object, findings: Mapping[str, Finding]) -> dict[str, Value]:
    """Findings as they came (from JSON, from a form), checked; numbers may come as text.

    Raises:
        WrongFinding: a name is not in the dictionary, or a value does not fit its finding.
    """
    if not isinstance(given, Mapping):
        raise WrongFinding("the findings are not an object of names and values")
    checked: dict[str, Value] = {}
    for name, value in given.items():
        finding = findings.get(name)
        if finding is None:
            raise WrongFinding(f"there is no finding '{name}'; see content/triage/findings.yml")
        text = {True: "yes", False: "no", None: UNKNOWN}.get(value) if isinstance(value, bool | None) else str(value)
        if text is None or not finding.allows(text):
            allowed = ", ".join(finding.values) if finding.values else finding.kind.replace("yes_no", "yes, no")
            raise WrongFinding(f"'{name}' can't be '{value}'; it may be {allowed} or unknown")
        checked[name] = float(text) if finding.kind == "number" and text != UNKNOWN else text
    return checked


def assess(given: Mapping[str, Value], rules: Rules, open_: Set[str] = frozenset()) -> Assessment:
    """The disposition and its reasons.

    Args:
        given: the findings, checked; `unknown` for what was asked about in vain.
        rules: the rule set.
        open_: findings that may still be asked. A rule that depends on one does not hold yet, and is reported as open.
    """
    known = _derived({name: value for name, value in given.items() if value != UNKNOWN}, rules.findings)
    opened = frozenset(name for name in _with_derived(open_, rules.findings) if name not in known)
    fired: list[Fired] = []
    may_fire: list[Rule] = []
    for rule_id, condition in rules.conditions.items():
        result = condition.on(known, opened)
        if result == HOLDS:
            evidence = {name: known.get(name, UNKNOWN) for name in condition.names if name in known or name in given}
            fired.append(Fired(rules.by_id[rule_id], evidence))
        elif result != FAILS:
            may_fire.append(rules.by_id[rule_id])
    rank = max((each.rule.disposition.rank for each in fired), default=0)
    fired = [each for each in fired if not each.rule.only_without_higher or each.rule.disposition.rank >= rank]
    fired.sort(key=lambda each: (-each.rule.disposition.rank, _first_route(each.rule), each.rule.id))
    disposition, raised = _raised(max(rank, 1), fired, given, known, rules)
    told = [each.rule for each in fired if each.rule.disposition.rank == rank]
    routes = _routes(told, disposition, raised)
    return Assessment(
        disposition=disposition,
        out_of_scope=any(each.rule.out_of_scope for each in fired),
        fired=tuple(fired),
        routes=routes,
        raised=raised,
        open_rules=tuple(may_fire),
        findings=known,
        ruleset=rules.name,
    )


def would_change(given: Mapping[str, Value], rules: Rules) -> tuple[tuple[str, Disposition], ...]:
    """Which single worse answer would make it more urgent, and how urgent: what to watch for. Most urgent first."""
    now = assess(given, rules).disposition.rank
    changes: list[tuple[str, Disposition]] = []
    for name in dict.fromkeys(name for condition in rules.conditions.values() for name in condition.names):
        finding = rules.findings[name]
        if finding.kind != "yes_no" or finding.worse == "neither" or finding.group == "derived":
            continue
        if given.get(name) == finding.worse:
            continue
        then = assess({**given, name: finding.worse}, rules).disposition
        if then.rank > now:
            changes.append((name, then))
    return tuple(sorted(changes, key=lambda change: -change[1].rank))


def _raised(
    rank: int, fired: list[Fired], given: Mapping[str, Value], known: Mapping[str, Value], rules: Rules
) -> tuple[Disposition, tuple[str, ...]]:
    """The disposition after what may only raise it (evidence pack, sections 1.4 and 1.5)."""
    reasons: list[str] = []
    same_day = Disposition.SAME_DAY.rank
    in_vain = frozenset(name for name in _KEY_QUESTIONS if given.get(name) == UNKNOWN and name not in known)
    # What an answer could still have made hold: an unanswered question counts when its answer could have counted.
    could_be = max((rules.by_id[each].disposition.rank for each in _open_rules(known, in_vain, rules)), default=0)
    eye = max((each.rule.disposition.rank for each in fired if each.rule.eye), default=same_day)
    if eye + 1 > rank and eye < same_day and "yes" in (known.get("only_seeing_eye"), known.get("cornea_numb")):
        rank = eye + 1
        reasons.append("only_seeing_eye_or_numb_cornea")
    unsure = rules.policy["step_up_when_unsure"].value == "key_questions"
    if unsure and could_be > rank and rank < same_day:
        rank += 1
        reasons.append("key_question_unanswered")
    older = float(known.get("age", 0)) >= 60 or known.get("vascular_risk") == "yes"
    first_day = known.get("droop_new") == "yes" and float(known.get("onset_hours", _HOURS_A_WEEK)) <= 24
    # "Yes" counts as well as "not sure": a worse answer must never make it less urgent.
    brain = _members(rules.findings)["any_brain_finding"]
    doubt = could_be > rank or any(known.get(name, given.get(name)) in (UNKNOWN, "yes") for name in brain)
    if older and first_day and doubt and rank == same_day:
        rank += 1
        reasons.append("stroke_risk_and_unsure")
    by_rank = {each.rank: each for each in Disposition}
    return by_rank[rank], tuple(reasons)


def _routes(told: list[Rule], disposition: Disposition, raised: tuple[str, ...]) -> tuple[Route, ...]:
    """Where to: of one rule as it says, of several in the order of preference; first what fits a raised disposition."""
    routes = list(dict.fromkeys(route for rule in told for route in rule.route))
    if len(told) > 1:
        routes.sort(key=_ROUTES.index)
    if raised:
        eye = raised[-1] == "only_seeing_eye_or_numb_cornea"
        first: dict[Disposition, Route] = {
            Disposition.EMERGENCY: "AMBULANCE",
            Disposition.SAME_DAY: "EYE_CASUALTY" if eye else "GP_OR_111",
        }
        routes.insert(0, first.get(disposition, "GP"))
    return tuple(dict.fromkeys(routes))


def _open_rules(known: Mapping[str, Value], open_: Set[str], rules: Rules) -> tuple[str, ...]:
    """The rules that an answer to one of the open findings could still make hold."""
    opened = frozenset(name for name in _with_derived(open_, rules.findings) if name not in known)
    return tuple(
        each for each, condition in rules.conditions.items() if condition.on(known, opened) not in (HOLDS, FAILS)
    )


def _derived(known: dict[str, Value], findings: Mapping[str, Finding]) -> Mapping[str, Value]:
    """The findings with what follows from them: hours and weeks, a weakness that is new or worse is a weakness."""
    if "weeks_since_onset" not in known and "onset_hours" in known:
        known["weeks_since_onset"] = float(known["onset_hours"]) / _HOURS_A_WEEK
    if "onset_hours" not in known and "weeks_since_onset" in known:
        known["onset_hours"] = float(known["weeks_since_onset"]) * _HOURS_A_WEEK
    if "droop" not in known and "yes" in (known.get("droop_new"), known.get("droop_worse")):
        known["droop"] = "yes"
    for name, members in _members(findings).items():
        if known.get(name) == "no":
            del known[name]  # said without its members; only all of them together say so
        if any(known.get(member) == "yes" for member in members):
            known[name] = "yes"
        elif all(known.get(member) == "no" for member in members if member not in _SUMS_UP):
            known[name] = "no"
    return known


def _with_derived(open_: Set[str], findings: Mapping[str, Finding]) -> Set[str]:
    """The open findings with those that follow from one of them."""
    more = {name for name, members in _members(findings).items() if open_ & set(members)}
    if open_ & {"onset_hours", "weeks_since_onset"}:
        more |= {"onset_hours", "weeks_since_onset"}
    if open_ & {"droop_new", "droop_worse"}:
        more.add("droop")
    return open_ | more


def _members(findings: Mapping[str, Finding]) -> Mapping[str, tuple[str, ...]]:
    brain = (name for name, finding in findings.items() if finding.group == "brain" and finding.kind == "yes_no")
    return {"any_brain_finding": (*brain, *_BRAIN), "any_eye_symptom": _EYE_SYMPTOMS}


def _first_route(rule: Rule) -> int:
    return min((_ROUTES.index(route) for route in rule.route), default=len(_ROUTES))

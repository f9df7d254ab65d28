"""Which band a referral belongs to, why, what is missing, and its place within the band.

The triage rules speak first: what they call an emergency or a matter of today is P0. The bands of
`content/referral/bands.yml` follow, the first that holds. Source: evidence pack, sections 2.3 and 2.4.

What is unknown, and what was chosen about it:

- A finding that nobody stated is absent. It is never "no", and it never makes a condition hold that asks for a "yes" or
  a "no". Absent stroke signs alone don't raise a referral that names a cause: a clinician looked.
- A finding that the letter leaves unsure ("?slurred speech") goes to the triage rules as asked in vain, which may raise
  the result by a step. Where it would be an emergency or today if it were so, the band is P1 at least, with the demand
  to settle it first.
- A new weakness, or one whose beginning nobody wrote, with no cause named and nothing about the forehead, is P1 at
  least. When not even a clinician has seen it, the triage rules make it P0.
- Eye symptoms that an eye service has examined and treats, none of them told as fresh, have had the same-day eye route
  (section 2.3): they are P1. An ulcer, pus, or anything fresh stays P0.
- Thoughts of suicide that a crisis or mental health team already looks after, none of them told as fresh and no plan or
  act among them, are P1 (section 2.3, "already routed"). A referral to such a team is not yet its care.
- An eye that nobody wrote about is "unknown". In a severe palsy younger than 13 weeks that is P1. Otherwise it sorts
  above "safe" and is named as missing.

The triage rules judge the day the referral was received: its days in the queue never make it less urgent. The time
windows of the bands are reckoned on the day asked about.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import Field

from bot.content_file import Problem, Strict, read
from bot.referral.record import EYE_SYMPTOMS, UNSURE, Referral
from bot.triage.assess import UNKNOWN, Assessment, assess
from bot.triage.condition import HOLDS, Condition, NotACondition, Value, parse
from bot.triage.rules import Disposition, Finding, Provenance, Rules, load_rules

type Name = Literal["P0", "REDIRECT", "P1", "P2", "P3", "P4"]
type Eye = Literal["safe", "at risk", "unknown"]

ORDER: tuple[Name, ...] = ("P0", "REDIRECT", "P1", "P2", "P3", "P4")
"""The bands in the order of the queue."""

EYE_FINDINGS = (
    "cannot_close_eye", "eye_white_or_iris_shows_on_closing", "eye_pain", "eye_red", "light_sensitive_one_eye",
    "vision_blurred_persistent", "vision_blurred_clears", "foreign_body_feeling", "gritty_dry", "eye_discharge_pus",
    "white_spot_on_cornea", "corneal_signs", "cornea_numb", "has_eye_protection_plan", "under_eye_team",
)  # fmt: skip
_EYE_AT_RISK = tuple(name for name in EYE_FINDINGS if name not in {"has_eye_protection_plan", "under_eye_team"})
_KNOWN_CAUSE = {"parotid": "tumour", "otitis": "other", "gbs": "other"}
"""Causes of a referral that the triage rules know by another name."""

_SINCE_BIRTH = 24.0 * 31
"""Hours that a weakness from birth is taken to be old at least, where neither a day nor an age is known."""

_GATES = frozenset({"U01", "U02", "U05", "U06", "U07", "U15"})
"""Urgent rules that send to another specialty first; a red flag is open while one holds."""


class BandOf(Strict):
    """What a band is called, within how many days the first contact is due, and what to do next."""

    name: str
    target_days: Annotated[int, Field(ge=0)]
    action: Annotated[str, Field(min_length=10)]


class BandRule(Strict):
    """One rule of a band: when it holds, why, and what to do when that differs from the band's own action."""

    id: Annotated[str, Field(pattern=r"^(P[0-4]|REDIRECT)-[a-z-]+$")]
    band: Name
    condition: Annotated[str, Field(min_length=3)]
    why: Annotated[str, Field(min_length=10)]
    action: str | None = None
    sources: tuple[str, ...]
    provenance: Annotated[tuple[Provenance, ...], Field(min_length=1)]


class _Otherwise(Strict):
    id: Annotated[str, Field(pattern=r"^(P[0-4]|REDIRECT)-[a-z-]+$")]
    band: Name
    why: str


class Weights(Strict):
    """How much each part of the score counts; together 1."""

    time_window: float
    eye: float
    severity: float
    impact: float
    mental_health: float
    waiting: float


class _Score(Strict):
    weights: Weights
    unknown: Annotated[float, Field(ge=0, le=1)]
    provenance: tuple[Provenance, ...]


class _BandsFile(Strict):
    version: Annotated[str, Field(pattern=r"^\d{4}\.\d+$")]
    reviewed_by: str | None
    review_due: date | None
    findings: dict[str, Finding]
    bands: dict[Name, BandOf]
    rules: Annotated[tuple[BandRule, ...], Field(min_length=1)]
    otherwise: _Otherwise
    score: _Score


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule that holds: its id, why it is there, and the findings that made it so with the letter's words."""

    rule: str
    why: str
    findings: Mapping[str, str]
    quotes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """The place inside a band, 0 to 1, higher first; with its parts, each 0 to 1, before they are weighed."""

    value: float
    parts: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Banding:
    """What is proposed for a referral, and why.

    Attributes:
        band: the band.
        rules: the ids of the triage rules that hold, most urgent first, and last the band's rule.
        reasons: the same with why, and the words of the letter.
        red_flags: those of the reasons that are an open red flag: today's rules, and gates to another specialty.
        unsure: findings that the letter leaves unsure.
        missing: what a person should ask for, in words: "eye status", "onset", "side", "cause", "grade".
        eye: safe only when closure is stated as complete and no eye symptom is stated or unsure.
        action: what to do next.
        due: the day by which the first contact is due.
        score: the place inside the band.
        assessment: what the triage rules say, in full.
    """

    band: Name
    rules: tuple[str, ...]
    reasons: tuple[Reason, ...]
    red_flags: tuple[Reason, ...]
    unsure: tuple[str, ...]
    missing: tuple[str, ...]
    eye: Eye
    action: str
    due: date
    score: Score
    assessment: Assessment


@dataclass(frozen=True, slots=True, repr=False)
class Bands:
    """The bands of `content/referral/bands.yml` with the triage rules before them."""

    rules: Rules
    findings: Mapping[str, Finding]
    bands: Mapping[Name, BandOf]
    version: str
    _by_id: Mapping[str, BandRule]
    _conditions: Mapping[str, Condition]
    _otherwise: _Otherwise
    _score: _Score

    @classmethod
    def load(cls, content: Path) -> Self:
        """The bands of a content folder.

        Raises:
            ContentError: a file is malformed, an id stands twice, a band is missing, or a condition can't be read.
        """
        rules = load_rules(content / "triage")
        file, lines = read(content / "referral" / "bands.yml", _BandsFile)
        for name in file.findings:
            if name in rules.findings:
                problem = f"the finding '{name}' is declared in content/triage/findings.yml already. Take it out here."
                raise lines.error(problem, "findings", name)
        if missing := [name for name in ORDER if name not in file.bands]:
            raise lines.error(f"the band {missing[0]} is missing. Add it.", "bands")
        if abs(sum(file.score.weights.model_dump().values()) - 1) > 1e-6:
            raise lines.error("the weights don't add up to 1. Correct them.", "score", "weights")
        findings = {**rules.findings, **file.findings}
        by_id: dict[str, BandRule] = {}
        conditions: dict[str, Condition] = {}
        for index, rule in enumerate(file.rules):
            if rule.id in by_id:
                raise lines.error(f"the rule id {rule.id} is used twice. Give one another id.", "rules", index)
            if not rule.id.startswith(f"{rule.band}-"):
                raise lines.error(f"the rule {rule.id} is for the band {rule.band}. Name it so.", "rules", index, "id")
            by_id[rule.id] = rule
            try:
                conditions[rule.id] = parse(rule.condition, findings)
            except NotACondition as problem:
                raise lines.error(f"the condition of {rule.id}: {problem}", "rules", index, "condition") from None
        return cls(
            rules=rules,
            findings=MappingProxyType(findings),
            bands=MappingProxyType(file.bands),
            version=file.version,
            _by_id=by_id,
            _conditions=conditions,
            _otherwise=file.otherwise,
            _score=file.score,
        )

    def __call__(self, referral: Referral, today: date) -> Banding:
        """The band of a referral on a day, with its reasons. Never fails, whatever is missing."""
        given = _triage_findings(referral, self.rules.findings)
        assessment = assess(given, self.rules)
        unsure = tuple(name for name, each in referral.findings.items() if each.value == UNSURE)
        if_so = assess({**given, **self._worse(unsure)}, self.rules) if unsure else assessment
        known = self._known(referral, today, assessment, if_so)
        rule = next((each for each, condition in self._conditions.items() if condition.on(known) == HOLDS), None)
        band = self._by_id[rule].band if rule else self._otherwise.band
        triage = tuple(
            Reason(each.rule.id, each.rule.why, *_evidence(each.rule.id, self.rules.conditions, referral, known))
            for each in assessment.fired
        )
        last = self._reason(rule, referral, known)
        same_day = Disposition.SAME_DAY.rank
        flags = {
            each.rule.id
            for each in assessment.fired
            if each.rule.disposition.rank >= same_day or each.rule.id in _GATES
        }
        open_ = tuple(each for each in triage if each.rule in flags)
        if band in ("P0", "REDIRECT") or (rule or "").startswith("P1-unclear"):
            open_ = open_ or (last,)
        eye = eye_status(referral)
        action = (self._by_id[rule].action if rule else None) or self.bands[band].action
        return Banding(
            band=band,
            rules=(*assessment.rules, last.rule),
            reasons=(*triage, last),
            red_flags=open_,
            unsure=unsure,
            missing=missing(referral),
            eye=eye,
            action=action,
            due=self.due(referral.received, band),
            score=self._scored(referral, today, band, known, eye),
            assessment=assessment,
        )

    def due(self, received: date, band: str) -> date:
        """The day by which the first contact is due in a band; of a redirect the days are working days.

        Args:
            received: the day the clinic received the referral.
            band: a band of `ORDER`, the machine's or the one that a clinician chose.

        Raises:
            KeyError: there is no such band.
        """
        days = {str(name): of.target_days for name, of in self.bands.items()}[band]
        if band != "REDIRECT":
            return received + timedelta(days=days)
        due = received
        while days:
            due += timedelta(days=1)
            days -= due.weekday() < 5
        return due

    def order(self, banding: Banding) -> tuple[int, int, int, int, float]:
        """What the queue sorts by, least first: band, open red flags by urgency, an eye not known to be safe, score.

        While a red flag is open the score does not count; the one that is due first comes first.
        """
        flagged = bool(banding.red_flags)
        urgent = -banding.assessment.disposition.rank if flagged else 0
        eye = int(banding.eye == "safe")
        last = float(banding.due.toordinal()) if flagged else -banding.score.value
        return ORDER.index(banding.band), int(not flagged), urgent, eye, last

    def _worse(self, names: tuple[str, ...]) -> dict[str, Value]:
        findings = ((name, self.rules.findings.get(name)) for name in names)
        return {
            name: finding.worse if finding.worse != "neither" else UNKNOWN
            for name, finding in findings
            if finding is not None and finding.kind == "yes_no"
        }

    def _known(self, referral: Referral, today: date, assessment: Assessment, if_so: Assessment) -> Mapping[str, Value]:
        known = dict(assessment.findings)
        for name, each in referral.findings.items():
            if name in self.findings and each.value not in (UNSURE, UNKNOWN) and name not in known:
                known[name] = float(each.value) if self.findings[name].kind == "number" else each.value
        days = referral.days_since_onset(today)
        if days is not None:
            known |= {"days_since_onset": float(days), "weeks_since_onset": days / 7}
        if referral.cause:
            known["cause"] = referral.cause
        if grade := hb(referral):
            known["hb_grade"] = float(grade)
        if referral.fdi is not None:
            known["fdi"] = referral.fdi
        known["urgency"] = assessment.disposition.value.lower()
        known["urgency_if_unsure"] = if_so.disposition.value.lower()
        # Nobody wrote of it, nothing fired: the triage rules then say self-care, which here only means "not today".
        return known

    def _reason(self, rule: str | None, referral: Referral, known: Mapping[str, Value]) -> Reason:
        if rule is None:
            return Reason(self._otherwise.id, self._otherwise.why, {}, ())
        return Reason(rule, self._by_id[rule].why, *_evidence(rule, self._conditions, referral, known))

    def _scored(self, referral: Referral, today: date, band: Name, known: Mapping[str, Value], eye: Eye) -> Score:
        unknown = self._score.unknown
        planned = known.get("has_eye_protection_plan") == "yes"
        grade, target = hb(referral), max(1, self.bands[band].target_days)
        parts = {
            "time_window": _time_window(known, unknown),
            "eye": {"safe": 0.0, "unknown": 0.8, "at risk": 0.6 if planned else 1.0}[eye],
            "severity": (grade - 1) / 5
            if grade
            else 1 - referral.sunnybrook / 100
            if referral.sunnybrook is not None
            else unknown,
            "impact": 1 - referral.fdi / 100
            if referral.fdi is not None
            else 1.0
            if known.get("severe_impact") == "yes"
            else unknown,
            "mental_health": _mental_health(known, unknown),
            "waiting": min(1.0, referral.days_waiting(today) / target),
        }
        weights = self._score.weights.model_dump()
        value = sum(weights[name] * min(1.0, max(0.0, part)) for name, part in parts.items())
        return Score(round(value, 4), MappingProxyType(parts))


def hb(referral: Referral) -> int | None:
    """The House-Brackmann grade as a number, 1 to 6; None when it isn't known."""
    last = (referral.grade or "")[-1:]
    return int(last) if last in set("123456") else None


def eye_status(referral: Referral) -> Eye:
    """How the eye is, as far as anybody wrote: at risk by any sign, safe by a stated full closure, else unknown."""
    values = [referral.value(name) for name in _EYE_AT_RISK]
    if "yes" in values:
        return "at risk"
    return "safe" if referral.value("cannot_close_eye") == "no" and UNSURE not in values else "unknown"


def missing(referral: Referral) -> tuple[str, ...]:
    """What a referral should have told and did not, in words; the eye first."""
    stated = {
        "eye status": any(referral.value(name) in ("yes", "no") for name in EYE_FINDINGS),
        "onset": referral.onset is not None or referral.cause == "congenital",
        "side": referral.side is not None,
        "cause": referral.cause is not None,
        "grade": referral.grade is not None or referral.sunnybrook is not None,
    }
    return tuple(name for name, told in stated.items() if not told)


def check_bands(bands: Bands) -> list[Problem]:
    """What is wrong with the bands, each problem with its remedy; empty when nothing is.

    Loading has checked the conditions. Here: every band can be reached, and none is slower than the one after it.
    """
    problems = []
    reached = {rule.band for rule in bands._by_id.values()} | {bands._otherwise.band}
    for name in ORDER:
        if name not in reached:
            problems.append(_problem(f"no rule leads to {name}. Add one, or take the band out."))
    for before, after in pairwise(ORDER):
        if bands.bands[before].target_days > bands.bands[after].target_days:
            problems.append(_problem(f"{before} has a later target than {after}. Correct one of them."))
    return problems


def _problem(message: str) -> Problem:
    return Problem("content/referral/bands.yml", 1, message)


def _triage_findings(referral: Referral, findings: Mapping[str, Finding]) -> dict[str, Value]:
    """What the triage rules may know of a referral, on the day it was received."""
    given: dict[str, Value] = {}
    in_hand = {
        *(EYE_SYMPTOMS if referral.value("eye_symptoms_in_hand") == "yes" else ()),
        *(("suicidal_thought", "self_harm") if referral.value("suicide_risk_in_hand") == "yes" else ()),
    }
    for name, each in referral.findings.items():
        if name in in_hand:
            continue
        finding = findings.get(name)
        if finding is None or finding.group == "derived":
            continue
        if each.value == UNSURE or not finding.allows(each.value):
            given[name] = UNKNOWN
        else:
            given[name] = float(each.value) if finding.kind == "number" and each.value != UNKNOWN else each.value
    if referral.side:
        given["side"] = referral.side
    if referral.cause:
        given["known_cause"] = _KNOWN_CAUSE.get(referral.cause, referral.cause)
    days = referral.days_since_onset(referral.received)
    if days is None and referral.cause == "congenital" and "onset_hours" not in given:
        given["onset_hours"] = max(float(given.get("age", 0)) * 8766, _SINCE_BIRTH)
    if days is not None and "onset_hours" not in given:
        given["onset_hours"] = days * 24.0 if days else 12.0
    return given


def _evidence(
    rule: str, conditions: Mapping[str, Condition], referral: Referral, known: Mapping[str, Value]
) -> tuple[Mapping[str, str], tuple[str, ...]]:
    names = [name for name in conditions[rule].names if name in known]
    fields = {"days_since_onset": "onset", "weeks_since_onset": "onset", "onset_hours": "onset", "hb_grade": "grade"}
    quotes = []
    for name in names:
        stated = referral.findings.get(name)
        if stated is not None and stated.quote and stated.value != "no":
            quotes.append(stated.quote)
        elif quote := referral.quotes.get(fields.get(name, "cause" if name == "known_cause" else name)):
            quotes.append(quote)
    return {name: _shown(known[name]) for name in names}, tuple(dict.fromkeys(quotes))


def _shown(value: Value) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _time_window(known: Mapping[str, Value], unknown: float) -> float:
    """Highest while an operation is still possible for a complete palsy, and when movement has just come back."""
    weeks = float(known["weeks_since_onset"]) if "weeks_since_onset" in known else None
    complete = known.get("complete_paralysis") == "yes" or float(known.get("hb_grade", 0)) >= 5
    if known.get("movement_returning") == "yes" or (complete and (weeks is None or weeks < 52)):
        return 1.0
    if weeks is None:
        return unknown
    return 0.6 if weeks < 13 else 0.4 if weeks < 26 else 0.2 if weeks < 52 else 0.0


def _mental_health(known: Mapping[str, Value], unknown: float) -> float:
    mind = [known.get(name) for name in ("suicidal_thought", "self_harm", "low_mood_2w")]
    scores = [float(known[name]) for name in ("phq2", "gad2") if name in known]
    if "yes" in mind or any(score >= 3 for score in scores):
        return 1.0
    return 0.0 if scores or mind[-1] == "no" else unknown

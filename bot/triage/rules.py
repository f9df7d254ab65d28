"""The triage rules, the findings and the policy switches, as clinicians keep them in `content/triage/`."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from bot.content_file import Strict, read
from bot.triage.condition import Condition, NotACondition, Value, parse

type Provenance = Literal["sourced", "GMK", "DES", "DAGGER"]
"""Where a statement comes from: a cited source, general medical knowledge, a design decision, a recalled number."""

type Route = Literal[
    "AMBULANCE", "ED_NOW", "ED", "GP_OR_111", "EYE_CASUALTY", "ENT_ON_CALL", "MATERNITY", "SURGICAL_TEAM",
    "CRISIS_TEAM", "PAEDIATRICS", "DENTIST", "DIABETES_TEAM", "PHARMACIST", "INJECTING_CLINIC", "PERSON",
    "GP", "ENT", "NEUROLOGY", "OPHTHALMOLOGY", "OPTOMETRIST", "SUSPECTED_CANCER", "FACIAL_PALSY_SPECIALIST", "SLT",
    "TALKING_THERAPY", "FACIAL_THERAPIST",
]  # fmt: skip


class Disposition(StrEnum):
    """How soon somebody must be seen. `OUT_OF_SCOPE` is a flag beside the others and has no rank."""

    EMERGENCY = "EMERGENCY"
    SAME_DAY = "SAME_DAY"
    URGENT = "URGENT"
    ROUTINE = "ROUTINE"
    SELF_CARE = "SELF_CARE"
    OUT_OF_SCOPE = "OUT_OF_SCOPE"

    @property
    def rank(self) -> int:
        """5 for an emergency down to 1 for self-care; 0 for out of scope. The worst wins."""
        order = ["OUT_OF_SCOPE", "SELF_CARE", "ROUTINE", "URGENT", "SAME_DAY", "EMERGENCY"]
        return order.index(self.value)


class Rule(Strict):
    """One rule: when it holds, how urgent that is, where to go, and what to tell the person.

    `eye` marks a rule that an only seeing eye or a numb cornea makes more urgent. `only_without_higher`: it is told
    only when nothing more urgent holds.
    """

    id: Annotated[str, Field(pattern=r"^[EDURSX]\d\d$")]
    condition: Annotated[str, Field(min_length=3)]
    eye: bool = False
    only_without_higher: bool = False
    disposition: Disposition
    out_of_scope: bool = False
    route: tuple[Route, ...]
    tell: Annotated[str, Field(min_length=10)]
    why: Annotated[str, Field(min_length=3)]
    sources: tuple[str, ...]
    provenance: Annotated[tuple[Provenance, ...], Field(min_length=1)]
    reviewed_by: str | None
    review_due: date | None


class _RulesFile(Strict):
    version: Annotated[str, Field(pattern=r"^\d{4}\.\d+$")]
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]


class Finding(Strict):
    """What may be known about a person: yes/no, one of some values, or a number.

    `worse` is the more worrying of the two answers of a yes/no finding.
    """

    group: str
    worse: Literal["yes", "no", "neither"] = "yes"
    kind: Literal["yes_no", "choice", "number"] = "yes_no"
    values: tuple[str, ...] = ()
    note: str = ""

    def allows(self, value: str) -> bool:
        """Whether the value may stand for this finding. `unknown` may, always."""
        if value == "unknown":
            return True
        if self.kind == "yes_no":
            return value in {"yes", "no"}
        if self.kind == "choice":
            return value in self.values
        return value.removeprefix("-").replace(".", "", 1).isdecimal()


class _FindingsFile(Strict):
    findings: Annotated[dict[str, Finding], Field(min_length=1)]


class Switch(Strict):
    """A choice where sources disagree: what holds here, what else could, and what it means."""

    value: str | int
    options: Annotated[tuple[str | int, ...], Field(min_length=1)]
    used_in: Literal["rules", "exercises", "content"]
    meaning: Annotated[str, Field(min_length=10)]
    provenance: Annotated[tuple[Provenance, ...], Field(min_length=1)]


class _PolicyFile(Strict):
    reviewed_by: str | None
    review_due: date | None
    switches: Annotated[dict[str, Switch], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules of one version, by id, with what they speak of.

    `digest` is of everything that decides: the rules, the findings and the switches. `conditions` are the rules'
    conditions, read, by rule id.
    """

    version: str
    digest: str
    by_id: Mapping[str, Rule]
    findings: Mapping[str, Finding]
    policy: Mapping[str, Switch]
    conditions: Mapping[str, Condition]

    @property
    def name(self) -> str:
        """The version with the start of the digest, as every assessment keeps it."""
        return f"{self.version}+{self.digest[:12]}"


def load_rules(folder: Path) -> Rules:
    """The rules of `content/triage/`: `rules.yml`, with `findings.yml` and `policy.yml`.

    Raises:
        ContentError: a file is malformed, an id stands twice, or a condition can't be read.
    """
    path = folder / "rules.yml"
    file, lines = read(path, _RulesFile)
    findings, policy = load_findings(folder / "findings.yml"), load_policy(folder / "policy.yml")
    constants: dict[str, Value] = {
        name: float(switch.value) if isinstance(switch.value, int) else switch.value
        for name, switch in policy.items()
        if switch.used_in == "rules"
    }
    by_id: dict[str, Rule] = {}
    conditions: dict[str, Condition] = {}
    for index, rule in enumerate(file.rules):
        if rule.id in by_id:
            raise lines.error(f"the rule id {rule.id} is used twice. Give one rule another id.", "rules", index)
        by_id[rule.id] = rule
        try:
            conditions[rule.id] = parse(rule.condition, findings, constants)
        except NotACondition as problem:
            raise lines.error(f"the condition of {rule.id}: {problem}", "rules", index, "condition") from None
    digest = hashlib.sha256()
    for name in ("rules.yml", "findings.yml", "policy.yml", "questions.yml", "results.yml"):
        digest.update(path.read_bytes() if (path := folder / name).exists() else b"")
    return Rules(file.version, digest.hexdigest(), by_id, findings, policy, conditions)


def load_policy(path: Path) -> Mapping[str, Switch]:
    """The policy switches of `content/triage/policy.yml`, by name.

    Raises:
        ContentError: the file is malformed, or a switch stands at what is not one of its options.
    """
    file, lines = read(path, _PolicyFile)
    for name, switch in file.switches.items():
        if switch.value not in switch.options:
            shown = ", ".join(str(option) for option in switch.options)
            raise lines.error(f"'{name}' stands at '{switch.value}'. It may be: {shown}.", "switches", name, "value")
    return file.switches


def load_findings(path: Path) -> Mapping[str, Finding]:
    """The dictionary of findings of `content/triage/findings.yml`, by name.

    Raises:
        ContentError: the file is malformed, or a choice has no values.
    """
    file, lines = read(path, _FindingsFile)
    for name, finding in file.findings.items():
        if (finding.kind == "choice") != bool(finding.values):
            problem = f"the finding '{name}' needs `values` exactly when its kind is `choice`. Add or remove them."
            raise lines.error(problem, "findings", name)
    return file.findings

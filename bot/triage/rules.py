"""The triage rules and the dictionary of findings, as clinicians keep them in `content/triage/`.

The conditions are kept as text and are not evaluated yet: the screen uses a rule's id, disposition and words.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from bot.content_file import Strict, read

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
    """One rule: when it holds, how urgent that is, where to go, and what to tell the person."""

    id: Annotated[str, Field(pattern=r"^[EDURSX]\d\d$")]
    condition: Annotated[str, Field(min_length=3)]
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


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules of one version, by id."""

    version: str
    by_id: Mapping[str, Rule]


class Finding(Strict):
    """What may be known about a person: yes/no, one of some values, a number, or text."""

    group: str
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
        return value.removeprefix("-").replace(".", "", 1).isdigit()


class _FindingsFile(Strict):
    findings: Annotated[dict[str, Finding], Field(min_length=1)]


def load_rules(path: Path) -> Rules:
    """The rules of `content/triage/rules.yml`.

    Raises:
        ContentError: the file is malformed, or an id stands twice.
    """
    file, lines = read(path, _RulesFile)
    by_id: dict[str, Rule] = {}
    for index, rule in enumerate(file.rules):
        if rule.id in by_id:
            raise lines.error(f"the rule id {rule.id} is used twice. Give one rule another id.", "rules", index)
        by_id[rule.id] = rule
    return Rules(file.version, by_id)


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

"""The safety case says what is so: files and tests that it names exist, its parts agree, and its examples hold."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml
from pydantic import Field, ValidationError, model_validator

from bot.content_file import Strict, read
from bot.settings import CONTENT, ROOT
from bot.triage.assess import assess, read_findings
from bot.triage.condition import FAILS, HOLDS, parse
from bot.triage.rules import Disposition, Rules, load_rules

SAFETY = ROOT / "docs" / "safety"
DOCUMENTS = sorted(SAFETY.glob("*.md"))
MARKS = {"DES", "GMK"}

type Line = Annotated[str, Field(min_length=5, pattern=r"^[^\n]+$")]
type Severity = Literal["negligible [DES]", "minor [DES]", "moderate [DES]", "major [DES]", "catastrophic [DES]"]
type Likelihood = Literal["very low [DES]", "low [DES]", "medium [DES]", "high [DES]", "very high [DES]"]
type NodeId = Annotated[str, Field(pattern=r"^tests/(unit|thorough)/[\w/]+\.py::test_\w+$")]


class Control(Strict):
    """What is there against a hazard, in which file, and the tests that prove it."""

    what: Line
    where: Line
    tests: tuple[NodeId, ...]


class Hazard(Strict):
    """One hazard of the log."""

    id: Annotated[str, Field(pattern=r"^H\d\d$")]
    name: Line
    cause: Line
    harm: Line
    severity: Severity
    likelihood: Likelihood
    controls: tuple[Control, ...]
    residual: Line
    state: Literal["controlled", "partly", "open"]

    @model_validator(mode="after")
    def _claims_no_more_than_is_there(self) -> "Hazard":
        if not self.controls and self.state != "open":
            raise ValueError("a hazard without a control can only be open")
        if self.state == "controlled" and not all(control.tests for control in self.controls):
            raise ValueError("a hazard with a control that no test proves is not controlled")
        return self


class HazardLog(Strict):
    """The whole log. No clinician has reviewed it."""

    reviewed_by: None
    review_due: None
    hazards: tuple[Hazard, ...]


HAZARDS = read(SAFETY / "hazards.yml", HazardLog)[0].hazards
CONTROLS = [(hazard.id, control) for hazard in HAZARDS for control in hazard.controls]


@cache
def functions_of(path: Path) -> frozenset[str]:
    """The functions at the top of a file, by name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@cache
def text_of(document: str) -> str:
    return (SAFETY / document).read_text(encoding="utf-8")


def block(document: str, kind: str) -> list[str]:
    """The lines of a document's fenced block of one kind."""
    (found,) = re.findall(rf"^```{kind}\n(.*?)^```$", text_of(document), flags=re.MULTILINE | re.DOTALL)
    return str(found).split("\n")[:-1]


def rows(document: str, first: str) -> list[list[str]]:
    """The rows of a document's tables whose first cell fits."""
    lines = [line for line in text_of(document).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if re.fullmatch(first, row[0])]


@pytest.fixture(scope="module")
def rules() -> Rules:
    return load_rules(CONTENT / "triage")


# ---- The hazard log ----
def test_all_eighteen_hazards_are_there_in_order() -> None:
    assert [hazard.id for hazard in HAZARDS] == [f"H{number:02}" for number in range(1, 19)]


def test_every_file_that_a_control_names_exists() -> None:
    assert [f"{hazard}: {control.where}" for hazard, control in CONTROLS if not (ROOT / control.where).is_file()] == []


def test_every_test_that_a_control_names_exists() -> None:
    missing = []
    for hazard, control in CONTROLS:
        for node in control.tests:
            file, _, name = node.partition("::")
            if not (ROOT / file).is_file() or name not in functions_of(ROOT / file):
                missing.append(f"{hazard}: {node}")
    assert missing == [], (
        "mend the name in docs/safety/hazards.yml, or take it out and see whether the state still holds"
    )


def test_no_control_names_a_test_twice() -> None:
    assert [control.what for _, control in CONTROLS if len(set(control.tests)) < len(control.tests)] == []


PROVED = {"what": "A control", "where": "bot/words.py", "tests": ["tests/unit/test_words.py::test_words_are_filled_in"]}
SOUND: dict[str, Any] = {
    "id": "H01", "name": "A hazard", "cause": "A cause", "harm": "A harm", "severity": "major [DES]",
    "likelihood": "low [DES]", "controls": [PROVED], "residual": "Something is left.", "state": "controlled",
}  # fmt: skip
CLAIMS: dict[str, dict[str, Any]] = {
    "controlled without a test": {"controls": [PROVED, {**PROVED, "tests": []}]},
    "controlled without a control": {"controls": []},
    "partly without a control": {"controls": [], "state": "partly"},
    "a severity without its mark": {"severity": "major"},
    "another word of likelihood": {"likelihood": "seldom [DES]"},
    "another state": {"state": "accepted"},
    "a test that is none": {"controls": [{**PROVED, "tests": ["tests/unit/test_words.py"]}]},
    "a test with brackets": {"controls": [{**PROVED, "tests": [f"{PROVED['tests'][0]}[one]"]}]},
    "nothing left": {"residual": ""},
    "two lines left": {"residual": "One line.\nAnd another."},
    "an unknown key": {"accepted_by": "nobody"},
}


@pytest.mark.parametrize("change", CLAIMS.values(), ids=CLAIMS)
def test_a_hazard_can_claim_no_more_than_is_there(change: dict[str, Any]) -> None:
    assert Hazard.model_validate(SOUND)
    with pytest.raises(ValidationError):
        Hazard.model_validate({**SOUND, **change})


# ---- The documents ----
def test_the_table_says_what_the_log_says() -> None:
    told = [[each.id, each.name, each.severity, each.likelihood, each.state] for each in HAZARDS]
    assert rows("README.md", r"H\d+") == [[cell.removesuffix(" [DES]") for cell in row] for row in told]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (document.parent / link).exists()] == []


def test_every_document_is_reached_from_the_readme() -> None:
    linked = set(re.findall(r"\]\(([\w.-]+)\)", text_of("README.md")))
    assert {path.name for path in SAFETY.iterdir()} - {"README.md"} <= linked


def test_every_source_key_is_known() -> None:
    known = {str(key) for key in yaml.load((CONTENT / "sources.yml").read_text(encoding="utf-8"), yaml.CSafeLoader)}
    used = {key for path in SAFETY.iterdir() for key in re.findall(r"\[([A-Z][A-Z0-9-]+)\](?!\()", text_of(path.name))}
    assert used - MARKS <= known


# ---- What the documents say of the rules ----
def test_every_example_of_a_condition_can_be_read(rules: Rules) -> None:
    switches = {name: switch.value for name, switch in rules.policy.items() if switch.used_in == "rules"}
    constants = {name: float(value) if isinstance(value, int) else value for name, value in switches.items()}
    for line in block("changing-a-rule.md", "condition"):
        assert parse(line, rules.findings, constants).names, line


def test_not_and_is_no_do_what_the_table_says(rules: Rules) -> None:
    told = rows("changing-a-rule.md", r"`[a-z_ ]*eye_red[a-z_ ]*`")
    assert len(told) == 6
    for written, *expected in told:
        condition = parse(written.strip("`"), rules.findings)
        found = [condition.on(known) for known in ({"eye_red": "yes"}, {"eye_red": "no"}, {})]
        assert found == [{"holds": HOLDS, "fails": FAILS}[word] for word in expected], written


def test_the_gaps_that_are_named_are_gaps(rules: Rules) -> None:
    checked = {"droop": "yes", "droop_new": "no", "assessed_by_clinician": "yes"}
    for name in block("known-limits.md", "findings"):
        result = assess(read_findings({**checked, name: "yes"}, rules.findings), rules)
        told = f"{name} now meets {', '.join(result.rules)}: take it off the list in docs/safety/known-limits.md"
        assert result.disposition is Disposition.SELF_CARE and not result.rules, told

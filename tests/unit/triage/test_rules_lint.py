"""The lint of the rules names what can never hold, what doubles another rule, and what contradicts one."""

import shutil
from pathlib import Path

import pytest

from bot.content_file import ContentError
from bot.settings import CONTENT
from bot.triage.lint import check_rules
from bot.triage.rules import load_rules

BASE = (CONTENT / "triage" / "rules.yml").read_text(encoding="utf-8")


def with_condition(folder: Path, rule: str, condition: str) -> Path:
    """The triage folder with one rule's condition changed."""
    for name in ("findings.yml", "policy.yml"):
        shutil.copy(CONTENT / "triage" / name, folder / name)
    before, _, after = BASE.partition(f"  - id: {rule}\n    condition: ")
    rest = after.split("\n", 1)[1]
    (folder / "rules.yml").write_text(f"{before}  - id: {rule}\n    condition: {condition}\n{rest}", encoding="utf-8")
    return folder


def test_the_rules_themselves_are_clean() -> None:
    assert check_rules(load_rules(CONTENT / "triage")) == []


@pytest.mark.parametrize(
    ("rule", "condition", "said"),
    [
        ("E17", "eye_injury_or_chemical and not eye_injury_or_chemical", "E17 can never hold"),
        ("D02", "onset_hours > 72 and onset_hours < 24", "D02 can never hold"),
        ("D30", "eye_injury_or_chemical", "E17 and D30 hold for the same answers and disagree"),
        ("E17", "ketones_or_vomiting_with_high_glucose", "E19 holds exactly when E17 does"),
        ("U14", "not not safeguarding_disclosure", "D30 and U14 hold for the same answers and disagree"),
    ],
)
def test_a_fault_is_named_with_its_remedy(rule: str, condition: str, said: str, tmp_path: Path) -> None:
    problems = check_rules(load_rules(with_condition(tmp_path, rule, condition)))
    assert any(said in problem.message for problem in problems), problems


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("eye_injry", "there is no finding 'eye_injry'"),
        ("eye_red or eye_pain and gritty_dry", "Put brackets"),
        ("side is up", "'side' is never 'up'"),
        ("age is 5", "never '5'"),
        ("(eye_red", "expected"),
    ],
)
def test_a_condition_that_cannot_be_read_is_named_with_its_line(condition: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ContentError, match="E17") as error:
        load_rules(with_condition(tmp_path, "E17", condition))
    problem = error.value.problems[0]
    assert said in problem.message
    assert problem.line > 100

"""Labelled letters: what is read of them, and that every fault is told with its file and line."""

from datetime import date
from pathlib import Path
from textwrap import dedent

import pytest

from bot.content_file import ContentError
from bot.referral.kept import LABELLED
from bot.referral.labelled import LabelledLine, check_labelled, load_labelled
from bot.triage.rules import Finding

FINDINGS = {
    "droop": Finding(group="palsy"),
    "cause": Finding(group="palsy", kind="choice", values=("bells", "rhs")),
}
LETTER = """
    letters:
    - id: A01
      received: 2026-11-18
      band: P2
      why: closure
      onset: 2026-11-15
      onset_within_days: 1
      lines:
      - says: "Dear all,\\n"
      - says: "Her face fell on Sunday."
        states: {droop: "yes"}
      - says: "Bell's."
        states: {cause: bells, side: L}
    """


def folder(root: Path, text: str, name: str = "one.yml") -> Path:
    (root / LABELLED).mkdir(parents=True, exist_ok=True)
    (root / LABELLED / name).write_text(dedent(text), encoding="utf-8")
    return root


def test_lines_hold_what_they_state_and_letters_their_text(tmp_path: Path) -> None:
    labelled = load_labelled(folder(tmp_path, LETTER))

    assert labelled.lines[1:] == (
        LabelledLine("Her face fell on Sunday.", frozenset({"droop=yes"})),
        LabelledLine("Bell's.", frozenset({"cause=bells", "side=L"})),
    )
    (letter,) = labelled.letters
    assert letter.text == "Dear all,\nHer face fell on Sunday. Bell's."
    assert (letter.onset, letter.within, letter.band) == (date(2026, 11, 15), 2, "P2")


def test_sound_labels_have_no_problem(tmp_path: Path) -> None:
    assert check_labelled(folder(tmp_path, LETTER), FINDINGS) == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ('{droop: "maybe"}', "droop can't be maybe"),
        ('{drop: "yes"}', "no finding drop"),
        ("{side: left}", "L, R or both"),
        ("{cause: flu}", "cause can't be flu"),
    ],
)
def test_a_wrong_label_is_told_with_its_line(wrong: str, told: str, tmp_path: Path) -> None:
    text = f'sentences:\n- says: "Fine."\n- says: "It fell."\n  states: {wrong}\n'
    (problem,) = check_labelled(folder(tmp_path, text), FINDINGS)

    assert told in problem.message
    assert (problem.file, problem.line) == ("content/referral/letters/one.yml", 3)


def test_an_id_used_in_two_files_is_told(tmp_path: Path) -> None:
    folder(tmp_path, LETTER)
    (problem,) = check_labelled(folder(tmp_path, LETTER, "two.yml"), FINDINGS)

    assert "A01 is used twice" in problem.message


@pytest.mark.parametrize("wrong", ["letters: 3", "sentences:\n- states: {droop: yes}", "sentence: []"])
def test_a_malformed_file_is_refused(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(ContentError):
        load_labelled(folder(tmp_path, wrong))

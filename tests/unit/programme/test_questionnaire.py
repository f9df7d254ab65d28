"""Questionnaires: each formula on cases reckoned by hand, what is skipped stays missing, and broken files are named."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.content_file import ContentError
from bot.knowledge.lint import MAX_GRADE, MAX_SENTENCE_WORDS, reading_grade
from bot.programme.questionnaire import (
    Cadence,
    Questionnaire,
    Score,
    Value,
    load_questionnaire,
    load_questionnaires,
    score,
)
from bot.settings import CONTENT

FOLDER = CONTENT / "questionnaires"
ALL = load_questionnaires(FOLDER)
FDI = ALL["facial-disability-index"]
SAQ = ALL["synkinesis-assessment"]
PHQ = ALL["phq-2"]
WEEK = ALL["weekly-check-in"]
S = None
"""A skipped item, in the tables below."""


def of(questionnaire: Questionnaire, *values: Value | None) -> Score:
    """The score of these answers, given in the items' order."""
    return score(questionnaire, {item.id: value for item, value in zip(questionnaire.items, values, strict=True)})


def approx(parts: Mapping[str, float | None]) -> Mapping[str, object]:
    return {name: None if figure is None else pytest.approx(figure) for name, figure in parts.items()}


# (sum - N) / N x 25, by hand
PHYSICAL = [
    ("best", (5, 5, 5, 5, 5), 100, None),
    ("worst without a 0", (1, 1, 1, 1, 1), 0, None),
    ("all zeros: -25, clamped", (0, 0, 0, 0, 0), 0, "less than 0"),
    ("one above the clamp", (1, 1, 1, 1, 2), 5, None),
    ("one zero among ones: -5, clamped", (0, 1, 1, 1, 1), 0, "less than 0"),
    ("a zero that comes out at just 0", (0, 2, 1, 1, 1), 0, "1 of 'did not, for another reason'"),
    ("a zero, not below 0", (0, 5, 5, 5, 5), 75, "1 of 'did not, for another reason'"),
    ("mixed: (17 - 5) / 5 x 25", (5, 4, 3, 3, 2), 60, None),
    ("one skipped: (14 - 4) / 4 x 25", (5, 4, S, 3, 2), 62.5, None),
    ("two skipped: (12 - 3) / 3 x 25", (5, 4, S, 3, S), 75, None),
    ("zeros with two skipped", (0, 0, 0, S, S), 0, "less than 0"),
    ("three skipped", (5, 5, S, S, S), None, "2 of 5 answered"),
    ("all skipped", (S, S, S, S, S), None, "0 of 5 answered"),
]  # fmt: skip

# (sum - N) / N x 20, by hand
SOCIAL = [
    ("best", (6, 6, 6, 6, 6), 100, None),
    ("worst", (1, 1, 1, 1, 1), 0, None),
    ("mixed: (19 - 5) / 5 x 20", (6, 5, 4, 3, 1), 56, None),
    ("one skipped: (18 - 4) / 4 x 20", (6, 5, 4, 3, S), 70, None),
    ("two skipped: (10 - 3) / 3 x 20", (6, 3, 1, S, S), 46.6666666667, None),
    ("three skipped", (6, 3, S, S, S), None, "2 of 5 answered"),
    ("all skipped", (S, S, S, S, S), None, "0 of 5 answered"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "values", "figure", "flag"), PHYSICAL, ids=[row[0] for row in PHYSICAL])
def test_the_physical_part_by_hand(
    what: str, values: tuple[int | None, ...], figure: float | None, flag: str | None
) -> None:
    found = of(FDI, *values, 6, 6, 6, 6, 6)
    assert found.parts == approx({"physical": figure, "social": 100})
    assert (found.flagged is None) if flag is None else (found.flagged is not None and flag in found.flagged)
    assert found.flagged is None or "social" not in found.flagged
    assert ("less than 0" in (found.flagged or "")) == (flag == "less than 0")


@pytest.mark.parametrize(("what", "values", "figure", "flag"), SOCIAL, ids=[row[0] for row in SOCIAL])
def test_the_social_part_by_hand(
    what: str, values: tuple[int | None, ...], figure: float | None, flag: str | None
) -> None:
    found = of(FDI, 5, 5, 5, 5, 5, *values)
    assert found.parts == approx({"physical": 100, "social": figure})
    assert (found.flagged is None) if flag is None else (found.flagged is not None and flag in found.flagged)


def test_the_two_parts_are_never_added_up() -> None:
    assert of(FDI, *[5] * 5, *[6] * 5).value is None


def test_both_parts_may_be_flagged() -> None:
    flagged = of(FDI, *[0] * 5, *[S] * 5).flagged
    assert flagged is not None and "less than 0" in flagged and "No social figure" in flagged


def test_never_being_short_tempered_is_as_good_as_always_being_calm() -> None:
    best = {item.id: next(each.label for each in item.answers if each.value == 6) for item in FDI.items[5:]}
    assert best == {"calm": "Always", "apart": "Never", "irritable": "Never", "waking": "Never", "going_out": "Never"}


# sum / (5 N) x 100, by hand
SYNKINESIS = [
    ("least", (1,) * 9, 20, None),
    ("most", (5,) * 9, 100, None),
    ("27 of 45", (3,) * 9, 60, None),
    ("one step: 10 of 45", (2, *(1,) * 8), 22.2222222222, None),
    ("mixed: 25 of 45", (1, 2, 3, 4, 5, 1, 2, 3, 4), 55.5555555556, None),
    ("one skipped: 20 of 40", (S, *(2,) * 4, *(3,) * 4), 50, "8 of 9"),
    ("two skipped: 21 of 35", (3, 3, S, 3, 3, S, 3, 3, 3), 60, "7 of 9"),
    ("two skipped, most", (S, S, *(5,) * 7), 100, "7 of 9"),
    ("three skipped", (S, S, S, *(5,) * 6), None, "6 of 9"),
    ("all skipped", (S,) * 9, None, "0 of 9"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "values", "figure", "flag"), SYNKINESIS, ids=[row[0] for row in SYNKINESIS])
def test_synkinesis_by_hand(what: str, values: tuple[int | None, ...], figure: float | None, flag: str | None) -> None:
    found = of(SAQ, *values)
    assert (found.value, found.parts) == (
        pytest.approx(figure) if figure is not None else None,
        approx({"synkinesis": figure}),
    )
    assert (found.flagged is None) if flag is None else (found.flagged is not None and flag in found.flagged)


@pytest.mark.parametrize("first", [0, 1, 2, 3, S])
@pytest.mark.parametrize("second", [0, 1, 2, 3, S])
def test_mood_is_the_sum_and_needs_both(first: int | None, second: int | None) -> None:
    found = of(PHQ, first, second)
    if first is None or second is None:
        assert (found.value, found.parts) == (None, {"mood": None})
        assert found.flagged is not None and "both are needed" in found.flagged
    else:
        assert (found.value, found.parts, found.flagged) == (first + second, {"mood": first + second}, None)


def test_the_week_keeps_each_answer_by_itself() -> None:
    found = of(WEEK, 0, 10, 7, "yes", "no", "not_sure")
    assert found.value is None
    assert found.parts == {
        "comfort": 0, "eye_comfort": 10, "burden": 7, "brow": 1, "eyelid": 0, "mouth_corner": None,
    }  # fmt: skip
    assert (found.answered[-1], found.skipped, found.flagged) == ("mouth_corner", (), None)


def test_a_skipped_sign_is_not_an_unsure_one() -> None:
    found = of(WEEK, 0, S, 7, "not_sure", S, S)
    assert found.answered == ("comfort", "burden", "brow")
    assert found.skipped == ("eye_comfort", "eyelid", "mouth_corner")
    assert set(found.parts.values()) == {0, 7, None}


@st.composite
def answered(draw: st.DrawFn) -> tuple[Questionnaire, dict[str, Value | None]]:
    questionnaire = draw(st.sampled_from(list(ALL.values())))
    return questionnaire, {
        item.id: draw(st.sampled_from([None, *(each.value for each in item.answers)])) for item in questionnaire.items
    }


@settings(deadline=None)
@given(answered())
def test_what_is_not_answered_is_missing_and_all_is_accounted_for(
    case: tuple[Questionnaire, dict[str, Value | None]],
) -> None:
    questionnaire, answers = case
    found = score(questionnaire, answers)
    assert sorted([*found.answered, *found.skipped]) == sorted(item.id for item in questionnaire.items)
    assert set(found.skipped) == {name for name, value in answers.items() if value is None}
    assert score(questionnaire, {name: value for name, value in answers.items() if value is not None}) == found
    for figure in found.parts.values():
        assert figure is None or 0 <= figure <= 100
    if questionnaire is not WEEK:
        assert (None in found.parts.values()) <= (found.flagged is not None), "no score, and not said so"


@settings(deadline=None)
@given(answered(), st.data())
def test_a_higher_answer_never_gives_a_lower_figure(
    case: tuple[Questionnaire, dict[str, Value | None]], data: st.DataObject
) -> None:
    questionnaire, answers = case
    numbers = [name for name, value in answers.items() if isinstance(value, int)]
    if not numbers:
        return
    name = data.draw(st.sampled_from(numbers))
    item = next(item for item in questionnaire.items if item.id == name)
    higher = max(each.value for each in item.answers if isinstance(each.value, int))
    before, after = score(questionnaire, answers), score(questionnaire, {**answers, name: higher})
    for part, figure in before.parts.items():
        now = after.parts[part]
        assert (figure is None) == (now is None)
        assert figure is None or (now is not None and now >= figure - 1e-9)


@pytest.mark.parametrize("value", [6, -1, 7, 2.0, True, "2", "yes", ""])
def test_an_answer_that_was_not_offered_is_refused_without_repeating_it(value: object) -> None:
    with pytest.raises(ValueError, match="'drinking' of facial-disability-index") as raised:
        score(FDI, {"drinking": value})  # type: ignore[dict-item]
    assert str(raised.value).endswith("other than 5, 4, 3, 2, 1, 0.")


def test_an_item_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match=r"phq-2 has no item 'sleep'\. Its items are: interest, low"):
        score(PHQ, {"sleep": 1})


# the files


def test_all_questionnaires_are_there_at_their_times() -> None:
    assert {name: (each.ask.weeks, each.ask.every_weeks, each.ask.stages) for name, each in ALL.items()} == {
        "facial-disability-index": ((0, 6, 12, 26), None, ("any",)),
        "synkinesis-assessment": ((), 4, ("S3", "S4")),
        "phq-2": ((0, 4, 12), None, ("any",)),
        "weekly-check-in": ((), 1, ("any",)),
    }
    assert {name for name, each in ALL.items() if each.status.awaiting_permission} == {FDI.id, SAQ.id}
    assert {name for name, each in ALL.items() if each.crisis_first} == {PHQ.id}


def test_nothing_is_said_to_be_reviewed_or_sourced_that_is_not() -> None:
    known = {str(key) for key in yaml.safe_load((CONTENT / "sources.yml").read_text())}
    for each in ALL.values():
        assert (each.reviewed_by, each.review_due) == (None, None), each.id
        assert set(each.sources) <= known, each.id
        assert each.sources or "sourced" not in each.provenance, each.id
    assert "words of our own" in FDI.status.note and "words of our own" in SAQ.status.note


def test_what_people_read_is_plain() -> None:
    easy = frozenset((CONTENT / "unavoidable_words.txt").read_text().split())
    for each in ALL.values():
        for text in (f"{each.name}.", each.intro, *(item.text for item in each.items)):
            assert reading_grade(text, easy) <= MAX_GRADE, text
            assert not re.search(r"\b(?:bad|good|affected|strong) side\b", text), text
            for sentence in re.split(r"[.!?:]", text):
                assert len(sentence.split()) <= MAX_SENTENCE_WORDS, sentence


def test_every_item_has_a_way_to_leave_it_out_that_is_no_answer() -> None:
    for each in ALL.values():
        for item in each.items:
            assert each.skip not in {answer.label for answer in item.answers}, item.id


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the questionnaires to break."""
    return Path(shutil.copytree(FOLDER, tmp_path / "questionnaires"))


MOOD, FACE, LINKED, WEEKLY = "phq-2", "facial-disability-index", "synkinesis-assessment", "weekly-check-in"
BROKEN: list[tuple[str, str, str, str, str, str]] = [
    # what, file, old, new, the words on the line that is named, message
    ("unknown key", MOOD, "crisis_first: true", "crisis_frist: true", "crisis_frist", "`crisis_frist`.*correct its spelling"),
    ("missing key", MOOD, "skip: I'd rather not say\n", "", "id: phq-2", "`skip`.*Add this key"),
    ("not YAML", MOOD, "status:", "status: [", "  note:", "not valid YAML.*Check quotes"),
    ("key twice", MOOD, "sources:", "id: phq-2\nsources:", "id: phq-2\nsources", "the key 'id' stands here a second time"),
    ("other name", MOOD, "id: phq-2", "id: phq-9", "id: phq-9", "the id is 'phq-9' and the file's name 'phq-2'"),
    ("crisis line off", MOOD, "crisis_first: true", "crisis_first: false", "crisis_first", "needs `crisis_first: true`"),
    ("no crisis line", MOOD, "crisis_first: true\n", "", "id: phq-2", "`crisis_first`.*Add this key"),
    ("unknown formula", MOOD, "formula: phq_2", "formula: phq_9", "formula:", "`scoring.formula`.*Correct this value"),
    ("no time", MOOD, "  weeks: [0, 4, 12]\n", "", "ask:", "`ask`: .*either `weeks` or `every_weeks`"),
    ("two times", MOOD, "  weeks: [0, 4, 12]\n", "  weeks: [0]\n  every_weeks: 2\n", "ask:", "`ask`: .*either"),
    ("times that fall", MOOD, "[0, 4, 12]", "[4, 0, 12]", "ask:", "`ask`: .*`weeks` must rise"),
    ("unknown stage", LINKED, "[S3, S4]", "[S3, S9]", "[S3, S9]", "`ask.stages.1`.*Correct this value"),
    ("same item", MOOD, "- id: low", "- id: interest # 2", "# 2", "the item 'interest' stands here a second time"),
    ("unknown answers", MOOD, "answers: how_often\n  - id", "answers: often\n  - id", "answers: often", "'often'.*Add them there"),
    ("unused answers", MOOD, "answers:\n  how", "answers:\n  spare:\n    - {label: A, value: 0}\n    - {label: B, value: 1}\n  how", "spare", "no item has the answers 'spare'"),
    ("same label", MOOD, "On several days", "Not at all", "value: 1}", "the label 'Not at all' stands twice"),
    ("same value", MOOD, "value: 2}", "value: 1}", "More than half", "the value '1' stands twice"),
    ("value missing", MOOD, "    - {label: Nearly every day, value: 3}\n", "", "answers: how_often", "'interest' needs one answer for each.*0, 1, 2, 3"),
    ("value beyond", FACE, "No trouble, value: 5", "No trouble, value: 9", "answers: trouble", "'eating' needs one answer for each of these values: 0, 1, 2, 3, 4, 5"),
    ("a bare yes", WEEKLY, 'value: "yes"', "value: yes", "value: yes", "`answers.seen.0.value`.*yes and no need quotes"),
    ("no not-sure", WEEKLY, "    - {label: Not sure, value: not_sure}\n", "", "answers: seen", "'brow' needs one answer for each of these values: yes, no, not_sure"),
    ("half a value", MOOD, "value: 3}", "value: 3.5}", "value: 3.5}", "`answers.how_often.3.value`.*must be a whole number"),
    ("unknown part", FACE, "part: social\n    text: How often did your face", "part: work\n    text: How often did your face", "part: work", "'going_out' counts for 'work'.*physical, social"),
    ("wrong part", WEEKLY, "part: eye_comfort\n", "part: comfort\n", "items:", "'comfort' has 2 items; weekly_check_in is made for 1"),
    ("a long button", MOOD, "Nearly every day", "Nearly every single day of the week or so", "Nearly every", "`answers.how_often.3.label`"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "name", "old", "new", "at", "message"), BROKEN, ids=[row[0] for row in BROKEN])
def test_what_is_wrong_is_named_with_its_line(
    folder: Path, what: str, name: str, old: str, new: str, at: str, message: str
) -> None:
    path = folder / f"{name}.yml"
    text = path.read_text()
    assert old in text, f"the fixture for '{what}' has nothing to break"
    path.write_text(broken := text.replace(old, new, 1))
    line = broken[: broken.index(at)].count("\n") + 1
    with pytest.raises(ContentError) as raised:
        load_questionnaires(folder)
    assert re.match(rf"questionnaires/{name}\.yml:{line}: .*{message}", str(raised.value)), (line, str(raised.value))


def test_the_faults_of_all_files_are_told_at_once(folder: Path) -> None:
    for name in ("phq-2", "weekly-check-in"):
        (folder / f"{name}.yml").write_text("id: 3\n")
    with pytest.raises(ContentError) as raised:
        load_questionnaires(folder)
    assert {problem.file for problem in raised.value.problems} == {
        "questionnaires/phq-2.yml",
        "questionnaires/weekly-check-in.yml",
    }


def test_a_missing_item_is_told(folder: Path) -> None:
    path = folder / "synkinesis-assessment.yml"
    text = path.read_text()
    start, end = text.index("  - id: chin"), text.index("sources:")
    path.write_text(text[:start] + text[end:])
    with pytest.raises(ContentError, match="'synkinesis' has 8 items; synkinesis_assessment is made for 9"):
        load_questionnaire(path)


def test_a_missing_file_and_an_empty_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match="the file is missing"):
        load_questionnaire(tmp_path / "phq-2.yml")
    with pytest.raises(ContentError, match="no questionnaire stands in this folder"):
        load_questionnaires(tmp_path)


def test_a_cadence_counts_from_joining() -> None:
    assert Cadence(weeks=(0, 2), stages=("any",)).weeks[0] == 0
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        Cadence(weeks=(-1, 2), stages=("any",))

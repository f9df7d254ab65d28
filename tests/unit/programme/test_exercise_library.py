"""The exercise library: the real content loads, and a broken copy of it is refused with its file and line."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from bot.content_file import ContentError, Problem
from bot.pictures.face import Arrow, Hand, Picture, draw
from bot.programme.exercise import FAMILIES, STAGES, ExerciseLibrary, PickItem, load_exercises
from bot.programme.gate import GateId
from bot.programme.self_check import load_self_check
from bot.settings import CONTENT
from tests.unit import loaded

SOURCES = loaded.sources()
STARTS = {"exercises": "  - id: EX-", "programmes": "  - id: P-", "stages": "  - id: ", "self-check": "  - id: "}


@pytest.fixture(scope="module")
def library() -> ExerciseLibrary:
    return loaded.exercise_library()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A content folder of the test's own."""
    folder = tmp_path / "content"
    shutil.copytree(CONTENT / "exercises", folder / "exercises")
    return folder


def lines_of(path: Path, entry: str) -> tuple[int, int]:
    """The first and last line of an entry, from 1: up to the next entry, or the next part of the file."""
    lines = path.read_text(encoding="utf-8").split("\n")
    first = next(number for number, line in enumerate(lines) if line == f"  - id: {entry}")
    ends = (n for n, line in enumerate(lines) if n > first and line and not line.startswith("   "))
    return first + 1, next(ends, len(lines))


def change(content: Path, file: str, entry: str, old: str, new: str) -> tuple[int, int]:
    """Change an entry of a file once; its lines after that."""
    path = content / "exercises" / f"{file}.yml"
    first, last = lines_of(path, entry)
    lines = path.read_text(encoding="utf-8").split("\n")
    block = "\n".join(lines[first - 1 : last])
    assert block.count(old) >= 1, f"{old!r} is not in {entry}"
    changed = block.replace(old, new, 1)
    path.write_text("\n".join([*lines[: first - 1], changed, *lines[last:]]), encoding="utf-8")
    return lines_of(path, entry) if f"- id: {entry}\n" in path.read_text(encoding="utf-8") else (first, last)


def refused(content: Path) -> list[Problem]:
    with pytest.raises(ContentError) as error:
        load_exercises(content, SOURCES)
    return error.value.problems


# ---- regions ----
@pytest.mark.parametrize(
    ("words", "region"), [("eye", "eye"), ("lips", "mouth"), ("eyebrow", "forehead"), ("whole face", None), ("", None)]
)
def test_a_region_is_known_by_its_words(library: ExerciseLibrary, words: str, region: str | None) -> None:
    found = library.region_named(words)
    assert (found.id if found is not None else None) == region


def test_a_word_that_names_two_regions_is_refused(copy: Path) -> None:
    path = copy / "exercises" / "regions.yml"
    path.write_text(path.read_text().replace("also: [nostril]", "also: [lips]"))
    (problem,) = refused(copy)
    assert "'lips' names mouth too" in problem.message


def test_an_exercise_of_no_region_is_refused(copy: Path) -> None:
    change(copy, "paresis", "EX-13", "region: eye", "region: elbow")
    (problem,) = refused(copy)
    assert "EX-13: the region 'elbow' is not in regions.yml" in problem.message


# ---- the real content ----
def test_it_holds_all_forty_seven(library: ExerciseLibrary) -> None:
    assert sorted(library.exercises) == [f"EX-{number:02d}" for number in range(1, 48)]


def test_every_stage_and_gate_has_its_words(library: ExerciseLibrary) -> None:
    assert tuple(library.stages) == STAGES
    assert set(library.gates) == set(get_args(GateId.__value__))


def test_every_stage_has_a_programme(library: ExerciseLibrary) -> None:
    assert all(library.programmes_of(stage) for stage in STAGES)


def test_nothing_active_is_allowed_while_nothing_moves(library: ExerciseLibrary) -> None:
    active = [each for each in library.exercises.values() if each.kind in ("active", "check")]
    assert len(active) > 20
    assert [each.id for each in active if "S0" in each.allowed or each.gate == "everyday"] == []


def test_after_an_operation_only_breathing_and_rest_are_not_of_the_surgeons_set(library: ExerciseLibrary) -> None:
    after = {each.id for each in library.exercises.values() if "S5" in each.allowed}
    assert after == {"EX-01", "EX-23", *(f"EX-{number}" for number in range(39, 48))}
    assert all(library.exercises[each].gate == "surgery" for each in after - {"EX-01", "EX-23", "EX-39"})


def test_no_exercise_is_a_strength_drill(library: ExerciseLibrary) -> None:
    assert not any(each.strength for each in library.exercises.values())


def test_a_day_of_any_programme_stays_under_its_cap(library: ExerciseLibrary) -> None:
    most = library.caps["minutes_a_day"].max
    assert [each.id for each in library.programmes.values() if each.minutes * each.times_a_day > most] == []


def test_who_looks_up_and_away_has_the_chin_drawn_away_from_that_side(library: ExerciseLibrary) -> None:
    away = [each.picture for each in library.exercises.values() if each.picture.pose == "look-up-away"]
    assert away
    for picture in away:
        assert {arrow.towards for arrow in picture.arrows if arrow.at == "chin"} == {"up-in"}


def test_every_picture_draws_for_both_sides(library: ExerciseLibrary) -> None:
    for each in library.exercises.values():
        words = each.picture
        arrows = tuple(Arrow(arrow.at, arrow.towards) for arrow in words.arrows)
        hand = Hand(words.hand.at, words.hand.kind) if words.hand else None
        picture = Picture(words.pose, words.side, words.lit, arrows, hand)
        assert draw(picture, "left") != draw(picture, "right"), each.id


def test_a_smaller_exercise_is_never_the_same_one_nor_leads_in_a_circle(library: ExerciseLibrary) -> None:
    for exercise in library.exercises.values():
        seen = [exercise.id]
        while (smaller := library.exercises[seen[-1]].easier_id) is not None:
            assert smaller not in seen, seen
            seen.append(smaller)


def test_the_self_check_always_lets_people_say_that_they_are_not_sure() -> None:
    for question in load_self_check(CONTENT):
        unsure = [
            answer for answer in question.answers if "unsure" in answer.also or "not sure" in answer.label.lower()
        ]
        assert unsure or question.id == "side", question.id
        assert all(not answer.sets or answer.sets == {"cause": "none"} for answer in unsure), question.id


def test_the_self_checks_causes_are_the_triages() -> None:
    findings = yaml.safe_load((CONTENT / "triage" / "findings.yml").read_text(encoding="utf-8"))["findings"]
    known = set(findings["known_cause"]["values"])
    cause = next(each for each in load_self_check(CONTENT) if each.id == "cause")
    assert {str(answer.sets["cause"]) for answer in cause.answers} <= known


def test_a_span_of_time_counts_from_its_nearer_end() -> None:
    """Whoever says "3 to 12 weeks" is taken to be at three: what is unclear chooses the earlier stage."""
    weeks = next(each for each in load_self_check(CONTENT) if each.id == "weeks")
    told = {answer.label: answer.sets.get("weeks") for answer in weeks.answers}
    assert told == {"Under 3 weeks": 0, "3 to 12 weeks": 3, "3 to 12 months": 13, "Over a year": 53, "Not sure": None}


# ---- a broken copy ----
# file, entry, what is changed into what, and what is said of it
BROKEN = [
    pytest.param("paresis", "EX-13", "kind: active", "kindly: active", "Remove this key", id="a key misspelt"),
    pytest.param("paresis", "EX-13", "    strength: false\n", "", "`exercises.1.strength`", id="a key missing"),
    pytest.param("paresis", "EX-13", "kind: active", "kind: jolly", "kind", id="a kind that there isn't"),
    pytest.param("paresis", "EX-13", "id: EX-13", "id: EX-131", "id", id="an id of another form"),
    pytest.param("paresis", "EX-13", "effort: 2", "effort: 4", "effort is 4, over its cap of 3", id="effort over its cap"),
    pytest.param("paresis", "EX-13", "effort: 2", "effort: 11", "effort", id="effort over ten"),
    pytest.param("paresis", "EX-13", "effort: 2", "effort: null", "`effort` is null", id="a movement without an effort"),
    pytest.param("paresis", "EX-13", "times_a_day: 3", "times_a_day: 60", "40 minutes a day, over the cap of 30", id="holds over the day's cap"),
    pytest.param("paresis", "EX-13", "sets: 1", "sets: 20", "40 minutes a day, over the cap of 30", id="sets over the day's cap"),
    pytest.param("surgery", "EX-40", "arrows: [{at: cheek, towards: circle}], hand: {at: cheek, kind: flat-pads}", "arrows: [], hand: null", "shows nothing but a face at rest", id="a picture of nothing"),
    pytest.param("paresis", "EX-13", "hold_s: 5", "hold_s: 6", "hold_s_active is 6, over its cap of 5", id="a hold over its cap"),
    pytest.param("paresis", "EX-16", "hold_s: 10", "hold_s: 11", "over its cap of 10", id="a hold over its own exception"),
    pytest.param("flaccid", "EX-04", "hold_s: 15", "hold_s: 31", "hold_s_stretch is 31, over its cap of 30", id="a stretch over its cap"),
    pytest.param("paresis", "EX-13", "repetitions: 5", "repetitions: 6", "repetitions is 6, over its cap of 5", id="repetitions over their cap"),
    pytest.param("surgery", "EX-46", "repetitions: 10", "repetitions: 11", "over its cap of 10", id="repetitions over their own exception"),
    pytest.param("flaccid", "EX-03", "minutes: 5", "minutes: 31", "minutes a day", id="minutes over the day's cap"),
    pytest.param("paresis", "EX-13", "hold_s: 5", "hold_s: 0", "greater than 0", id="a hold of nothing"),
    pytest.param("paresis", "EX-13", "sources: [IFP-MOVE, FPUK-PAR]", "sources: []", "names no source", id="no source"),
    pytest.param("paresis", "EX-13", "IFP-MOVE", "IFP-MOOVE", "source IFP-MOOVE is not in content/sources.yml", id="an unknown source"),
    pytest.param("paresis", "EX-13", "provenance: [sourced, DES]", "provenance: []", "provenance", id="no provenance"),
    pytest.param("paresis", "EX-13", "sourced, DES", "hearsay", "provenance", id="an unknown provenance"),
    pytest.param("paresis", "EX-13", "    picture: {", "    painting: {", "Remove this key", id="no picture"),
    pytest.param("paresis", "EX-13", "pose: eyes-closed", "pose: moonwalk", "no pose 'moonwalk'", id="a pose nobody can draw"),
    pytest.param("paresis", "EX-13", "at: eyelid", "at: kneecap", "no place 'kneecap'", id="a place nobody can draw"),
    pytest.param("paresis", "EX-13", "side: both", "side: top", "side", id="a side nobody can draw"),
    pytest.param("paresis", "EX-13", "lit: [orbicularis-oculi]", "lit: [biceps]", "no muscle 'biceps'", id="a muscle nobody can draw"),
    pytest.param("paresis", "EX-13", "    alt: ", "    alt: ''\n    # ", "alt", id="no words for the picture"),
    pytest.param("paresis", "EX-13", "allowed: [S1, S2, S3, S4]", "allowed: [S0, S1, S2, S3, S4]", "each of S0 to S5 once", id="a stage both ways"),
    pytest.param("paresis", "EX-13", "allowed: [S1, S2, S3, S4]", "allowed: [S1, S2, S3]", "each of S0 to S5 once", id="a stage forgotten"),
    pytest.param("paresis", "EX-13", "allowed: [S1, S2, S3, S4]", "allowed: [S1, S2, S3, S6]", "allowed", id="a stage that there isn't"),
    pytest.param("paresis", "EX-13", "hold_step: 2", "hold_step: 4", "it has 4 steps, from 0", id="a hold after the last step"),
    pytest.param("paresis", "EX-13", "hold_step: 2", "hold_step: null", "go together", id="a hold at no step"),
    pytest.param("paresis", "EX-13", "contact_lens_in", "full_moon", "names 'full_moon'", id="a situation nobody explains"),
    pytest.param("paresis", "EX-13", "easier_id: null", "easier_id: EX-99", "there is no exercise EX-99", id="a smaller one that there isn't"),
    pytest.param("paresis", "EX-13", "easier_id: null", "easier_id: EX-16", "EX-16 is forbidden in S1, S3, S4", id="a smaller one of other stages"),
    pytest.param("flaccid", "EX-02", "easier_id: EX-01", "easier_id: EX-36", "EX-36 is forbidden in S0", id="a smaller one that S0 forbids"),
    pytest.param("flaccid", "EX-02", "kind: relaxation", "kind: active", "EX-02 asks the weak side to move", id="active while nothing moves"),
    pytest.param("paresis", "EX-13", "gate: paresis", "gate: everyday", "EX-13 asks the weak side to move", id="active without a gate"),
    pytest.param("paresis", "EX-14", "id: EX-14", "id: EX-13", "EX-13 stands twice", id="an id twice"),
    pytest.param("programmes", "P-S0", "      - EX-02\n", "      - EX-99\n", "there is no exercise EX-99", id="programme: an unknown exercise"),
    pytest.param("programmes", "P-S0", "      - EX-02\n", "      - EX-14\n", "EX-14 is forbidden in S0", id="programme: a forbidden exercise"),
    pytest.param("programmes", "P-S0", "of: [EX-03,", "of: [EX-13, EX-03,", "EX-13 is forbidden in S0", id="programme: a forbidden pick"),
    pytest.param("programmes", "P-S0", "habits: [EX-05,", "habits: [EX-36, EX-05,", "EX-36 is forbidden in S0", id="programme: a forbidden habit"),
    pytest.param("programmes", "P-S0", "weekly: []", "weekly: [EX-12]", "EX-12 is forbidden in S0", id="programme: a forbidden check"),
    pytest.param("programmes", "P-S5-LID", "EX-46]", "EX-13]", "EX-13 is forbidden in S5", id="programme: forbidden after an operation"),
    pytest.param("programmes", "P-S0", "      - EX-02\n", "      - EX-05\n", "EX-05 is a habit", id="programme: a habit in the session"),
    pytest.param("programmes", "P-S0", "count: 1", "count: 4", "a pick asks for 4 of 3", id="programme: a pick of too many"),
    pytest.param("programmes", "P-S1", "id: P-S1", "id: P-S0", "P-S0 stands twice", id="programme: an id twice"),
    pytest.param("programmes", "P-S0", "minutes: 6", "minutes: 11", "33 minutes a day, over the cap of 30", id="programme: too many minutes a day"),
    pytest.param("stages", "G3", "FPUK-PAR", "FPUK-PARR", "source FPUK-PARR", id="gate: an unknown source"),
    pytest.param("stages", "G3", "    locked: ", "    lockt: ", "Remove this key", id="gate: no words"),
    pytest.param("stages", "S3", "BJGP19", "BJGP91", "source BJGP91", id="stage: an unknown source"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "entry", "old", "new", "said"), BROKEN)
def test_a_fault_is_named_with_its_file_and_line(
    copy: Path, file: str, entry: str, old: str, new: str, said: str
) -> None:
    first, last = change(copy, file, entry, old, new)
    problems = refused(copy)
    found = [each for each in problems if said in each.message]
    assert found, problems
    assert found[0].file == f"content/exercises/{file}.yml"
    assert first <= found[0].line <= last, (found[0], first, last)


@pytest.mark.parametrize("gone", [*FAMILIES, "programmes", "stages"])
def test_a_missing_file_is_named(copy: Path, gone: str) -> None:
    (copy / "exercises" / f"{gone}.yml").unlink()
    assert [str(each) for each in refused(copy)] == [
        f"content/exercises/{gone}.yml:1: the file is missing. Restore it from the repository."
    ]


@pytest.mark.parametrize(
    ("part", "gone", "said"),
    [
        ("stages", "S2", "stage S2 is missing"),
        ("gates", "G4", "gate G4 is missing"),
        ("caps", "repetitions", "no cap for repetitions"),
    ],
)
def test_what_is_missing_from_stages_is_named(copy: Path, part: str, gone: str, said: str) -> None:
    path = copy / "exercises" / "stages.yml"
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    if isinstance(data[part], Mapping):
        del data[part][gone]
    else:
        data[part] = [each for each in data[part] if each["id"] != gone]
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    problems = refused(copy)
    place = next(number for number, line in enumerate(path.read_text().split("\n"), 1) if line == f"{part}:")
    assert [(each.file, each.line) for each in problems] == [("content/exercises/stages.yml", place)]
    assert said in problems[0].message


def test_an_exception_for_an_exercise_that_there_is_not_is_named(copy: Path) -> None:
    path = copy / "exercises" / "stages.yml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("{id: EX-46, max: 10", "{id: EX-64, max: 10"), encoding="utf-8")
    line = next(n for n, each in enumerate(text.split("\n"), 1) if "{id: EX-46, max: 10" in each)
    named = [each for each in refused(copy) if "EX-64" in each.message]
    assert [(each.file, each.line) for each in named] == [("content/exercises/stages.yml", line)]


def test_all_faults_are_told_at_once(copy: Path) -> None:
    change(copy, "paresis", "EX-13", "effort: 2", "effort: 4")
    change(copy, "surgery", "EX-40", "open_wound_or_rash", "full_moon")
    change(copy, "programmes", "P-S0", "      - EX-02\n", "      - EX-14\n")
    assert {each.file for each in refused(copy)} == {
        "content/exercises/paresis.yml", "content/exercises/programmes.yml", "content/exercises/surgery.yml",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("question", "old", "new", "said"),
    [
        ("movement", "{movement: none}", "{movment: none}", "sets 'movment'"),
        ("movement", "{movement: flicker}", "{movement: flickr}", "movement"),
        ("linked", "{linked: true}", "{linked: perhaps}", "linked"),
        ("operation", "{operation: masseter}", "{operation: nose_job}", "operation"),
        ("side", "{weak_side: left}", "{weak_side: leftish}", "weak_side"),
        ("assessed", "{assessed: true}", "{code: true}", "sets 'code'"),
        ("assessed", "{assessed: true}", "{red_flag: false}", "sets 'red_flag'"),
        ("linked", "id: linked", "id: movement", "'movement' stands twice"),
    ],
)
def test_a_fault_of_the_self_check_is_named_with_its_line(
    copy: Path, question: str, old: str, new: str, said: str
) -> None:
    first, last = change(copy, "self-check", question, old, new)
    with pytest.raises(ContentError) as error:
        load_self_check(copy)
    (problem,) = error.value.problems
    assert said in problem.message
    assert problem.file == "content/exercises/self-check.yml"
    assert first <= problem.line <= last


def test_no_button_of_a_pick_is_held_twice(library: ExerciseLibrary) -> None:
    for programme in library.programmes.values():
        for item in programme.session:
            if isinstance(item, PickItem):
                assert len(set(item.pick.of)) == len(item.pick.of), programme.id

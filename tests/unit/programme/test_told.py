"""What is told of progress from what is kept: which figures, which milestones, and the same in words. All invented."""

from datetime import UTC, date, datetime, timedelta

import pytest

from bot.programme.practice import Practice
from bot.programme.progress import CAPTIONS, Practised, Progress
from bot.programme.questionnaire import load_questionnaires
from bot.programme.told import Given, in_words, tell
from bot.settings import CONTENT
from bot.words import Words
from tests.unit import loaded

NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)  # a Sunday
WORDS = Words.load(CONTENT / "words.yml")
QUESTIONNAIRES = load_questionnaires(CONTENT / "questionnaires")
LIBRARY = loaded.exercise_library()


def practised(days_ago: int, programme: str = "P-S2", comfort: int | None = 6) -> Practised:
    began = NOW - timedelta(days=days_ago, hours=4)
    return Practised(began, "UTC", programme, programme[2:4], "finished", ("EX-13",), 2, comfort)


def week(days_ago: int, eyelid: str = "no", **parts: float | None) -> Given:
    figures = {"comfort": 6.0, "eye_comfort": 5.0, "burden": 4.0, **parts}
    return Given("weekly-check-in", NOW - timedelta(days=days_ago), figures, {"eyelid": eyelid, "brow": None})


def told(sessions: list[Practised], given: list[Given], rest_days: frozenset[date] = frozenset()) -> Progress:
    found = maybe(sessions, given, rest_days)
    assert found is not None
    return found


def maybe(sessions: list[Practised], given: list[Given], rest_days: frozenset[date] = frozenset()) -> Progress | None:
    return tell(
        sessions, given, library=LIBRARY, questionnaires=QUESTIONNAIRES, now=NOW, zone="UTC", words=WORDS,
        rest_days=rest_days,
    )  # fmt: skip


def test_while_there_is_nothing_there_is_nothing_to_tell() -> None:
    empty = Practised(NOW, "UTC", "P-S2", "S2", "stopped", ())
    skipped = Given("weekly-check-in", NOW, {"comfort": None, "eye_comfort": None, "burden": None}, {"eyelid": None})
    assert maybe([], []) is None
    assert maybe([empty], [skipped]) is None


def test_one_session_or_one_figure_is_something() -> None:
    assert told([practised(0)], []).summary == WORDS("progress.one")
    assert [each.name for each in told([], [week(1)]).scores] == ["Burden", "Eye comfort", "Face comfort"]


def test_figures_come_in_a_fixed_order_and_mood_is_not_among_them() -> None:
    given = [
        week(9),
        Given("phq-2", NOW, {"mood": 5.0}, {}),
        Given("synkinesis-assessment", NOW - timedelta(days=3), {"synkinesis": 44.4}, {}, "Scaled: 7 of 9 answered."),
        Given("facial-disability-index", NOW - timedelta(days=2), {"physical": 55.0, "social": None}, {}),
        week(2, burden=2),
    ]
    scores = {each.name: each for each in told([], given).scores}
    assert list(scores) == ["Eating and speaking", "Linked movements", "Burden", "Eye comfort", "Face comfort"]
    assert (scores["Burden"].first.value, scores["Burden"].latest.value, scores["Burden"].change) == (4, 2, -2)
    assert not scores["Burden"].higher_is_better
    assert not scores["Linked movements"].higher_is_better
    assert scores["Linked movements"].latest.shown == "~44.4"
    assert scores["Eating and speaking"].latest.awaits_permission
    assert scores["Eating and speaking"].latest.meaning.startswith("Two figures")


def test_the_first_time_something_was_seen_to_move_is_a_milestone() -> None:
    progress = told([], [week(2, "yes"), week(9, "yes"), week(16, "not_sure")])
    assert [(each.day, each.words) for each in progress.milestones] == [
        ((NOW - timedelta(days=9)).date(), "Eyelid seen to move")
    ]


def test_what_is_planned_comes_from_the_programme_and_never_from_days_on_which_it_was_shut() -> None:
    sessions = [practised(13), practised(6)]
    assert [each.planned for each in told(sessions, []).weeks] == [3 * 6 + 1, 3 * 6]
    shut = told(sessions, [], Practice(closed_at=NOW - timedelta(days=3)).shut_days(NOW, "UTC"))
    assert [each.planned for each in shut.weeks] == [3 * 6 + 1, 3 * 3]


def test_a_programme_of_some_days_plans_no_more_than_those() -> None:
    sessions = [practised(13, "P-S4"), practised(6, "P-S4")]
    assert [each.planned for each in told(sessions, []).weeks] == [3, 3]


def test_a_programme_that_is_gone_asks_for_nothing() -> None:
    assert [each.planned for each in told([practised(6, "P-S9")], []).weeks] == [0]


def test_the_figures_in_words() -> None:
    given = [
        week(9, "yes"),
        week(2, burden=2),
        Given("synkinesis-assessment", NOW, {"synkinesis": 44.44}, {}, "Scaled: 7 of 9 answered."),
    ]
    lines = in_words(told([practised(13), practised(6, comfort=None), practised(6)], given), WORDS)
    assert lines == (
        "Sessions of each week, done of planned: 9 Nov 1 of 19, comfort 6; this week 2 of 18, comfort 6.",
        "Comfort is from 0 to 10, higher is better.",
        "Milestones: 13 Nov Eyelid seen to move.",
        "Linked movements: about 44.4, lower is better.",
        "Burden: first 4, latest 2, lower is better.",
        "Eye comfort: first 5, latest 5, higher is better.",
        "Face comfort: first 6, latest 6, higher is better.",
    )


def test_weeks_without_practice_are_not_told_in_words_when_there_never_was_any() -> None:
    assert in_words(told([], [week(2)]), WORDS)[0].startswith("Burden: 4")


@pytest.mark.parametrize("key", [f"progress.{name}" for name in CAPTIONS])
def test_every_caption_has_its_words(key: str) -> None:
    assert WORDS(key)


def test_figures_are_named_apart_and_short_enough_for_a_phone() -> None:
    names = [each.name for one in QUESTIONNAIRES.values() for each in one.scoring.figures]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 20

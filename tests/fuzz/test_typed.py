"""What people type: times and places, answers to questions, ages and countries. Always a value, in bounded time."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.reminders.places import Ambiguous, Places
from bot.reminders.schedule import RuleCorrupted, Schedule, problem, upcoming
from bot.reminders.wording import read_request
from bot.settings import CONTENT
from bot.triage.assess import WrongFinding, assess, read_findings
from bot.triage.condition import NotACondition
from bot.triage.condition import parse as parse_condition
from bot.triage.countries import Countries
from bot.triage.interview import Interview, load_interview, read_answer
from bot.triage.languages import Languages
from bot.triage.rules import Rules, load_rules
from bot.triage.screen import Screen
from tests.fuzz.conftest import examples, within
from tests.fuzz.mess import nasty, texts, values

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
WORDS = (
    "remind me", "to tape", "my eye", "at", "9", "21:30", "9.15pm", "half past", "every", "2 hours", "day", "mondays", "weekdays",
    "from", "to", "until", "except", "on", "the 31st", "31/02", "feb 29", "tomorrow", "in 3 weeks", "stop", "pause", "for",
    "change", "my reminder", "delete", "all", "quiet", "between", "and", "twice", "99 times a", "not", "after", "meals", "noon",
    "midnight", "0", "-1", "9999999999", "next", "week", "i moved to", "London", "?", ",", ".", "!", "’", "11pm-7am",
)  # fmt: skip
wordings = st.lists(st.sampled_from(WORDS) | nasty, max_size=16).map(" ".join)


@cache
def places() -> Places:
    return Places.load(CONTENT / "places.yml")


@cache
def screen() -> Screen:
    return Screen.load(CONTENT)


@cache
def languages() -> Languages:
    return Languages.load(CONTENT / "triage" / "languages.yml")


@cache
def rules() -> Rules:
    return load_rules(CONTENT / "triage")


@cache
def interview() -> Interview:
    return load_interview(CONTENT / "triage", rules())


@examples(1)
@given(
    wordings | texts,
    st.integers(0, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
)
@example("," * 4096, NOW)
@example("remind me at 9" + ", " * 2000, NOW)
@example("every 9 " * 400, NOW)
@example("at " * 1300, NOW)
@example("1 " * 2000, NOW)
@example("from 9 to " * 400, NOW)
def test_any_wish_for_a_reminder_is_read_in_time(text: str, now: datetime) -> None:
    is_place = places().is_place
    with within(3.0):
        read_request(text[:4096], now, is_place)


@examples(1)
@given(
    texts
    | st.lists(st.sampled_from(["new", "york", "saint", "-", "st", "’", "the", "of", "kong"]), max_size=9).map(" ".join)
)
def test_any_place_is_a_zone_a_choice_or_nothing(text: str) -> None:
    known = places()
    with within(1.0):
        found = known.zone_of_place(text)
        known.is_place(text)
    assert found is None or isinstance(found, str | Ambiguous)


@examples(1)
@given(
    values.map(repr)
    | st.text(max_size=60)
    | st.sampled_from(["{}", "[]", "null", '{"times": 1}', '{"zone": "Mars/X"}', "[" * 9999])
)
def test_a_stored_schedule_is_one_or_corrupted(text: str) -> None:
    try:
        made = Schedule.loads(text)
    except RuleCorrupted:
        return
    assert problem(made, NOW) is None or upcoming(made, NOW, 3) is not None


@examples(1)
@given(wordings | texts)
@example("a " * 2000)
@example("my arm is weak and " * 200)
@example("not " * 1000 + "weak")
@example("? " * 2000)
def test_any_text_is_screened_in_time(text: str) -> None:
    screened = screen()
    with within(3.0):
        found = screened(text[:4096])
    assert found is not None
    list(languages().find(text))


@examples(1)
@given(st.data(), texts)
def test_any_answer_to_a_question_is_of_that_question(data: st.DataObject, text: str) -> None:
    question = data.draw(st.sampled_from(list(interview().questions)))
    label = data.draw(st.sampled_from([each.label for each in question.answers]))
    for typed in (text, f"{label} {text}", label):
        with within(0.5):
            assert all(each in question.answers for each in read_answer(question, typed))


@examples(1)
@given(st.dictionaries(st.sampled_from(sorted(rules().findings)) | st.text(max_size=9), values, max_size=6) | values)
def test_any_findings_are_assessed_or_refused(given_: object) -> None:
    try:
        known = read_findings(given_, rules().findings)
    except WrongFinding:
        return
    ruleset = rules()
    with within(1.0):
        assert assess(known, ruleset).disposition is not None


@pytest.mark.parametrize("times", [100, 2_000])
@pytest.mark.parametrize("piece", ["(", "not ", "droop and ", "droop = yes or "])
def test_a_condition_without_end_is_refused_in_time(piece: str, times: int) -> None:
    with within(5.0), pytest.raises(NotACondition):
        parse_condition(piece * times, rules().findings)


@examples(1)
@given(texts)
def test_any_country_is_one_or_none(text: str) -> None:
    known = _countries()
    assert known.find(text) is None or known.get(known.find(text)) is not None


@cache
def _countries() -> Countries:
    return Countries.load(CONTENT / "countries.yml")

"""Which words a reminder says: always some that exist, never the same twice in a row, rarer when nobody hears them."""

import string
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.reminders.plan import CARE_POINTS
from bot.reminders.prompt import ASK_AFTER, RARER_AFTER, Lately, is_left_out, prompt
from bot.reminders.schedule import Kind
from bot.words import Words

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
TODAY = NOW.date()
DAY = timedelta(days=1)
DAILY: tuple[Kind, ...] = ("exercises", "eye_drops")
RARE: tuple[Kind, ...] = ("check_in", "appointment", "recheck", "care_point")
NAMES = [*CARE_POINTS, "abcdef", "c99999"]


def at(hour: int, *days_ago: int) -> Lately:
    return Lately(frozenset(TODAY - ago * DAY for ago in days_ago), NOW.replace(hour=hour))


def keys(kind: Kind, lately: Lately, count: int = 10) -> list[str]:
    return [prompt(kind, "abcdef", 0, lately, nth=nth).key for nth in range(count)]


lately = st.builds(lambda hour, days: at(hour, *days), st.integers(0, 23), st.sets(st.integers(0, 9)))


@given(st.sampled_from([*DAILY, *RARE]), st.sampled_from(NAMES), st.integers(0, 30), lately, st.integers(0, 10_000))
def test_there_are_always_words(words: Words, kind: Kind, name: str, ignored: int, lately: Lately, nth: int) -> None:
    written = words.keys()
    assert prompt(kind, name, ignored, lately, nth=nth).key in written


@given(st.sampled_from(DAILY), st.integers(0, 30), lately, lately, st.integers(0, 10_000))
def test_two_reminders_in_a_row_never_say_the_same(
    kind: Kind, ignored: int, one: Lately, next_one: Lately, nth: int
) -> None:
    first, second = prompt(kind, "a", ignored, one, nth=nth), prompt(kind, "a", ignored, next_one, nth=nth + 1)
    assert first.key != second.key


@given(st.sampled_from(DAILY), st.integers(0, 30), lately, st.integers(0, 10_000))
def test_the_same_moment_says_the_same(kind: Kind, ignored: int, lately: Lately, nth: int) -> None:
    assert prompt(kind, "a", ignored, lately, nth=nth) == prompt(kind, "a", ignored, lately, nth=nth)


def test_who_is_reminded_at_one_hour_hears_all_that_fits() -> None:
    assert set(keys("exercises", at(9), 5)) == {
        "remind.small", "remind.morning", "remind.gentle", "remind.ready", "remind.mirror"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("hour", "said"), [(8, "morning"), (11, "morning"), (12, "afternoon"), (16, "afternoon"), (17, "evening")]
)
def test_a_greeting_fits_the_hour(hour: int, said: str) -> None:
    greetings = {"remind.morning", "remind.afternoon", "remind.evening"}
    assert greetings & set(keys("exercises", at(hour))) == {f"remind.{said}"}


@pytest.mark.parametrize(
    ("days_ago", "said"),
    [
        ((), "remind.small"),
        ((2, 3, 4), "remind.small"),
        ((1,), "remind.yesterday"),
        ((1, 2), "remind.yesterday"),
        ((1, 2, 3), "remind.row"),
        ((0,), "remind.again_today"),
        ((0, 1, 2, 3), "remind.again_today"),
    ],
)
def test_words_about_practice_are_true(days_ago: tuple[int, ...], said: str) -> None:
    about = {"remind.small", "remind.yesterday", "remind.row", "remind.again_today"}
    assert about & set(keys("exercises", at(9, *days_ago))) == {said}


@pytest.mark.parametrize(("days_ago", "count"), [((), 0), ((1, 2, 3), 3), ((0, 1, 2), 3), ((1, 2, 4), 2), ((3, 4), 0)])
def test_days_in_a_row_are_counted_up_to_yesterday_or_today(days_ago: tuple[int, ...], count: int) -> None:
    assert at(9, *days_ago).streak == count


def test_the_night_is_spoken_of_in_the_evening_alone() -> None:
    assert ["remind.eye_night" in keys("eye_drops", at(hour)) for hour in (7, 18, 19, 22)] == [False, False, True, True]


@pytest.mark.parametrize("name", CARE_POINTS)
def test_each_point_of_the_care_plan_has_a_question_of_its_own(name: str) -> None:
    others = {prompt("care_point", other, 0, at(10), nth=0).key for other in CARE_POINTS if other != name}
    assert prompt("care_point", name, 0, at(10), nth=0).key not in others


def test_no_reminder_speaks_of_what_was_missed(words: Words) -> None:
    blame = {"missed", "forgot", "forgotten", "should", "must", "again!", "failed", "lazy", "lost", "behind"}
    written = words.keys()
    for key in (key for key in written if key.startswith("remind.") and "weeks" not in key):
        said = {word.strip(string.punctuation) for word in words(key).lower().split()}
        assert not blame & said, key


def test_no_reminder_cheers(words: Words) -> None:
    written = words.keys()
    for key in (key for key in written if key.partition(".")[0] in ("remind", "reminders")):
        assert "!" not in words(key), key


# ---- not heard ----
def asks(kind: Kind, ignored: int, **more: Any) -> bool:
    return prompt(kind, "a", ignored, at(9), nth=0, **more).asks_for_another_time


@pytest.mark.parametrize("kind", DAILY)
def test_after_a_run_that_nobody_heard_it_asks_once_for_another_time(kind: Kind) -> None:
    assert [ignored for ignored in range(30) if asks(kind, ignored)] == [ASK_AFTER]


@pytest.mark.parametrize("kind", RARE)
def test_what_comes_seldom_never_asks_for_another_time(kind: Kind) -> None:
    assert not any(asks(kind, ignored) for ignored in range(30))


def sent(kind: Kind, count: int, *, ignored: int = RARER_AFTER) -> list[int]:
    """Which of so many due ones go out to somebody who hears none of them."""
    return [nth for nth in range(count) if not is_left_out(kind, ignored, nth=nth)]


@pytest.mark.parametrize("kind", DAILY)
def test_from_then_on_exactly_every_third_is_sent(kind: Kind) -> None:
    assert {later - earlier for earlier, later in pairwise(sent(kind, 300))} == {3}


@pytest.mark.parametrize("kind", DAILY)
@pytest.mark.parametrize("ignored", range(RARER_AFTER))
def test_before_that_all_are_sent(kind: Kind, ignored: int) -> None:
    assert len(sent(kind, 30, ignored=ignored)) == 30


@pytest.mark.parametrize("kind", RARE)
def test_what_comes_seldom_is_never_left_out(kind: Kind) -> None:
    assert len(sent(kind, 30, ignored=1000)) == 30


@given(st.integers(1, 12), st.integers(0, 200))
def test_with_many_a_day_it_takes_as_many_days(a_day: int, ignored: int) -> None:
    rare = any(is_left_out("eye_drops", ignored, nth=nth, a_day=a_day) for nth in range(3))
    assert rare is (ignored >= RARER_AFTER * a_day)
    assert asks("eye_drops", ignored, a_day=a_day) is (ignored == ASK_AFTER * a_day)


def test_the_question_comes_before_it_becomes_rarer() -> None:
    assert ASK_AFTER < RARER_AFTER


def test_a_row_ends_at_a_day_without_practice() -> None:
    assert Lately(frozenset({date(2026, 11, 21), date(2026, 11, 19)}), NOW).streak == 1

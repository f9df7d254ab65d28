"""Reminders asked for in chat, in words and by buttons: told back, changed, paused, dropped, and moved with the person."""

import dataclasses
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.dialogue import Said
from bot.dialogue.reminder import LATEST, SOON, Reminders
from bot.outcome import Kind, Outcome, Reply
from bot.patient import Patient, Step
from bot.payload import Press, parse, payload
from bot.programme.practice import Practice
from bot.reminders.places import Ambiguous, Places
from bot.reminders.plan import MOST, Plan
from bot.reminders.schedule import MOST_A_DAY, Schedule
from bot.triage.countries import Countries
from bot.words import Words
from tests.unit.dialogue.conftest import NOW, FakeEngine, Person, known

DAY = timedelta(days=1)
TODAY = NOW.date()


def plan(person: Person) -> Plan:
    return Plan.loads(person.patient.reminders)


def rules(person: Person, kind: str | None = None) -> list[Schedule]:
    return [each.rule for each in plan(person).reminders if kind in (None, each.rule.kind)]


def times(person: Person) -> list[str]:
    return [f"{at:%H:%M}" for rule in rules(person) for at in rule.times]


def lines(person: Person) -> list[str]:
    return [line.removeprefix("- ") for line in person.heard.splitlines() if line.startswith("- ")]


def living_in(person: Person, country: str | None) -> Person:
    person.patient = dataclasses.replace(person.patient, country=country)
    return person


# ---- asking ----
async def test_a_request_is_told_back_with_the_next_three_times(person: Person) -> None:
    await person.types("remind me at 8 and after lunch, not on mondays")
    assert lines(person) == ["Sun 22 Nov, 13:30", "Tue 24 Nov, 08:00", "Tue 24 Nov, 13:30"]


async def test_it_is_told_back_by_whose_clock(person: Person) -> None:
    await person.types("remind me at 8")
    assert "the clock in London" in person.heard


async def test_no_engine_takes_part(person: Person, fake_engine: FakeEngine) -> None:
    fake_engine.is_up = False
    outcome = await person.types("every 2 hours for my drops until friday")
    assert (outcome.kind, lines(person)[0]) == (Kind.REMINDER, "Sun 22 Nov, 11:00")
    assert fake_engine.messages == []


async def test_different_things_have_different_times(person: Person) -> None:
    await person.types("remind me to do my exercises at 9")
    await person.types("remind me to use my drops at 7 and 22:00")
    assert [(rule.kind, rule.times) for rule in rules(person)] == [
        ("exercises", (time(9),)),
        ("eye_drops", (time(7), time(22))),
    ]


async def test_asking_anew_changes_and_does_not_pile_up(person: Person) -> None:
    for hour in ("8", "9", "10"):
        await person.types(f"remind me at {hour}")
    assert times(person) == ["10:00"]


async def test_one_more_is_added(person: Person) -> None:
    await person.types("remind me at 9am")
    await person.types("also at 6pm")
    assert times(person) == ["09:00", "18:00"]


async def test_one_of_several_is_changed(person: Person) -> None:
    await person.types("remind me at 9am and 6pm")
    await person.types("change my 9am reminder to 10am")
    assert times(person) == ["10:00", "18:00"]


async def test_a_change_is_of_the_only_kind_there_is(person: Person) -> None:
    await person.types("remind me to use my drops at 9am")
    await person.types("change my 9am reminder to 10am")
    assert [(rule.kind, rule.times) for rule in rules(person)] == [("eye_drops", (time(10),))]


async def test_only_the_days_are_changed(person: Person) -> None:
    await person.types("remind me at 9am")
    await person.types("not on sundays")
    assert (times(person), rules(person)[0].days) == (["09:00"], frozenset(range(6)))


async def test_a_usual_time_is_one_tap_away(person: Person) -> None:
    await person.types("/reminders")
    await person.taps("rem:at:thrice")
    assert times(person) == ["09:00", "13:00", "18:00"]


async def test_a_usual_time_is_for_what_was_asked_about(person: Person) -> None:
    await person.types("remind me to use my eye drops")
    await person.taps("rem:at:morning")
    assert [rule.kind for rule in rules(person)] == ["eye_drops"]


async def test_the_weekly_check_in_is_one_tap_away_and_begins_after_a_week(person: Person) -> None:
    await person.types("remind me at 9")
    await person.taps("rem:at:weekly")
    assert lines(person) == ["Sat 28 Nov, 10:00", "Sat 5 Dec, 10:00", "Sat 12 Dec, 10:00"]
    assert len(rules(person, "exercises")) == 1


async def test_the_weekly_check_in_is_offered_once(person: Person) -> None:
    await person.types("remind me of my weekly check-in every saturday at 10")
    await person.types("remind me at 9")
    assert "rem:at:weekly" not in person.offered


# ---- answers to what was asked back ----
@pytest.mark.parametrize(
    ("asked", "answer", "kind", "expected"),
    [
        ("remind me", "at 9 and after lunch", "exercises", ["09:00", "13:30"]),
        ("remind me", "9", "exercises", ["09:00"]),
        ("remind me", "9 and 6", "exercises", ["09:00", "18:00"]),
        ("remind me", "in the evening", "exercises", ["19:00"]),
        ("remind me to use my eye drops", "at 9", "eye_drops", ["09:00"]),
        ("remind me of my appointment on thursday", "at 9", "appointment", ["09:00"]),
        ("remind me of my appointment", "24 november at 10", "appointment", ["10:00"]),
        ("remind me at 25", "8:30", "exercises", ["08:30"]),
        ("remind me at 9 on 1/2", "1 february", "exercises", ["09:00"]),
        ("remind me to take my prednisolone at 8", "my exercises", "exercises", ["08:00"]),
        ("/reminders", "8 and 8", "exercises", ["08:00", "20:00"]),
    ],
)
async def test_a_short_answer_completes_what_was_asked(
    person: Person, asked: str, answer: str, kind: str, expected: list[str]
) -> None:
    await person.types(asked)
    assert rules(person) == []
    await person.types(answer)
    assert ([rule.kind for rule in rules(person)], times(person)) == ([kind], expected)


async def test_an_answer_may_come_in_parts(person: Person) -> None:
    for part in ("remind me of my appointment", "thursday", "10"):
        await person.types(part)
    assert [(rule.on, rule.times) for rule in rules(person)] == [(date(2026, 11, 26), (time(10),))]


async def test_a_change_by_button_is_of_that_reminder(person: Person) -> None:
    await person.types("remind me to use my drops at 9")
    name = plan(person).reminders[0].name
    person.shown.append(person.shown[0].model_copy(update={"payload": payload("rem", f"change:{name}")}))
    await person.taps(f"rem:change:{name}")
    await person.types("at 8")
    assert [(rule.kind, rule.times) for rule in rules(person)] == [("eye_drops", (time(8),))]


async def test_a_wrong_answer_is_asked_about_again(person: Person, words: Words) -> None:
    await person.types("remind me")
    await person.types("25")
    assert person.heard == words("reminders.no_such_time")


@pytest.mark.parametrize(
    "said",
    [
        "my eye waters at night",
        "worse at night",
        "can i swim in the evening?",
        "how often should i do it at night",
        "is it worse in the morning",
        "ok thanks",
    ],
)
async def test_what_is_no_answer_goes_its_usual_way(person: Person, fake_engine: FakeEngine, said: str) -> None:
    await person.types("remind me")
    await person.types(said)
    assert fake_engine.messages[-1:] == [said]
    assert rules(person) == []


async def test_an_answer_is_none_after_an_hour(person: Person, reminders: Reminders, countries: Countries) -> None:
    await person.types("remind me to use my eye drops")
    late = NOW + timedelta(hours=1)
    assert reminders.hear(person.patient, Said(text="in the evening"), countries.get("GB"), late) is None


# ---- bad input ----
@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("remind me at 25", "no_such_time"),
        ("remind me every second", "too_often"),
        ("remind me 200 times a day", "too_often"),
        ("remind me yesterday at 9", "past"),
        ("remind me on 1 january 2020 at 9", "past"),
        ("remind me at 8 on 30 february", "no_such_date"),
        ("remind me on 1/2 at 9", "which_date"),
        ("remind me from 5 december until 1 december at 8", "ends_first"),
        ("remind me of my appointment at 9am", "which_day"),
        ("remind me to take my prednisolone at 8", "what"),
        ("i'm in atlantis now", "where"),
        ("change my time zone", "where"),
    ],
)
async def test_what_cannot_be_set_gets_a_helpful_question_back(
    person: Person, words: Words, text: str, key: str
) -> None:
    outcome = await person.types(text)
    assert (outcome.kind, person.heard) == (Kind.REMINDER, words(f"reminders.{key}"))
    assert rules(person) == []


async def test_so_many_times_a_day_and_no_more(person: Person, words: Words) -> None:
    hours = [f"{hour}:{minute}" for hour in range(10, 17) for minute in ("00", "30")]
    await person.types("remind me at " + ", ".join(hours[:MOST_A_DAY]))
    assert len(times(person)) == MOST_A_DAY
    await person.types("also at 20:00")
    assert person.heard == words("reminders.too_often")


async def test_so_many_reminders_and_no_more(person: Person, words: Words) -> None:
    for day in range(1, 29):
        await person.types(f"remind me of my appointment on {day} december at 10")
    assert person.heard == words("reminders.too_many")
    assert len(rules(person)) == MOST


async def test_those_that_lie_behind_are_not_counted(person: Person) -> None:
    past = plan(person)
    for number in range(MOST):
        rule = Schedule(kind="appointment", zone="Europe/London", times=(time(10),), on=TODAY - (number + 1) * DAY)
        past = past.with_rule(f"{number:06x}", rule)
    person.patient = dataclasses.replace(person.patient, reminders=past.dumps())
    await person.types("remind me at 9")
    assert [rule.kind for rule in rules(person)] == ["exercises"]


# ---- less ----
async def test_a_part_of_the_day_is_dropped(person: Person, words: Words) -> None:
    await person.types("remind me at 9am and 6pm")
    await person.types("delete the morning one")
    assert (person.heard, times(person)) == (words("reminders.deleted"), ["18:00"])


async def test_one_kind_is_dropped(person: Person) -> None:
    await person.types("remind me at 9am")
    await person.types("remind me to use my drops at 9am")
    await person.types("cancel my drops reminders")
    assert [rule.kind for rule in rules(person)] == ["exercises"]


async def test_one_of_the_list_is_dropped_by_its_button(person: Person) -> None:
    await person.types("remind me at 9am")
    name = plan(person).reminders[0].name
    await person.types("my reminders")
    await person.taps(f"rem:delete:{name}")
    assert rules(person) == []


async def test_a_pause_says_when_they_come_back(person: Person, words: Words) -> None:
    await person.types("remind me at 9am")
    await person.types("stop for a week")
    assert person.heard == words("reminders.paused_until", moment="Sun 29 Nov")
    await person.types("my reminders")
    assert lines(person) == ["your exercises: Sun 29 Nov, 09:00"]


async def test_a_pause_by_button_is_a_week(person: Person) -> None:
    await person.types("remind me at 9am")
    await person.types("my reminders")
    await person.taps("rem:pause")
    assert rules(person)[0].paused_until == TODAY + 7 * DAY


async def test_a_pause_without_an_end_is_told_without_a_day(person: Person) -> None:
    await person.types("remind me at 9am")
    await person.types("pause my reminders")
    await person.types("my reminders")
    assert lines(person) == ["your exercises: resting"]


@pytest.mark.parametrize("way", ["start reminders again", "unpause", "tap"])
async def test_they_come_again_when_asked(person: Person, way: str) -> None:
    await person.types("remind me at 9am")
    await person.types("pause my reminders")
    await person.types("my reminders")
    await (person.taps("rem:resume") if way == "tap" else person.types(way))
    assert lines(person) == ["your exercises: Mon 23 Nov, 09:00"]


async def test_who_adds_to_paused_ones_wants_them_again(person: Person) -> None:
    await person.types("remind me at 9am")
    await person.types("pause my reminders")
    await person.types("also at 5pm")
    assert lines(person) == ["Sun 22 Nov, 17:00", "Mon 23 Nov, 09:00", "Mon 23 Nov, 17:00"]


@pytest.mark.parametrize("text", ["delete all my reminders", "pause my reminders"])
async def test_with_none_there_is_nothing_to_change(person: Person, words: Words, text: str) -> None:
    await person.types(text)
    assert person.heard == words("reminders.none")


@pytest.mark.parametrize("text", ["what reminders do i have", "my reminders", "/reminders"])
async def test_the_list_has_the_next_time_of_each(person: Person, text: str) -> None:
    await person.types("remind me at 9")
    await person.types("remind me of my appointment on 3 december 2027 at 10")
    await person.types(text)
    assert lines(person) == ["your exercises: Mon 23 Nov, 09:00", "your appointment: Fri 3 Dec 2027, 10:00"]


async def test_what_lies_behind_is_not_listed(person: Person) -> None:
    await person.types("remind me at 9")
    past = Schedule(kind="appointment", zone="Europe/London", times=(time(10),), on=TODAY - DAY)
    person.patient = dataclasses.replace(person.patient, reminders=plan(person).with_rule("aaaaaa", past).dumps())
    await person.types("my reminders")
    assert lines(person) == ["your exercises: Mon 23 Nov, 09:00"]


@pytest.mark.parametrize("text", ["my reminders", "/reminders"])
async def test_with_none_to_list_some_are_offered(person: Person, text: str) -> None:
    await person.types(text)
    assert person.offered == ["rem:at:morning", "rem:at:thrice", "rem:at:evening"]


# ---- clocks ----
@pytest.mark.parametrize("text", ["i'm in new york now", "i moved to new york"])
async def test_who_moved_is_reminded_by_the_clock_there(person: Person, text: str) -> None:
    await person.types("remind me at 9")
    await person.types(text)
    assert person.patient.zone == "America/New_York"
    assert [(rule.zone, rule.times) for rule in rules(person)] == [("America/New_York", (time(9),))]


async def test_a_shared_place_is_kept_as_a_zone_alone(person: Person) -> None:
    await person.types("remind me at 9")
    await person._say(Said(zone="Asia/Kathmandu"))
    assert (person.patient.zone, rules(person)[0].zone) == ("Asia/Kathmandu", "Asia/Kathmandu")
    assert "Kathmandu" in person.heard


async def test_before_consent_a_shared_place_is_not_kept(newcomer: Person) -> None:
    await newcomer._say(Said(zone="Asia/Kathmandu"))
    assert (newcomer.patient.zone, newcomer.patient.reminders) == (None, None)


async def test_a_place_with_several_clocks_is_asked_about(person: Person, words: Words) -> None:
    await person.types("i'm in portland")
    assert person.heard == words("reminders.which_city")
    assert person.offered == ["place:portland-oregon", "place:portland-maine"]
    assert person.patient.zone is None


@pytest.mark.parametrize(("answer", "zone"), [("oregon", "Los_Angeles"), ("Portland, Maine", "New_York")])
async def test_which_of_them_may_be_typed(person: Person, answer: str, zone: str) -> None:
    await person.types("i'm in portland")
    await person.types(answer)
    assert person.patient.zone == f"America/{zone}"


async def test_which_of_them_may_be_tapped(person: Person) -> None:
    await person.types("i'm in portland")
    await person.taps("place:portland-maine")
    assert person.patient.zone == "America/New_York"


@pytest.mark.parametrize("place", ["brazil", "canada", "mexico", "antarctica", "russia", "usa", "portugal"])
def test_every_city_that_is_asked_about_has_its_button(
    reminders: Reminders, countries: Countries, content: Path, place: str
) -> None:
    places, country = Places.load(content / "places.yml"), countries.get("GB")
    step = reminders.hear(known(), Said(text=f"i'm in {place}"), country, NOW)
    asked = places.zone_of_place(place)
    assert step is not None and isinstance(asked, Ambiguous)
    buttons = step.outcome.replies[0].buttons
    assert [button.title for button in buttons] == list(asked.cities)
    for button in buttons:
        taken = reminders.hear(known(), Said(press=parse(button.payload)), country, NOW)
        assert taken is not None and taken.patient.zone == places.zone_of_place(button.title)


async def test_in_a_country_with_several_clocks_it_says_that_it_guessed(person: Person, words: Words) -> None:
    await living_in(person, "US").types("remind me at 9")
    assert words("reminders.guessed") in person.heard
    assert rules(person)[0].zone == "America/New_York"


async def test_the_guess_is_put_right_by_the_bare_name_of_a_city(person: Person) -> None:
    await living_in(person, "US").types("remind me at 9")
    await person.types("chicago")
    assert [rule.zone for rule in rules(person)] == ["America/Chicago"]


async def test_a_country_with_one_clock_is_no_guess(person: Person, words: Words) -> None:
    await person.types("remind me at 9")
    assert words("reminders.guessed") not in person.heard


@pytest.mark.parametrize("answer", ["Oslo", "in oslo", "i'm in oslo", "oslo, norway", "shared"])
async def test_with_no_clock_known_it_asks_and_then_does_what_was_asked(
    person: Person, words: Words, answer: str
) -> None:
    await living_in(person, None).types("remind me at 8")
    assert (person.heard, rules(person)) == (words("reminders.which_place"), [])
    await (person._say(Said(zone="Europe/Oslo")) if answer == "shared" else person.types(answer))
    assert lines(person)[0] == "Mon 23 Nov, 08:00"
    assert [rule.zone for rule in rules(person)] == ["Europe/Oslo"]


async def test_several_clocks_in_between_do_not_lose_what_was_asked(person: Person) -> None:
    await living_in(person, None).types("remind me at 8")
    await person.types("i'm in portland")
    await person.taps("place:portland-maine")
    assert [(rule.zone, rule.times) for rule in rules(person)] == [("America/New_York", (time(8),))]


async def test_a_place_that_nobody_knows_is_asked_about_again(person: Person, words: Words) -> None:
    await living_in(person, None).types("remind me at 8")
    await person.types("Atlantis")
    assert person.heard == words("reminders.where")
    await person.types("Oslo")
    assert times(person) == ["08:00"]


@pytest.mark.parametrize("text", ["why do you need that", "how do i tape my eye", "dry eye", "hello", "my eye hurts"])
async def test_while_a_place_is_asked_for_other_things_are_still_heard(
    person: Person, fake_engine: FakeEngine, text: str
) -> None:
    await living_in(person, None).types("remind me at 8")
    await person.types(text)
    assert fake_engine.messages[-1:] == [text]


# ---- the care plan ----
def with_onset(person: Person, days_ago: int, **more: object) -> Person:
    onset = TODAY - days_ago * DAY
    person.patient = dataclasses.replace(person.patient, onset_on=onset, **more)  # type: ignore[arg-type]
    return person


def looks(person: Person) -> list[int]:
    return [(rule.on - TODAY).days for rule in rules(person, "care_point") if rule.on is not None]


async def test_the_care_plans_points_ahead_are_set_by_themselves(person: Person) -> None:
    await with_onset(person, 10).types("hello")
    assert looks(person) == [11, 39, 74, 173]


async def test_the_onset_that_the_self_check_heard_goes_before_the_rough_one(person: Person) -> None:
    heard = Practice(began_on=TODAY - 5 * DAY).dumps()
    await with_onset(person, 49, practice=heard).types("hello")
    assert looks(person) == [2, 16, 44, 79, 178]


async def test_a_changed_onset_is_counted_anew(person: Person) -> None:
    await with_onset(person, 10).types("hello")
    await with_onset(person, 100).types("hello")
    assert looks(person) == [83]


async def test_dropped_points_do_not_come_back(person: Person) -> None:
    await with_onset(person, 10).types("hello")
    await person.types("my reminders")
    await person.taps("rem:delete:c00504")
    await with_onset(person, 9).types("hello")
    assert looks(person) == []


async def test_the_list_has_the_next_point_alone(person: Person) -> None:
    await with_onset(person, 10).types("hello")
    await person.types("my reminders")
    assert lines(person) == ["a look at how you are: Thu 3 Dec, 10:00"]


async def test_dropping_the_morning_one_leaves_the_care_plan(person: Person) -> None:
    await with_onset(person, 10).types("remind me at 9am")
    await person.types("delete the morning one")
    assert len(looks(person)) == 4


async def test_without_consent_there_is_no_care_plan(newcomer: Person) -> None:
    await with_onset(newcomer, 10).types("hello")
    assert newcomer.patient.reminders is None


async def test_the_first_questions_come_before_the_care_plan(person: Person, reminders: Reminders) -> None:
    patient = dataclasses.replace(known(), step=Step.COUNTRY, onset_on=TODAY)
    assert reminders.care(patient, NOW) == patient


async def test_an_intake_that_ends_sets_the_check_that_it_told_of(person: Person, words: Words) -> None:
    await person.types("/check")
    for _ in range(60):
        if person.turn is not None and person.turn.assessed is not None:
            break
        await person.taps(next(each for each in reversed(person.offered) if each.startswith("ans:")))
    assert person.turn is not None and person.turn.assessed is not None
    (recheck,) = rules(person, "recheck")
    assert recheck.on == TODAY + timedelta(hours=person.turn.assessed.again_after)


# ---- the buttons of a reminder that came ----
async def had(person: Person, text: str = "remind me at 9") -> str:
    await person.types(text)
    return plan(person).reminders[0].name


async def press(person: Person, argument: str) -> None:
    await person._say(Said(press=Press("rem", argument)))


def snoozed(person: Person) -> datetime:
    assert person.turn is not None and person.turn.snoozed is not None
    return person.turn.snoozed[1]


async def test_in_half_an_hour_it_comes_once_more(person: Person) -> None:
    name = await had(person)
    await press(person, f"soon:{name}")
    assert person.turn is not None and person.turn.snoozed == (name, NOW + SOON)
    assert "10:30" in person.heard


async def test_later_today_is_three_hours_from_now(person: Person) -> None:
    await press(person, f"later:{await had(person)}")
    assert snoozed(person) == NOW + timedelta(hours=3)


@pytest.mark.parametrize(
    ("now", "comes"), [("20:00", "21:30"), ("21:20", "21:50"), ("23:00", "23:30"), ("18:00", "21:00")]
)
async def test_later_today_wakes_nobody(
    person: Person, reminders: Reminders, countries: Countries, now: str, comes: str
) -> None:
    name = await had(person)
    moment = datetime.combine(TODAY, time.fromisoformat(now), ZoneInfo("Europe/London"))
    step = reminders.hear(person.patient, Said(press=Press("rem", f"later:{name}")), countries.get("GB"), moment)
    assert step is not None and step.snoozed is not None
    assert f"{step.snoozed[1]:%H:%M}" == comes
    assert time.fromisoformat(comes) <= max(LATEST, (moment + SOON).time())


@pytest.mark.parametrize("verb", ["soon", "later"])
async def test_one_that_was_dropped_is_not_put_off(person: Person, words: Words, verb: str) -> None:
    await press(person, f"{verb}:abcdef")
    assert (person.turn and person.turn.snoozed, person.heard) == (None, words("reminders.gone"))


async def test_not_today_asks_why_with_a_tip_behind_each_button(person: Person, words: Words) -> None:
    await press(person, f"skip:{await had(person)}")
    assert words("reminders.why") in person.heard
    assert person.offered and all(each.startswith("bar:") for each in person.offered)
    await person.taps(person.offered[0])
    assert person.heard


async def test_for_the_eye_nobody_is_asked_why(person: Person, words: Words) -> None:
    await press(person, f"skip:{await had(person, 'remind me to use my drops at 9')}")
    assert (person.heard, person.offered) == (words("reminders.skipped"), [])


async def test_done_is_thanked_for(person: Person, words: Words) -> None:
    await press(person, f"done:{await had(person)}")
    assert person.heard == words("reminders.noted")


# ---- what goes first, and what is none of this ----
async def test_a_red_flag_in_the_same_words_goes_first(person: Person) -> None:
    outcome = await person.types("my speech is slurred, remind me at 9")
    assert (outcome.kind, rules(person)) == (Kind.EMERGENCY, [])


async def test_a_red_flag_goes_before_an_answer_to_when(person: Person) -> None:
    await person.types("remind me")
    outcome = await person.types("my arm is weak and my speech is slurred at 9")
    assert (outcome.kind, rules(person)) == (Kind.EMERGENCY, [])


async def test_an_open_question_about_an_emergency_goes_first(person: Person) -> None:
    await person.types("my hand feels funny")
    outcome = await person.types("remind me at 9")
    assert (outcome.kind, rules(person)) == (Kind.TRIAGE, [])


async def test_while_an_intake_asks_it_asks_on(person: Person) -> None:
    await person.types("/check")
    await person.types("remind me at 9")
    assert rules(person) == []


async def test_a_request_that_says_why_is_heard_for_red_flags_first(person: Person, fake_engine: FakeEngine) -> None:
    asks = Outcome(kind=Kind.CRISIS, provisional=True, asks="crisis_unclear", replies=(Reply(text="Are you safe?"),))
    fake_engine.says(asks)
    await person.types("please set the reminder for 8 and end it on saturday, there is nothing after saturday for me")
    assert (person.heard, person.patient.awaiting, person.patient.reminders) == (
        "Are you safe?",
        "crisis_unclear",
        None,
    )


async def test_a_bare_request_asks_no_engine(person: Person, fake_engine: FakeEngine) -> None:
    await person.types("remind me at 8 and after lunch")
    assert fake_engine.asked == []


@pytest.mark.parametrize(
    "text",
    [
        "how often should i practise",
        "remind me what synkinesis is",
        "can i stop the eye drops",
        "when can i stop taping at night",
        "i stopped my drops for a week",
        "i'm in agony now",
        "oregon",
    ],
)
async def test_questions_are_not_taken(person: Person, fake_engine: FakeEngine, text: str) -> None:
    await person.types(text)
    assert fake_engine.messages == [text]
    assert person.patient.reminders is None


async def test_before_consent_nothing_is_set(newcomer: Person) -> None:
    await newcomer.types("remind me at 9")
    assert newcomer.patient.reminders is None


async def test_whoever_stops_keeps_no_reminders(person: Person) -> None:
    await had(person)
    await person.types("/stop")
    await person.taps("stop:yes")
    assert person.patient == Patient(id=person.patient.id, stopped_at=NOW)


# ---- quiet hours and days off ----
async def test_quiet_hours_are_told_back_with_the_next_three_times(person: Person) -> None:
    await person.types("remind me to use my drops every 3 hours from 7 to 22:00")
    outcome = await person.types("nothing between 8 at night and 9 in the morning")
    assert outcome.kind is Kind.REMINDER
    assert "From 20:00 to 09:00 I send no reminders." in person.heard
    assert lines(person) == ["Sun 22 Nov, 13:00", "Sun 22 Nov, 16:00", "Sun 22 Nov, 19:00"]


async def test_quiet_hours_hold_for_what_is_set_afterwards_and_stand_in_the_list(person: Person) -> None:
    await person.types("quiet after 9pm")
    assert "From 21:00 to 05:00" in person.heard
    await person.types("remind me at 9 and 22:00")
    assert lines(person) == ["Mon 23 Nov, 09:00", "Tue 24 Nov, 09:00", "Wed 25 Nov, 09:00"]
    await person.types("what reminders do i have")
    assert "From 21:00 to 05:00" in person.heard


async def test_a_time_within_quiet_hours_is_asked_about(person: Person) -> None:
    await person.types("quiet after 9pm")
    await person.types("remind me at 22:00")
    assert "quiet hours" in person.heard
    assert rules(person) == []


async def test_what_quiet_hours_leave_no_time_for_is_asked_about_and_the_answer_sets_it(person: Person) -> None:
    await person.types("remind me to use my drops at 22:00")
    await person.types("quiet after 9pm")
    assert "no time for your eye care" in person.heard
    await person.types("at 8pm")
    assert [(rule.kind, rule.times) for rule in rules(person)] == [("eye_drops", (time(20),))]


async def test_quiet_hours_without_a_time_are_asked_about_and_the_answer_sets_them(person: Person) -> None:
    await person.types("remind me at 8 and 23:00")
    await person.types("quiet hours please")
    assert "From when until when" in person.heard
    await person.types("10pm to 7am")
    assert plan(person).quiet == (time(22), time(7))
    assert all(line.endswith("08:00") for line in lines(person))


async def test_quiet_hours_end_when_asked(person: Person) -> None:
    await person.types("remind me at 8 and 23:00")
    await person.types("quiet after 9pm")
    await person.types("no quiet hours")
    assert lines(person) == ["Sun 22 Nov, 23:00", "Mon 23 Nov, 08:00", "Mon 23 Nov, 23:00"]


async def test_hours_said_with_a_request_are_of_that_alone(person: Person) -> None:
    await person.types("drops every 3 hours but nothing between 8 at night and 9")
    assert lines(person) == ["Sun 22 Nov, 13:00", "Sun 22 Nov, 16:00", "Sun 22 Nov, 19:00"]
    assert plan(person).quiet is None


async def test_days_away_are_told_back_with_the_next_three_times(person: Person) -> None:
    await person.types("remind me at 9")
    await person.types("no reminders while i'm away from 23 to 25 november")
    assert "No reminders from Mon 23 Nov to Wed 25 Nov." in person.heard
    assert lines(person) == ["Thu 26 Nov, 09:00", "Fri 27 Nov, 09:00", "Sat 28 Nov, 09:00"]


async def test_who_is_back_early_asks_for_them_again(person: Person) -> None:
    await person.types("remind me at 11")
    await person.types("no reminders from 22 to 25 november")
    await person.types("start reminders again")
    assert lines(person) == ["your exercises: Sun 22 Nov, 11:00"]


async def test_single_days_are_told_one_by_one(person: Person) -> None:
    await person.types("remind me at 9")
    await person.types("no reminders on 24 and 26 november")
    assert "on these days: Tue 24 Nov, Thu 26 Nov." in person.heard
    assert lines(person) == ["Mon 23 Nov, 09:00", "Wed 25 Nov, 09:00", "Fri 27 Nov, 09:00"]


async def test_which_bank_holidays_is_asked_and_the_answer_sets_them(person: Person) -> None:
    await person.types("remind me at 9")
    await person.types("no reminders on bank holidays")
    assert "Which days do you mean?" in person.heard
    await person.types("25 and 26 december")
    assert plan(person).days_off == (date(2026, 12, 25), date(2026, 12, 26))


async def test_until_when_is_asked_and_the_answer_sets_it(person: Person) -> None:
    await person.types("remind me at 9")
    await person.types("no reminders from monday")
    await person.types("until wednesday")
    assert plan(person).days_off == (date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 25))


async def test_not_at_weekends_is_of_all_of_them_and_told_of_each(person: Person) -> None:
    await person.types("remind me to do my exercises at 9")
    await person.types("remind me to use my drops at 8")
    await person.types("remind me of my check-in every saturday at 10")
    await person.types("not at weekends")
    assert lines(person) == [
        "Mon 23 Nov, 08:00, your eye care",
        "Mon 23 Nov, 09:00, your exercises",
        "Mon 23 Nov, 10:00, your weekly check-in",
    ]


async def test_not_on_a_day_leaves_the_other_days_as_they_were(person: Person) -> None:
    await person.types("remind me to do my exercises on mondays, wednesdays and sundays at 9")
    await person.types("no exercise reminders on sundays")
    assert rules(person)[0].days == {0, 2}


async def test_in_quiet_hours_nothing_is_promised_for_half_an_hour_later(person: Person) -> None:
    await person.types("remind me at 9")
    await person.types("quiet between 10 and 12")
    await press(person, f"soon:{plan(person).reminders[0].name}")
    assert "I'll ask again" not in person.heard


@pytest.mark.parametrize(
    "text",
    [
        "every second",
        "every minute",
        "200 times a day",
        "remind me at 25",
        "at 25",
        "remind me on the 31st of february",
        "on the 31st of february",
        "remind me on mars",
        "remind me on 3 march 2020 at 9",
        "on 3 march 2020 at 9",
    ],
)
async def test_what_can_not_be_is_asked_back_about_and_sets_nothing(
    person: Person, fake_engine: FakeEngine, text: str
) -> None:
    outcome = await person.types(text)
    assert (outcome.kind, rules(person), fake_engine.messages) == (Kind.REMINDER, [], [])
    assert person.heard.rstrip().endswith("?") or "Please write it like" in person.heard
    await person.types("tomorrow at 9")
    assert lines(person)[0] == "Mon 23 Nov, 09:00"

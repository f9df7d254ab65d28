"""Reminders that are due: said once and in time, left out when they don't fit, and nobody's fault is another's."""

import asyncio
import dataclasses
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import select, update

from bot.dialogue import Turn, record
from bot.dialogue.due import LATELY, WAIT, Push, due_now
from bot.dialogue.reminder import Reminders
from bot.outcome import Kind, Outcome
from bot.patient import Patient, Step
from bot.programme.practice import Practice
from bot.programme.session import Session
from bot.reminders.places import Places
from bot.reminders.plan import Plan, Reminder
from bot.reminders.prompt import ASK_AFTER, RARER_AFTER
from bot.reminders.schedule import TOLERANCE, Schedule
from bot.reminders.schedule import Kind as What
from bot.store import Store, patients
from bot.store.tables import ReminderRow, TelegramChatRow
from bot.triage.intake import Intake
from bot.words import Words
from tests.unit.dialogue.conftest import known

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
SAID = Outcome(kind=Kind.REMINDER)
HIM = "q" * 32
_chats = count(2001)
KINDS: tuple[What, ...] = ("exercises", "eye_drops", "check_in", "appointment", "recheck", "care_point")


def rule(*told: str, kind: What = "exercises", zone: str = "UTC", **more: object) -> Schedule:
    return Schedule(kind=kind, zone=zone, times=tuple(map(time.fromisoformat, told)), **more)  # type: ignore[arg-type]


def planned(**rules: Schedule) -> str:
    return Plan(tuple(Reminder(name, each) for name, each in rules.items())).dumps()


class Clinic:
    """A store with people in it, whose reminders are looked at."""

    def __init__(self, store: Store, words: Words) -> None:
        self.store, self.words = store, words

    async def has(self, patient: Patient, now: datetime = NOW - HOUR, **rules: Schedule) -> Patient:
        """Write down a person who set these reminders."""
        async with self.store.writing() as session:
            await patients.create(session, patient, now)
            session.add(TelegramChatRow(chat_id=next(_chats), patient_id=patient.id))
        return await self.sets(patient, now, **rules)

    async def sets(self, patient: Patient, now: datetime, **rules: Schedule) -> Patient:
        return await self.turns(patient, dataclasses.replace(patient, reminders=planned(**rules)), now)

    async def turns(self, before: Patient, after: Patient, now: datetime = NOW, **more: object) -> Patient:
        async with self.store.writing() as session:
            await record(session, f"turn:{now}", before, Turn(after, SAID, **more), now)  # type: ignore[arg-type]
        return after

    async def looks(self, now: datetime = NOW, *, limit: int = 100) -> list[Push]:
        async with self.store.writing() as session:
            return (await due_now(session, self.words, now, limit=limit))[0]

    async def rows(self) -> Mapping[str, ReminderRow]:
        async with self.store.reading() as session:
            return {row.name: row for row in await session.scalars(select(ReminderRow))}

    async def row(self) -> ReminderRow:
        (row,) = (await self.rows()).values()
        return row

    async def alter(self, **values: object) -> None:
        async with self.store.writing() as session:
            await session.execute(update(ReminderRow).values(**values))


@pytest.fixture
def clinic(store: Store, words: Words) -> Clinic:
    return Clinic(store, words)


def told(pushes: list[Push]) -> list[str]:
    return [reply.text for push in pushes for reply in push.outcome.replies]


def offered(pushes: list[Push]) -> list[str]:
    return [button.payload for push in pushes for reply in push.outcome.replies for button in reply.buttons]


# ---- once ----
async def test_what_is_due_is_said_once(clinic: Clinic) -> None:
    await clinic.has(known(), aaaaaa=rule("10:00"))
    assert [len(await clinic.looks()), len(await clinic.looks())] == [1, 0]


async def test_before_its_time_nothing_is_said(clinic: Clinic) -> None:
    await clinic.has(known(), aaaaaa=rule("10:00"))
    assert await clinic.looks(NOW - MINUTE) == []


async def test_the_next_is_due_the_next_day(clinic: Clinic) -> None:
    await clinic.has(known(), aaaaaa=rule("10:00"))
    await clinic.looks()
    row = await clinic.row()
    assert (row.due_at, row.look_at, row.sent_at, row.sent) == (NOW + DAY, NOW + DAY, NOW, 1)


async def test_when_the_callers_transaction_fails_all_is_as_before(clinic: Clinic) -> None:
    await clinic.has(known(), aaaaaa=rule("10:00"))
    with pytest.raises(RuntimeError):
        async with clinic.store.writing() as session:
            await due_now(session, clinic.words, NOW)
            raise RuntimeError
    row = await clinic.row()
    assert (row.due_at, row.sent) == (NOW, 0)
    assert len(await clinic.looks()) == 1


async def test_a_promised_moment_has_one_key_however_often_it_is_looked_at(clinic: Clinic) -> None:
    await clinic.has(known(), aaaaaa=rule("10:00"))
    keys = set()
    for _ in range(2):
        async with clinic.store.writing() as session:
            pushes, _count = await due_now(session, clinic.words, NOW)
            keys |= {push.key for push in pushes}
            await session.rollback()
    assert keys == {f"reminder:{(await clinic.row()).id}:{NOW.isoformat()}"}


async def test_two_moments_of_one_reminder_have_two_keys(clinic: Clinic) -> None:
    await clinic.has(known(), aaaaaa=rule("10:00"))
    one, two = await clinic.looks(), await clinic.looks(NOW + DAY)
    assert one[0].key != two[0].key


async def test_no_more_are_claimed_than_asked_for(clinic: Clinic) -> None:
    await clinic.has(known(), aaaaaa=rule("10:00"), bbbbbb=rule("09:59"), cccccc=rule("09:58"))
    assert [len(await clinic.looks(limit=2)), len(await clinic.looks(limit=2))] == [2, 1]


async def test_one_persons_can_be_looked_at_alone(clinic: Clinic) -> None:
    await clinic.has(known(), aaaaaa=rule("10:00"))
    await clinic.has(dataclasses.replace(known(), id=HIM), bbbbbb=rule("10:00"))
    async with clinic.store.writing() as session:
        pushes, claimed = await due_now(session, clinic.words, NOW, only=HIM)
    assert ([push.patient.id for push in pushes], claimed) == ([HIM], 1)


async def test_two_dispatchers_at_once_say_each_once(clinic: Clinic) -> None:
    for number in range(20):
        await clinic.has(dataclasses.replace(known(), id=f"{number:032}"), aaaaaa=rule("10:00"))
    said: list[str] = []

    async def dispatch() -> None:
        while pushes := await clinic.looks(limit=3):
            said.extend(push.key for push in pushes)

    await asyncio.gather(dispatch(), dispatch())
    assert (len(said), len(set(said))) == (20, 20)


# ---- in time ----
@pytest.mark.parametrize("kind", KINDS)
async def test_within_its_tolerance_it_is_still_said(clinic: Clinic, kind: What) -> None:
    await clinic.has(known(), aaaaaa=rule("10:00", kind=kind))
    (push,) = await clinic.looks(NOW + TOLERANCE[kind])
    assert push.not_after == NOW + TOLERANCE[kind]


@pytest.mark.parametrize("kind", KINDS)
async def test_later_than_that_it_is_left_and_counted(clinic: Clinic, kind: What) -> None:
    await clinic.has(known(), aaaaaa=rule("10:00", kind=kind, on=NOW.date()))
    assert await clinic.looks(NOW + TOLERANCE[kind] + MINUTE) == []
    row = await clinic.row()
    assert (row.state, row.late, row.sent) == ("over", 1, 0)


async def test_after_a_long_silence_only_the_next_one_comes(clinic: Clinic) -> None:
    await clinic.has(known(), aaaaaa=rule("10:00"))
    assert await clinic.looks(NOW + 10 * DAY + 5 * HOUR) == []
    assert (await clinic.row()).due_at == NOW + 11 * DAY


async def test_in_quiet_hours_nothing_is_said(clinic: Clinic) -> None:
    await clinic.has(known(), aaaaaa=rule("10:00", quiet=(time(10, 30), time(12))))
    assert await clinic.looks(NOW + 45 * MINUTE) == []
    assert (await clinic.row()).skipped == 1


# ---- in the middle of something ----
def session_at(moved: datetime) -> Session:
    at = moved.isoformat()
    return Session(id="abcdef", programme="P-S2", stage="S2", began=at, moved=at, items=("EX-13",))


def busy(how: str, since: datetime) -> Patient:
    match how:
        case "an open safety question":
            return dataclasses.replace(known(), awaiting="stroke")
        case "an intake":
            return dataclasses.replace(known(), intake=Intake(started_at=since.isoformat()).dumps())
        case "the first questions again":
            return dataclasses.replace(known(), step=Step.COUNTRY)
        case _:
            return dataclasses.replace(known(), practice=Practice(session=session_at(since)).dumps())


@pytest.mark.parametrize("how", ["an open safety question", "an intake", "a session", "the first questions again"])
async def test_whoever_is_in_the_middle_of_something_is_asked_later(clinic: Clinic, how: str) -> None:
    await clinic.has(busy(how, NOW), aaaaaa=rule("10:00"))
    assert await clinic.looks() == []
    row = await clinic.row()
    assert (row.state, row.due_at, row.look_at, row.skipped) == ("active", NOW, NOW + WAIT, 0)


@pytest.mark.parametrize("how", ["an intake", "a session"])
async def test_what_was_left_lying_holds_nothing_up(clinic: Clinic, how: str) -> None:
    await clinic.has(busy(how, NOW - LATELY), aaaaaa=rule("10:00"))
    assert len(await clinic.looks()) == 1


async def test_an_intake_left_for_later_holds_nothing_up(clinic: Clinic) -> None:
    left = Intake(started_at=NOW.isoformat(), stopped=True).dumps()
    await clinic.has(dataclasses.replace(known(), intake=left), aaaaaa=rule("10:00"))
    assert len(await clinic.looks()) == 1


async def test_one_that_waited_comes_when_it_is_over(clinic: Clinic) -> None:
    patient = await clinic.has(busy("an open safety question", NOW), aaaaaa=rule("10:00"))
    await clinic.looks()
    await clinic.turns(patient, dataclasses.replace(patient, awaiting=None))
    (push,) = await clinic.looks(NOW + WAIT)
    assert push.key.endswith(NOW.isoformat())


async def test_one_that_waited_too_long_is_late(clinic: Clinic) -> None:
    await clinic.has(busy("an open safety question", NOW), aaaaaa=rule("10:00", kind="eye_drops"))
    now = NOW
    while now <= NOW + TOLERANCE["eye_drops"] + WAIT:
        assert await clinic.looks(now) == []
        now += WAIT
    assert (await clinic.row()).late == 1


async def test_after_the_first_questions_again_all_go_on(clinic: Clinic) -> None:
    patient = await clinic.has(busy("the first questions again", NOW), aaaaaa=rule("10:00"))
    await clinic.looks(NOW + 3 * HOUR)
    await clinic.turns(patient, dataclasses.replace(patient, step=Step.DONE))
    assert len(await clinic.looks(NOW + DAY)) == 1


# ---- not for everybody ----
@pytest.mark.parametrize("kind", KINDS)
async def test_who_must_be_seen_first_is_not_asked_to_practise(clinic: Clinic, kind: What) -> None:
    shut = Practice(closed_at=NOW - DAY, must_be_seen=True).dumps()
    await clinic.has(dataclasses.replace(known(), practice=shut), aaaaaa=rule("10:00", kind=kind))
    assert len(await clinic.looks()) == (0 if kind == "exercises" else 1)


async def test_whoever_stopped_hears_nothing_more(clinic: Clinic) -> None:
    patient = await clinic.has(known(), aaaaaa=rule("10:00"))
    async with clinic.store.writing() as session:
        await patients.save(session, dataclasses.replace(patient, stopped_at=NOW))
    assert await clinic.looks() == []
    assert (await clinic.row()).state == "over"


async def test_stopping_leaves_no_rows(clinic: Clinic) -> None:
    patient = await clinic.has(known(), aaaaaa=rule("10:00"))
    await clinic.turns(patient, Patient(id=patient.id, stopped_at=NOW), forget=True)
    assert await clinic.rows() == {}


# ---- one person's fault ----
@pytest.mark.parametrize("broken", ["", "{}", "null", '{"kind": "exercises", "zone": "Mars/Base", "times": ["10:00"]}'])
async def test_a_corrupted_rule_is_parked_and_the_rest_go_on(
    clinic: Clinic, broken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await clinic.has(known(), aaaaaa=rule("10:00"))
    await clinic.alter(rule=broken)
    await clinic.has(dataclasses.replace(known(), id=HIM), bbbbbb=rule("10:00"))
    assert [push.patient.id for push in await clinic.looks()] == [HIM]
    row = (await clinic.rows())["aaaaaa"]
    assert (row.state, row.fault) == ("parked", "the rule can't be read")
    assert "reminder.parked" in capsys.readouterr().out


BROKEN = [
    dataclasses.replace(known(), practice="{broken"),
    dataclasses.replace(known(), intake="{broken"),
]


@pytest.mark.parametrize("broken", BROKEN, ids=["practice", "intake"])
async def test_a_corrupted_person_stops_nobody_elses_reminders(clinic: Clinic, broken: Patient) -> None:
    await clinic.has(known(), aaaaaa=rule("10:00"))
    await clinic.has(dataclasses.replace(known(), id=HIM), bbbbbb=rule("10:00"))
    async with clinic.store.writing() as session:
        await patients.save(session, broken)
    assert [push.patient.id for push in await clinic.looks()] == [HIM]
    assert (await clinic.rows())["aaaaaa"].state == "parked"


async def test_a_parked_one_is_not_looked_at_again(clinic: Clinic) -> None:
    await clinic.has(known(), aaaaaa=rule("10:00"))
    await clinic.alter(rule="")
    await clinic.looks()
    async with clinic.store.writing() as session:
        assert (await due_now(session, clinic.words, NOW + DAY))[1] == 0


# ---- what it says ----
@pytest.mark.parametrize(
    ("kind", "buttons"),
    [
        ("exercises", ["ex:start", "rem:soon:aaaaaa", "rem:later:aaaaaa", "rem:skip:aaaaaa"]),
        ("eye_drops", ["rem:done:aaaaaa", "rem:soon:aaaaaa", "rem:later:aaaaaa", "rem:skip:aaaaaa"]),
        ("check_in", ["form:weekly-check-in", "rem:soon:aaaaaa", "rem:later:aaaaaa", "rem:skip:aaaaaa"]),
        ("appointment", ["rem:done:aaaaaa"]),
        ("recheck", ["intake:start", "rem:done:aaaaaa"]),
        ("care_point", ["intake:start", "rem:done:aaaaaa"]),
    ],
)
async def test_each_kind_has_its_buttons(clinic: Clinic, kind: What, buttons: list[str]) -> None:
    await clinic.has(known(), aaaaaa=rule("10:00", kind=kind))
    assert offered(await clinic.looks()) == buttons


async def test_words_fit_how_practice_went(clinic: Clinic, words: Words) -> None:
    days = tuple((NOW - ago * DAY, "UTC") for ago in (3, 2, 1))
    await clinic.has(dataclasses.replace(known(), practice=Practice(recent=days).dumps()), aaaaaa=rule("10:00"))
    assert told(await clinic.looks()) == [words("remind.row", count=3)]


async def test_words_fit_the_hour_where_the_person_is(clinic: Clinic, words: Words) -> None:
    await clinic.has(known(), aaaaaa=rule("19:00", zone="Asia/Tokyo"))
    await clinic.alter(sent=1)
    assert told(await clinic.looks()) == [words("remind.evening")]


@pytest.mark.parametrize(("age", "lead"), [("child", "for_a_child"), ("adult", "for_someone"), (None, "for_someone")])
@pytest.mark.parametrize("kind", ["recheck", "care_point"])
async def test_who_looks_after_somebody_is_told_whom_it_is_about(
    clinic: Clinic, words: Words, kind: What, age: str | None, lead: str
) -> None:
    await clinic.has(dataclasses.replace(known(), for_whom="other", age_band=age), aaaaaa=rule("10:00", kind=kind))
    (text,) = told(await clinic.looks())
    assert text.startswith(words(f"answer.{lead}"))


async def test_on_the_next_day_it_says_something_else(clinic: Clinic) -> None:
    await clinic.has(known(), aaaaaa=rule("10:00"))
    one, two = told(await clinic.looks()), told(await clinic.looks(NOW + DAY))
    assert one != two


# ---- not heard ----
async def days_of(clinic: Clinic, count: int) -> list[list[Push]]:
    return [await clinic.looks(NOW + day * DAY) for day in range(count)]


async def test_whoever_hears_none_is_asked_once_and_then_reminded_less(clinic: Clinic, words: Words) -> None:
    await clinic.has(known(), aaaaaa=rule("10:00"))
    days = await days_of(clinic, 15)
    asked = [
        day for day, pushes in enumerate(days) if any(words("remind.another_time") in text for text in told(pushes))
    ]
    assert asked == [ASK_AFTER]
    assert [len(pushes) for pushes in days] == [1] * RARER_AFTER + [1, 0, 0] * 3
    assert (await clinic.row()).skipped == 6


async def test_the_question_has_a_button_to_change_the_time(clinic: Clinic) -> None:
    await clinic.has(known(), aaaaaa=rule("10:00"))
    await clinic.alter(ignored=ASK_AFTER)
    assert offered(await clinic.looks())[-1] == "rem:change:aaaaaa"


async def test_a_sign_of_the_person_makes_them_frequent_again(clinic: Clinic) -> None:
    patient = await clinic.has(known(), aaaaaa=rule("10:00"))
    await clinic.alter(ignored=RARER_AFTER, sent=1)
    assert await clinic.looks() == []
    await clinic.turns(patient, dataclasses.replace(patient, misses=1))
    assert [len(await clinic.looks(NOW + day * DAY)) for day in (1, 2, 3)] == [1, 1, 1]


async def test_for_the_eye_a_day_that_nobody_taps_is_not_a_run(clinic: Clinic) -> None:
    every = Schedule(kind="eye_drops", zone="UTC", every_minutes=120, first=time(8), last=time(22))
    await clinic.has(known(), aaaaaa=every)
    hours = [await clinic.looks(NOW + 2 * number * HOUR) for number in range(24)]
    assert sum(map(len, hours)) == 7 + 8 + 1


# ---- once more, and elsewhere ----
async def test_one_that_was_put_off_comes_then_and_the_rule_goes_on(clinic: Clinic) -> None:
    patient = await clinic.has(known(), aaaaaa=rule("10:00"))
    await clinic.looks()
    await clinic.turns(patient, patient, snoozed=("aaaaaa", NOW + HOUR))
    assert [len(await clinic.looks(NOW + minutes * MINUTE)) for minutes in (59, 60, 61)] == [0, 1, 0]
    assert (await clinic.row()).due_at == NOW + DAY


async def test_one_for_a_single_day_can_be_put_off(clinic: Clinic) -> None:
    patient = await clinic.has(known(), aaaaaa=rule("10:00", on=NOW.date()))
    await clinic.looks()
    await clinic.turns(patient, patient, snoozed=("aaaaaa", NOW + HOUR))
    assert len(await clinic.looks(NOW + HOUR)) == 1
    assert (await clinic.row()).state == "over"


async def test_in_another_zone_a_time_of_a_date_does_not_come_again(clinic: Clinic) -> None:
    patient = await clinic.has(known(), aaaaaa=rule("10:00"))
    await clinic.looks()
    flown = Plan.loads(patient.reminders).moved("America/New_York", NOW + HOUR)
    await clinic.turns(patient, dataclasses.replace(patient, reminders=flown.dumps()), NOW + HOUR)
    row = await clinic.row()
    assert (row.sent_at, row.due_at) == (NOW, datetime(2026, 11, 23, 15, tzinfo=UTC))


async def test_setting_another_time_does_not_say_the_old_one(clinic: Clinic) -> None:
    patient = await clinic.has(known(), aaaaaa=rule("10:00"))
    await clinic.sets(patient, NOW - MINUTE, aaaaaa=rule("11:00"))
    assert [len(await clinic.looks(NOW + minutes * MINUTE)) for minutes in (0, 60)] == [0, 1]


async def test_whoever_comes_back_after_blocking_gets_no_old_ones(clinic: Clinic) -> None:
    async with clinic.store.writing() as session:
        patient = await patients.of_chat(session, 1001, NOW)
        person = dataclasses.replace(known(), id=patient.id)
        await patients.save(session, person)
    await clinic.sets(person, NOW - HOUR, aaaaaa=rule("10:00"))
    for blocked in (NOW, None):
        async with clinic.store.writing() as session:
            await patients.set_blocked(session, person.id, blocked)
        if blocked is not None:
            assert await clinic.looks() == []
    assert [len(await clinic.looks(NOW + after)) for after in (5 * HOUR, DAY)] == [0, 1]


async def test_what_the_care_plan_asks_is_asked_once(clinic: Clinic, words: Words) -> None:
    plan = Plan().with_care_points(date(2026, 11, 19), "UTC", NOW - HOUR)
    patient = await clinic.has(known())
    await clinic.turns(patient, dataclasses.replace(patient, reminders=plan.dumps()), NOW - HOUR)
    assert told(await clinic.looks(NOW + 4 * DAY)) == [words("remind.seven_days")]
    assert (await clinic.rows())["c00168"].state == "over"


# ---- a journey west ----
async def test_after_a_journey_west_the_list_names_no_time_that_was_sent_already(
    clinic: Clinic, words: Words, content: Path
) -> None:
    """At ten in London the eight o'clock one was sent. In New York it is five: eight comes once more, and is not told."""
    listing = Reminders(Places.load(content / "places.yml"), words)
    him = dataclasses.replace(known(), id=HIM, zone="Europe/London")
    him = await clinic.has(him, NOW - 3 * HOUR, aaaaaa=rule("08:00", "20:00", zone="Europe/London"))
    assert len(await clinic.looks(NOW - 2 * HOUR)) == 1
    plan = Plan.loads(him.reminders).moved("America/New_York", NOW)
    moved = dataclasses.replace(him, zone="America/New_York", reminders=plan.dumps())
    await clinic.turns(him, moved, NOW)
    async with clinic.store.reading() as session:
        there = await patients.get(session, HIM)
    assert there is not None
    told = listing.show(there, NOW).outcome.replies[0].text
    assert "Sun 22 Nov, 20:00" in told
    assert (await clinic.rows())["aaaaaa"].due_at == datetime(2026, 11, 23, 1, tzinfo=UTC)


async def test_after_a_journey_west_what_was_not_sent_is_promised(clinic: Clinic, words: Words, content: Path) -> None:
    listing = Reminders(Places.load(content / "places.yml"), words)
    him = dataclasses.replace(known(), id=HIM, zone="Europe/London")
    him = await clinic.has(him, NOW - HOUR, aaaaaa=rule("08:00", "20:00", zone="Europe/London"))  # set at nine
    plan = Plan.loads(him.reminders).moved("America/New_York", NOW)
    await clinic.turns(him, dataclasses.replace(him, zone="America/New_York", reminders=plan.dumps()), NOW)
    async with clinic.store.reading() as session:
        there = await patients.get(session, HIM)
    assert there is not None
    assert "Sun 22 Nov, 08:00" in listing.show(there, NOW).outcome.replies[0].text
    assert (await clinic.rows())["aaaaaa"].due_at == datetime(2026, 11, 22, 13, tzinfo=UTC)

"""The demo clinic: invented referrals, sorted as real ones would be, and three months of a few invented patients.

What is in it is data, in `content/demo/`. Dates are told in days before today, so the clinic is always of today.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from bot.content_file import Strict, read
from bot.desk.sorting import Sorter
from bot.patient import Patient, Step
from bot.programme.exercise import Stage
from bot.programme.gate import Standing
from bot.programme.own import OwnItem, OwnProgramme
from bot.programme.practice import Practice
from bot.programme.prescribed import Prescribed
from bot.programme.questionnaire import Questionnaire, Value, load_questionnaires, score
from bot.referral.hours import Hours
from bot.referral.record import Referral
from bot.reminders.plan import Plan, Reminder
from bot.reminders.schedule import Schedule, next_due
from bot.store import Store, demo, patients, records, referrals, reminders, staff
from bot.store.referrals import Kept, Override, Sorting, State
from bot.triage.assess import read_findings
from bot.triage.interview import Interview, load_interview
from bot.triage.rules import load_rules

ZONE = "Europe/London"
_NO_PASSWORD = "!"  # noqa: S105 - no hash at all: nobody can sign in with it
_DAY = re.compile(r"\{d:(\d{1,5})\}")
_ISO = re.compile(r"\{iso:(\d{1,5})\}")
_ANSWERED_AT, _PRACTISED_AT = time(19, 30), (time(8, 15), time(13, 5), time(20, 40))

type _Days = Annotated[int, Field(ge=0, le=20_000)]


class NoRoom(Exception):
    """The demo can't be put into this database; the message says why and what to do."""


class _Event(Strict):
    """What was done with a referral, `days` ago."""

    kind: Literal["assign", "note", "request", "book", "redirect", "close", "override"]
    days: _Days
    by: int = 0
    text: str = ""
    to: str = ""
    band: str = ""
    why: str = ""
    in_days: int = 7


class _Letter(Strict):
    ref: str
    called: str = ""
    referrer: str
    received: _Days
    band: str
    letter: str
    confirmed: tuple[str, ...] = ()
    events: tuple[_Event, ...] = ()


class _Clinic(Strict):
    """What the demo clinic tells patients: when it reads, how it assesses who refers themselves, and a line on that."""

    hours: str
    way: staff.Way
    offer: Annotated[str, Field(max_length=200)]


class _ReferralsFile(Strict):
    invented: Literal[True]
    staff: Annotated[tuple[str, ...], Field(min_length=1)]
    clinic: _Clinic
    referrals: tuple[_Letter, ...]


class _Scores(Strict):
    """A questionnaire as it was answered: for each time the days ago, and the answer to each item in its order."""

    days: _Days
    answers: tuple[int | str | None, ...]


class _Assessed(Strict):
    days: _Days
    findings: dict[str, str]


class _Reminded(Strict):
    times: tuple[str, ...]
    kind: Literal["exercises", "eye_drops"]
    sent: int
    ignored: int = 0


class _Set(Strict):
    """What a therapist of the demo set, `days` ago: the stage, and a programme of these exercises in their order."""

    stage: Stage
    exercises: Annotated[tuple[str, ...], Field(min_length=1)]
    times: Annotated[int, Field(ge=1, le=5)]
    words: Annotated[str, Field(max_length=300)]
    days: _Days
    by: int = 0


class _Person(Strict):
    ref: str
    joined: _Days
    onset: _Days
    stage: Literal["flaccid", "recovery", "synkinesis", "surgery"]
    age_band: str
    programme: str
    exercise_stage: Stage
    exercises: Annotated[tuple[str, ...], Field(min_length=1)]
    weeks: Annotated[tuple[Annotated[int, Field(ge=0, le=21)], ...], Field(max_length=14)]
    effort: tuple[int, int]
    comfort: tuple[int, int]
    scores: dict[str, tuple[_Scores, ...]] = Field(default_factory=dict)
    assessments: tuple[_Assessed, ...] = ()
    reminder: _Reminded | None = None
    set_: Annotated[_Set | None, Field(alias="set")] = None
    blocked: _Days | None = None


class _PatientsFile(Strict):
    invented: Literal[True]
    patients: tuple[_Person, ...]


@dataclass(frozen=True, slots=True)
class Demo:
    """What `content/demo/` says, and what it is read and sorted with."""

    sorter: Sorter
    interview: Interview
    questionnaires: Mapping[str, Questionnaire]
    staff: Sequence[str]
    clinic: _Clinic
    letters: Sequence[_Letter]
    people: Sequence[_Person]

    @classmethod
    def load(cls, content: Path, sorter: Sorter | None = None) -> "Demo":
        """Load the demo of a content folder.

        Raises:
            ContentError: a file is malformed, or names what doesn't exist.
        """
        letters, lines = read(content / "demo" / "referrals.yml", _ReferralsFile)
        people, people_lines = read(content / "demo" / "patients.yml", _PatientsFile)
        questionnaires = load_questionnaires(content / "questionnaires")
        sorter = sorter or Sorter.load(content)
        if Hours.loads(letters.clinic.hours) is None:
            raise lines.error("write the hours as 'Mon-Fri 09:00-16:00 Europe/London'.", "clinic", "hours")
        refs = {each.ref for each in letters.referrals}
        for index, letter in enumerate(letters.referrals):
            if letter.band not in sorter.bands:
                raise lines.error(f"there is no band '{letter.band}'.", "referrals", index, "band")
            if any(event.by >= len(letters.staff) for event in letter.events):
                raise lines.error("`by` is none of the staff, counted from 0.", "referrals", index)
        for index, person in enumerate(people.patients):
            if person.ref not in refs:
                raise people_lines.error(f"there is no referral '{person.ref}'.", "patients", index, "ref")
            for name, answered in person.scores.items():
                wanted = len(questionnaires[name].items) if name in questionnaires else -1
                if any(len(each.answers) != wanted for each in answered):
                    raise people_lines.error(f"'{name}' has {wanted} items.", "patients", index, "scores", name)
        return cls(
            sorter,
            load_interview(content / "triage", load_rules(content / "triage")),
            questionnaires,
            letters.staff,
            letters.clinic,
            letters.referrals,
            people.patients,
        )

    def read(self, letter: _Letter, today: date) -> Referral:
        """A letter of the demo as the desk reads it."""
        received = today - timedelta(days=letter.received)
        return self.sorter.read(told(letter.letter, today), received)


def told(text: str, today: date) -> str:
    """A text with its days: `{d:3}` becomes the day three days ago as people write it, `{iso:3}` as 2026-11-20."""

    def ago(found: re.Match[str]) -> date:
        return today - timedelta(days=int(found[1]))

    text = _DAY.sub(lambda found: f"{ago(found).day} {ago(found):%B %Y}", text)
    return _ISO.sub(lambda found: ago(found).isoformat(), text)


async def fill(store: Store, made: Demo, now: datetime) -> None:
    """Put the demo into an empty database, in one transaction.

    Raises:
        NoRoom: the database has rows already, the demo's own or others.
    """
    today = now.astimezone(ZoneInfo(ZONE)).date()
    read = [(letter, made.read(letter, today)) for letter in made.letters]
    async with store.writing() as session:
        if await demo.clinic_id(session) is not None:
            raise NoRoom("The demo clinic is there already. Take it away with: septimus demo --remove")
        if not await demo.is_empty(session):
            raise NoRoom(
                "This database has patients, staff or clinics, so no invented ones are put beside them. "
                "Set SEPTIMUS_HOME to a new folder to look at the demo."
            )
        clinic = await staff.new_clinic(session, demo.NAME, ZONE, now - timedelta(days=100))
        await staff.set_hours(session, clinic.id, made.clinic.hours)
        await staff.set_self_referral(session, clinic.id, staff.SelfReferral(made.clinic.way, None, made.clinic.offer))
        team = []
        for number, name in enumerate(made.staff, 1):
            email = f"clinician{number}{demo.STAFF_DOMAIN}"
            team.append(await staff.new_member(session, clinic.id, email, name, "clinician", _NO_PASSWORD, now))
        numbers = {}
        for letter, referral in read:
            numbers[letter.ref] = await _referral(session, made.sorter, clinic.id, letter, referral, team, now)
        for number, person in enumerate(made.people, 1):
            await _person(session, made, person, demo.pseudonym(number), now)
            kept = await _kept(session, clinic.id, numbers[person.ref])
            waited = (now.astimezone(ZoneInfo(ZONE)).date() - kept.referral.received).days
            joined = max(min(now, _at(now, max(0, waited - 1), time(18, 0))), kept.changed_at)
            await demo.link_patient(session, clinic.id, kept, demo.pseudonym(number), joined)
            if person.set_ is not None:
                await _set(session, clinic, numbers[person.ref], person.set_, number, team, now)
            if person.blocked is not None:
                await demo.block(session, number, _at(now, person.blocked, time(12, 0)))


async def fill_if_empty(store: Store, content: Path, now: datetime) -> bool:
    """Put the demo into a database that nobody has used yet; whether that was so.

    Raises:
        ContentError: the demo's files can't be used.
    """
    async with store.reading() as session:
        if not await demo.is_empty(session):
            return False
    await fill(store, Demo.load(content), now)
    return True


# --- referrals ----------------------------------------------------------------------------------------------------


async def _referral(
    session: AsyncSession,
    sorter: Sorter,
    clinic_id: int,
    letter: _Letter,
    referral: Referral,
    team: Sequence[staff.Member],
    now: datetime,
) -> int:
    received_at = min(now, _at(now, letter.received, time(9, 20)))
    number = await referrals.create(
        session,
        clinic_id,
        referral,
        sorter.sort(referral, referral.received),
        received_at,
        patient_ref=letter.called or letter.ref,
        referrer=letter.referrer,
        staff_id=team[0].id,
        detail={"way": "letter"},
    )
    for name in letter.confirmed:
        if name in referral.findings:
            referral = referral.stating(name, referral.findings[name].value)
    if letter.confirmed:
        kept = await _kept(session, clinic_id, number)
        shown = [
            {"name": name, "before": referral.findings[name].value, "after": referral.findings[name].value}
            for name in letter.confirmed
            if name in referral.findings
        ]
        sorting = sorter.sort(referral, received_at.date())
        await referrals.change(
            session, clinic_id, kept, "findings", received_at, staff_id=team[0].id, detail={"findings": shown},
            referral=referral, sorting=sorting,
        )  # fmt: skip
    for event in sorted(letter.events, key=lambda each: -each.days):
        await _happened(session, sorter, clinic_id, number, event, team, now)
    kept = await _kept(session, clinic_id, number)
    today = now.astimezone(ZoneInfo(ZONE)).date()
    await referrals.resort(session, clinic_id, kept, sorter.sort(kept.referral, today, kept.override), now)
    return number


async def _happened(
    session: AsyncSession,
    sorter: Sorter,
    clinic_id: int,
    number: int,
    event: _Event,
    team: Sequence[staff.Member],
    now: datetime,
) -> None:
    """One thing that was done with a referral, as the desk itself writes it down."""
    kept = await _kept(session, clinic_id, number)
    who, at = team[event.by], max(min(now, _at(now, event.days, time(11, 5))), kept.changed_at)
    today = now.astimezone(ZoneInfo(ZONE)).date()
    text = told(event.text, today)
    state: State | None = None
    sorting: Sorting | None = None
    values: dict[str, object] = {}
    detail: dict[str, object] = {"text": text}
    if event.kind == "assign":
        detail, values = {"to": who.name, "from": kept.assigned_name}, {"assigned_to": who.id}
    elif event.kind == "request":
        state, detail = "waiting", {"text": text, "whom": event.to or "patient"}
    elif event.kind == "book":
        when = _at(now, -event.in_days, time(10, 30))
        state, values = "booked", {"booked_for": when}
        detail = {"text": text, "when": f"{when.day} {when:%b %Y}, 10:30"}
    elif event.kind == "redirect":
        state, detail = "redirected", {"to": event.to, "letter": text}
    elif event.kind == "close":
        state, detail = "closed", {"why": event.why, "text": text}
    elif event.kind == "override":
        saw = [str(rule["id"]) for rule in kept.sorting.machine_rules]
        own = Override(event.band, text, who.id, who.name, at, saw)
        sorting = sorter.sort(kept.referral, at.astimezone(ZoneInfo(ZONE)).date(), own)
        detail = {"own": event.band, "machine": kept.sorting.machine_band, "reason": text, "rules": saw}
        values = {
            "override_band": own.band, "override_reason": text, "override_by": who.id, "override_at": at,
            "override_saw": saw,
        }  # fmt: skip
    await referrals.change(
        session, clinic_id, kept, event.kind, at, staff_id=who.id, detail=detail, state=state, referral=None,
        sorting=sorting, **values,
    )  # fmt: skip


async def _kept(session: AsyncSession, clinic_id: int, number: int) -> Kept:
    kept = await referrals.get(session, clinic_id, number)
    if kept is None:
        raise LookupError(number)
    return kept


# --- patients -----------------------------------------------------------------------------------------------------


async def _person(session: AsyncSession, made: Demo, person: _Person, id_: str, now: datetime) -> None:
    joined = _at(now, person.joined, time(18, 0))
    plan = Plan()
    if person.reminder:
        times = tuple(time.fromisoformat(at) for at in person.reminder.times)
        plan = plan.holding((Reminder("000001", Schedule(kind=person.reminder.kind, zone=ZONE, times=times)),))
    patient = Patient(
        id=id_,
        step=Step.DONE,
        consented_at=joined,
        consent_version="demo",
        for_whom="self",
        age_band=person.age_band,
        country="GB",
        onset_on=now.astimezone(ZoneInfo(ZONE)).date() - timedelta(days=person.onset),
        stage=person.stage,
        zone=ZONE,
        practice=_practice(person, now).dumps(),
        reminders=plan.dumps() if plan.reminders else None,
    )
    await patients.create(session, patient, joined)
    for number, kept in enumerate(_diary(person, now)):
        ended = kept.began + timedelta(minutes=7)
        await records.note_session(session, f"demo:{id_}:session:{number}", id_, kept, ended)
    for name, answered in person.scores.items():
        questionnaire = made.questionnaires[name]
        for number, each in enumerate(answered):
            items = [item.id for item in questionnaire.items]
            answers: dict[str, Value | None] = dict(zip(items, each.answers, strict=True))
            found = score(questionnaire, answers)
            kept_score = records.KeptScore(name, found.value, found.parts, answers, found.flagged)
            at = _at(now, each.days, _ANSWERED_AT)
            await records.note_score(session, f"demo:{id_}:{name}:{number}", id_, kept_score, at)
    for number, assessed in enumerate(person.assessments):
        kept_one, at = _assessed(made, assessed, now)
        await records.note_assessment(session, f"demo:{id_}:assessment:{number}", id_, kept_one, at)
    if person.reminder:
        rules = {each.name: each.rule for each in plan.reminders}
        texts = {name: rule.dumps() for name, rule in rules.items()}
        await reminders.sync(session, id_, texts, lambda name, _sent: next_due(rules[name], now))
        await session.flush()
        await demo.rest_reminders(session, person.reminder.sent, person.reminder.ignored, id_)


async def _set(
    session: AsyncSession,
    clinic: staff.Clinic,
    number: int,
    given: _Set,
    patient: int,
    team: Sequence[staff.Member],
    now: datetime,
) -> None:
    """What a therapist set, with its line of the history as the desk writes it."""
    kept, who = await _kept(session, clinic.id, number), team[given.by]
    at = max(min(now, _at(now, given.days, time(15, 20))), kept.changed_at)
    own = OwnProgramme(tuple(map(OwnItem, given.exercises)), given.times, given.words, clinic.name, who.name, at)
    await demo.prescribe(session, demo.pseudonym(patient), Prescribed(stage=given.stage, own=own))
    detail = {"items": list(given.exercises), "times": given.times, "words": given.words}
    await referrals.change(session, clinic.id, kept, "programme", at, staff_id=who.id, detail=detail)


def _practice(person: _Person, now: datetime) -> Practice:
    """What the self-check of an invented patient says: what puts them into their stage."""
    began = now.astimezone(ZoneInfo(ZONE)).date() - timedelta(days=person.onset)
    standing = Standing(
        assessed=True,
        cause="bells",
        movement="none" if person.exercise_stage == "S0" else "several",
        linked=person.exercise_stage in ("S3", "S4"),
        operation="none",
        settled=False,
    )
    return Practice(standing=standing, checked_at=now - timedelta(days=2), began_on=began)


def _diary(person: _Person, now: datetime) -> list[records.KeptSession]:
    """The sessions of each week, spread over its days in a fixed way; effort and comfort move from first to last."""
    sessions = []
    last = max(1, len(person.weeks) - 1)
    for week, count in enumerate(person.weeks):
        part = week / last
        effort, comfort = (round(first + (end - first) * part) for first, end in (person.effort, person.comfort))
        for index in range(count):
            day = (index * 7) // count if count <= 7 else index % 7
            ago = person.joined - 1 - 7 * week - day
            hour = _PRACTISED_AT[(index // 7 + week) % 3]
            if ago < 1:
                continue
            wobble = (week + 2 * index) % 3 - 1
            stopped = (week * 5 + index) % 11 == 10
            done = person.exercises[:1] if stopped else person.exercises
            sessions.append(
                records.KeptSession(
                    began=_at(now, ago, hour),
                    zone=ZONE,
                    programme=person.programme,
                    stage=person.exercise_stage,
                    ended="stopped" if stopped else "finished",
                    done=tuple(done),
                    skipped=(),
                    eased=(),
                    effort=min(10, max(0, effort + wobble)),
                    comfort=min(10, max(0, comfort - wobble)),
                )
            )
    return sorted(sessions, key=lambda each: each.began)


def _assessed(made: Demo, assessed: _Assessed, now: datetime) -> tuple[records.KeptAssessment, datetime]:
    findings = read_findings(assessed.findings, made.interview.rules.findings)
    report = made.interview.report(findings)
    at = _at(now, assessed.days, time(18, 20))
    rules = report["rules"]
    return (
        records.KeptAssessment(
            started_at=at - timedelta(minutes=4),
            expires_at=at + timedelta(days=7),
            ended="result",
            disposition=str(report["disposition"]),
            out_of_scope=bool(report.get("out_of_scope", False)),
            rules=tuple(str(rule) for rule in rules) if isinstance(rules, list | tuple) else (),
            findings=dict(assessed.findings),
            sources=dict.fromkeys(assessed.findings, "button"),
            ruleset=str(report.get("ruleset", made.interview.rules.name)),
            told="Invented demo data: nobody was told anything.",
        ),
        at,
    )


def _at(now: datetime, days: int, hour: time) -> datetime:
    """A moment some days ago (or, less than 0, ahead) at an hour of the clinic's clock."""
    day = now.astimezone(ZoneInfo(ZONE)).date() - timedelta(days=days)
    return datetime.combine(day, hour, ZoneInfo(ZONE)).astimezone(UTC)

"""Reminders that are due become something to say: once, and fitting, or not at all.

Claiming, moving on and whatever the caller makes of it are one transaction, the caller's. What is said carries a key
of the reminder and the promised moment: a process killed in between leaves either nothing done or all of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot import metrics
from bot.dialogue.check_in import WEEKLY
from bot.outcome import Button, Kind, Outcome, Reply
from bot.patient import Patient, Step
from bot.payload import payload
from bot.programme.diary import local_day
from bot.programme.practice import Practice
from bot.reminders import schedule
from bot.reminders.prompt import Lately, Prompt, is_left_out, prompt
from bot.reminders.schedule import RuleCorrupted, Schedule, due_between, is_quiet, next_due
from bot.store import patients, reminders
from bot.store.reminders import Due, Moved
from bot.triage.intake import Intake
from bot.words import Words

log = structlog.get_logger()

WAIT = timedelta(minutes=5)
"""So long a reminder waits when the person is in the middle of something, before it is looked at again."""
LATELY = timedelta(minutes=20)
"""So long after its last move a session or an intake is not broken into."""


@dataclass(frozen=True, slots=True)
class Push:
    """Something to say that nobody asked for just now. Of no use after `not_after`."""

    key: str
    patient: Patient
    outcome: Outcome
    not_after: datetime


async def due_now(
    session: AsyncSession, words: Words, now: datetime, *, limit: int = 200, only: str | None = None
) -> tuple[list[Push], int]:
    """Claim what is due, set when each is due next, and return what to say with how many were claimed.

    Args:
        session: an open writing transaction, in which the caller writes down what is to be sent.
        words: the bot's own words.
        now: the present moment.
        limit: claim at most so many.
        only: the pseudonym of the one person whose reminders are looked at; everybody's when it is None.
    """
    if only is None:
        claimed = await reminders.claim(session, now, limit)
    else:
        claimed = await reminders.claim_of(session, only, now)
    people = await patients.several(session, [row.patient_id for row in claimed])
    pushes, moves = _handled(claimed, people, words, now)
    await reminders.move_on(session, moves, now)
    return pushes, len(claimed)


def _handled(
    claimed: Sequence[Due], people: dict[str, Patient], words: Words, now: datetime
) -> tuple[list[Push], list[Moved]]:
    pushes: list[Push] = []
    moves: list[Moved] = []
    for row in claimed:
        try:
            push, move = _decided(row, people.get(row.patient_id), words, now)
        except RuleCorrupted as error:
            log.error("reminder.parked", reminder=row.id, fault=str(error)[:160])
            push, move = None, Moved(row.id, row.due_at, row.due_at, None, fault="the rule can't be read")
        except Exception as error:  # whatever is wrong with one person's row, everybody else is still reminded
            log.error("reminder.parked", reminder=row.id, fault=type(error).__name__)
            push, move = None, Moved(row.id, row.due_at, row.due_at, None, fault=type(error).__name__[:64])
        moves.append(move)
        _count(move)
        if push is not None:
            pushes.append(push)
    return pushes, moves


def _count(move: Moved) -> None:
    """Count what became of a due reminder. One that waits is counted once it is decided on."""
    for result, number in (("sent", move.sent), ("late", move.late), ("skipped", move.skipped)):
        metrics.reminders(result, number)
    if move.fault:
        metrics.reminders("failed")
    metrics.reminders("due", int(bool(move.sent or move.late or move.skipped or move.fault)))


def _decided(row: Due, patient: Patient | None, words: Words, now: datetime) -> tuple[Push | None, Moved]:
    """What to say, if anything, and what becomes of the row."""
    rule = Schedule.loads(row.rule)
    push = _push(row, rule, patient, words, now)
    if isinstance(push, Push):
        return push, _on(row, rule, now, sent=1)
    if push == "over":
        return None, Moved(row.id, None, None, None)
    if push == "wait":
        return None, Moved(row.id, row.due_at, now + WAIT, None)
    return None, _on(row, rule, now, late=int(push == "late"), skipped=int(push == "skipped"))


def _on(row: Due, rule: Schedule, now: datetime, *, sent: int = 0, late: int = 0, skipped: int = 0) -> Moved:
    following = next_due(rule, max(row.due_at, now), row.due_at if sent else row.sent_at)
    return Moved(row.id, following, following, row.due_at if sent else None, sent, late, skipped)


def _push(row: Due, rule: Schedule, patient: Patient | None, words: Words, now: datetime) -> Push | str:
    """What to say; or why not: `over`, `late`, `wait` or `skipped`."""
    if patient is None or not patient.has_consented:
        return "over"
    not_after = row.due_at + rule.tolerance
    if now > not_after:
        return "late"
    practice = Practice.loads(patient.practice)
    # Who goes through the first questions again is in the middle of them, and keeps what they had set.
    if patient.step is not Step.DONE or _is_busy(patient, practice, now):
        return "wait"
    local = now.astimezone(ZoneInfo(rule.zone))
    a_day = _a_day(row, rule)
    left_out = is_left_out(rule.kind, row.ignored, nth=row.sent + row.skipped, a_day=a_day)
    # Who has to be seen about something first is not asked to practise.
    if left_out or is_quiet(rule, now) or (rule.kind == "exercises" and practice.closed_at is not None):
        return "skipped"
    lately = Lately(frozenset(local_day(began, zone) for began, zone in practice.recent), local)
    said = prompt(rule.kind, row.name, row.ignored, lately, nth=row.sent, a_day=a_day)
    reply = _reply(rule.kind, row.name, said, words)
    if patient.for_whom == "other" and rule.kind in ("recheck", "care_point"):
        lead = words("answer.for_a_child" if patient.age_band == "child" else "answer.for_someone")
        reply = reply.model_copy(update={"text": f"{lead}\n\n{reply.text}"})
    outcome = Outcome(kind=Kind.REMINDER, replies=(reply,))
    return Push(f"reminder:{row.id}:{row.due_at.isoformat()}", patient, outcome, not_after)


def _a_day(row: Due, rule: Schedule) -> int:
    """How many of a day make up one that is not heard: all of them for the eye, whose care goes on untapped."""
    if rule.kind != "eye_drops" or not row.ignored:
        return 1
    return max(1, len(due_between(rule, row.due_at - timedelta(days=1), row.due_at)))


def _reply(kind: schedule.Kind, name: str, said: Prompt, words: Words) -> Reply:
    text = words(said.key, count=said.count)
    if said.asks_for_another_time:
        text += "\n\n" + words("remind.another_time")
    check = Button(title=words("intake.start_button"), payload=payload("intake", "start"))
    later = (
        Button(title=words("remind.soon"), payload=payload("rem", f"soon:{name}")),
        Button(title=words("remind.later"), payload=payload("rem", f"later:{name}")),
        Button(title=words("remind.not_today"), payload=payload("rem", f"skip:{name}")),
    )
    change = Button(title=words("remind.change"), payload=payload("rem", f"change:{name}"))
    done = Button(title=words("remind.done"), payload=payload("rem", f"done:{name}"))
    buttons: tuple[Button, ...]
    match kind:
        case "exercises":
            buttons = (Button(title=words("exercise.start_button"), payload=payload("ex", "start")), *later)
        case "eye_drops":
            buttons = (done, *later)
        case "check_in":
            buttons = (Button(title=words("week.offer"), payload=payload("form", WEEKLY)), *later)
        case "appointment":
            buttons = (done,)
        case _:
            buttons = (check, done)
    return Reply(text=text, buttons=(*buttons, change) if said.asks_for_another_time else buttons)


def _is_busy(patient: Patient, practice: Practice, now: datetime) -> bool:
    """Whether the person is in the middle of an answer about an emergency, an intake or a session."""
    session = practice.session
    practising = session is not None and now - datetime.fromisoformat(session.moved) < LATELY
    intake = Intake.loads(patient.intake) if patient.intake is not None else None
    asked = intake is not None and not intake.stopped and now - datetime.fromisoformat(intake.started_at) < LATELY
    return patient.awaiting is not None or practising or asked

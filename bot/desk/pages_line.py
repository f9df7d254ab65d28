"""The patient's line at the desk: invitation, messages both ways, exercises, measures, and how it goes."""

import html
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import cast
from zoneinfo import ZoneInfo

import segno
from markupsafe import Markup
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.exceptions import HTTPException
from starlette.responses import Response

from bot.desk import charts, shown
from bot.desk.access import Visit
from bot.desk.desk import Desk, onward
from bot.desk.findings_form import WrongField
from bot.desk.flow import take_in
from bot.desk.pages_programme import lasts, told_of
from bot.desk.pages_referral import Change, Refused, changing, page_of, read_one
from bot.desk.passwords import new_token
from bot.patient import Patient
from bot.payload import payload
from bot.programme.exercise import STAGES, Exercise
from bot.programme.practice import Practice
from bot.programme.prescribed import Prescribed
from bot.programme.progress import Practised, Progress
from bot.programme.session import Ending
from bot.programme.told import Given, tell
from bot.referral.sunnybrook import MOVEMENTS, REST, sunnybrook
from bot.store import bots, duplicates, facts, lines, measures, patients, records, referrals, reminders, staff
from bot.store.followed import followed
from bot.store.lines import Line
from bot.store.measures import KeptMeasure
from bot.store.referrals import Kept

INVITED_FOR = timedelta(days=7)
LONGEST_MESSAGE = 2000
_SHORTEST_REASON = 8
_ROMAN = ("I", "II", "III", "IV", "V", "VI")
_SESSIONS_SHOWN = 14


# the invitation


async def invite(desk: Desk, visit: Visit) -> Response:
    """Invite the patient of a referral. The link is shown once, to be handed over; it is kept nowhere."""
    who, number, now, token = visit.who, visit.number("id"), desk.clock(), new_token()

    async def write(session: AsyncSession) -> None:
        await lines.new_invite(
            session, who.clinic.id, number, lines.hash_of(token), who.member.id, now, now + INVITED_FOR
        )

    def asked(_desk: Desk, _visit: Visit, kept: Kept) -> Change:
        if kept.patient_id is not None:
            raise Refused("joined")
        if kept.state in ("closed", "redirected"):
            raise Refused("state")
        return Change("invited", also=write)

    response = await changing("invite", asked)(desk, visit)
    if response.status_code != 303:
        return cast(Response, response)
    async with desk.store.reading() as session:
        known = await facts.told(session)
        kept = await referrals.get(session, who.clinic.id, number)
        own = await bots.of_clinic(session, who.clinic.id)
    name, page = (known.get(facts.of_bot(fact, own)) for fact in (facts.BOT_NAME, facts.CHAT_PAGE))
    link = (page or f"https://t.me/{name}?start={token}") if name else None
    picture = segno.make(link, error="m").svg_inline(scale=5, border=4, dark="#000", light="#fff") if link else ""
    return desk.page(
        visit,
        "invite.html",
        kept=kept,
        link=link,
        words=f"/start {token}" if page or not name else None,
        picture=Markup(picture),  # noqa: S704 drawn by us, of a link of ours
        until=now + INVITED_FOR,
    )


def invite_end(desk: Desk, visit: Visit, _kept: Kept) -> Change:
    """Take an invitation back."""
    who, number, now = visit.who, visit.number("id"), desk.clock()
    return Change("invite_end", also=lambda session: lines.end_invites(session, who.clinic.id, number, now))


async def line_end(desk: Desk, visit: Visit) -> Response:
    """End the line on the clinic's side."""
    who, number, now = visit.who, visit.number("id"), desk.clock()
    async with desk.store.writing() as session:
        line = await _line(session, visit)
        await lines.end(session, line, "clinic", now, who.member.id)
        await _note(session, desk, visit, "line ended")
    return onward(f"/referrals/{number}", "line-end")


# messages


async def message(desk: Desk, visit: Visit) -> Response:
    """Write to the patient. The message goes out at once; the same form sent twice writes it once."""
    who, number, now = visit.who, visit.number("id"), desk.clock()
    text, once = visit.text("text", LONGEST_MESSAGE + 1), visit.text("once", 32)
    async with desk.store.writing() as session:
        line = await _line(session, visit)
        refused = "text" if not text or not once else "long" if len(text) > LONGEST_MESSAGE else ""
        if not refused:
            head = html.escape(desk.words("clinic.from_clinic", clinic=line.clinic), quote=False)
            night = html.escape(desk.words("clinic.night"), quote=False)
            body: Mapping[str, object] = {
                "html": f"{_bold(head)}\n\n{html.escape(text, quote=False)}\n\n<i>{night}</i>",
                "buttons": [
                    [(desk.words("clinic.reply_button"), payload("line", "write"))],
                ],
            }
            await lines.to_patient(session, line, once, who.member.id, text, body, now)
            await _note(session, desk, visit, "message sent")
    if refused:
        return await page_of(desk, visit, number, "message", refused)
    return onward(f"/referrals/{number}?done=message#thread")


# exercises


async def exercises(desk: Desk, visit: Visit) -> Response:
    """Set the stage, and open or lock exercises. The chat obeys from its next message on."""
    who, number = visit.who, visit.number("id")
    async with desk.store.reading() as session:
        line = await lines.of_referral(session, who.clinic.id, number)
        before = await lines.prescribed(session, line.patient_id) if line is not None else Prescribed()
    if line is None:
        await read_one(desk, visit, number)
        raise HTTPException(404)

    def asked(desk: Desk, visit: Visit, _kept: Kept) -> Change:
        after, reason = replace(_wanted(desk, visit), own=before.own), visit.text("reason", 1000)
        if after == before:
            raise Refused("nothing")
        if len(reason) < _SHORTEST_REASON:
            raise Refused("reason")
        detail = {
            "reason": reason,
            "stage": [before.stage, after.stage],
            "code": [before.code, after.code],
            "opened": sorted(set(after.opened) - set(before.opened)),
            "locked": sorted(set(after.locked) - set(before.locked)),
            "own": sorted((set(before.opened) | set(before.locked)) - set(after.opened) - set(after.locked)),
        }
        return Change("exercises", detail, also=lambda session: lines.prescribe(session, line, after))

    response = await changing("exercises", asked, partial(show, form="exercises"))(desk, visit)
    return cast(Response, response)


def _wanted(desk: Desk, visit: Visit) -> Prescribed:
    stage = visit.text("stage", 4)
    if stage and stage not in STAGES:
        raise WrongField("stage")
    chosen = {name[3:]: visit.text(name, 8) for name in visit.form if name.startswith("ex.")}
    if not set(chosen) <= set(desk.library.exercises) or not set(chosen.values()) <= {"", "open", "locked"}:
        raise WrongField("exercise")
    return Prescribed(
        stage if stage else None,
        visit.text("code", 4) == "yes",
        tuple(sorted(name for name, value in chosen.items() if value == "open")),
        tuple(sorted(name for name, value in chosen.items() if value == "locked")),
    )


# measures


async def measure(desk: Desk, visit: Visit) -> Response:
    """Enter a House-Brackmann grade or a Sunnybrook; the newest of each counts for the sorting."""
    who, number, now = visit.who, visit.number("id"), desk.clock()
    today = desk.today(who.clinic.zone)
    async with desk.store.reading() as session:
        before = await measures.of_referral(session, who.clinic.id, number)

    def asked(_desk: Desk, visit: Visit, kept: Kept) -> Change:
        taken = _measure(visit, today)
        is_newest = all(each.on_day <= taken.on_day for each in before if each.kind == taken.kind)
        referral = kept.referral
        if is_newest and taken.kind == "hb":
            quotes = {name: quote for name, quote in referral.quotes.items() if name != "grade"}
            referral = replace(referral, grade=f"HB {taken.value:g}", quotes=quotes)
        elif is_newest:
            referral = replace(referral, sunnybrook=taken.value)
        told = {**asdict(taken), "on_day": taken.on_day.isoformat()}
        return Change(
            "measured",
            told,
            referral=referral,
            override=kept.override,
            sorts_again=True,
            also=lambda session: measures.add(session, who.clinic.id, number, who.member.id, taken, now),
        )

    response = await changing("measure", asked, partial(show, form="measure"))(desk, visit)
    return cast(Response, response)


def _measure(visit: Visit, today: date) -> KeptMeasure:
    try:
        day = date.fromisoformat(visit.text("day", 10))
    except ValueError:
        raise WrongField("day") from None
    if day > today or day.year < 1900:
        raise WrongField("day")
    kind = visit.text("kind", 12)
    if kind == "hb":
        grade = visit.text("grade", 4)
        if grade not in _ROMAN:
            raise WrongField("grade")
        return KeptMeasure(day, "hb", float(_ROMAN.index(grade) + 1), {}, None)
    if kind != "sunnybrook":
        raise WrongField("kind")
    try:
        reckoned = sunnybrook(
            {name: _item(visit, f"rest.{name}") for name in REST},
            {name: _item(visit, f"move.{name}") for name in MOVEMENTS},
            {name: _item(visit, f"syn.{name}") for name in MOVEMENTS},
        )
    except ValueError:
        raise WrongField("item") from None
    return KeptMeasure(day, "sunnybrook", float(reckoned.composite), asdict(reckoned), None)


def _item(visit: Visit, name: str) -> int:
    text = visit.text(name, 2)
    return int(text) if text.isascii() and text.isdecimal() else -1


# how it goes


@dataclass(frozen=True, slots=True)
class _Chart:
    """A chart with the same figures as a table's rows."""

    title: str
    drawn: Markup
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


async def show(
    desk: Desk, visit: Visit, number: int | None = None, refused: str = "", wrong: str = "", *, form: str = ""
) -> Response:
    """Show how a patient who shares is doing, and what a clinician may set and measure."""
    who, now = visit.who, desk.clock()
    number = visit.number("id") if number is None else number
    await take_in(desk)
    kept = await read_one(desk, visit, number)
    async with desk.store.reading() as session:
        line = await lines.of_referral(session, who.clinic.id, number)
        taken = sorted(
            [
                each
                for one in await duplicates.all_of(session, who.clinic.id, number)
                for each in await measures.of_referral(session, who.clinic.id, one)
            ],
            key=lambda each: each.on_day,
        )
        patient = await patients.get(session, line.patient_id) if line is not None else None
        following = await followed(session, who.clinic.id, [number], now)
        told = await _told(desk, session, patient, now) if patient is not None else {}
    set_ = Prescribed.loads(patient.prescribed) if patient else Prescribed()
    return desk.page(
        visit,
        "patient.html",
        422 if refused else 200,
        kept=kept,
        line=line,
        patient=patient,
        measured=_measured(taken),
        is_taken=bool(taken),
        roman=_ROMAN,
        rest=REST,
        movements=MOVEMENTS,
        stages=desk.library.stages,
        exercises=_by_programme(desk),
        set_=set_,
        following=following.get(number),
        own=told_of(desk, set_.own) if set_.own else (),
        own_lasts=lasts(desk, set_.own) if set_.own else 0,
        wrong_form=form if refused else "",
        refused=refused,
        wrong=wrong,
        typed={name: value for name, value in visit.form.items() if isinstance(value, str)},
        **{"charts": (), "checks": (), "reminders": (), "sessions": (), "shut": None, **told},
    )


async def _told(desk: Desk, session: AsyncSession, patient: Patient, now: datetime) -> dict[str, object]:
    diary = await records.diary(session, patient.id)
    scores = await records.scores(session, patient.id)
    practice = Practice.loads(patient.practice)
    progress = tell(
        [
            Practised(
                each.began, each.zone, each.programme, each.stage, cast(Ending, each.ended), each.done, each.effort,
                each.comfort,
            )
            for each in diary
        ],
        [Given(each.questionnaire, at, each.parts, each.answers, each.flagged) for at, each in scores],
        library=desk.library,
        questionnaires=desk.questionnaires,
        now=now,
        zone=patient.zone or "UTC",
        words=desk.words,
        rest_days=practice.shut_days(now, patient.zone or "UTC"),
        own=Prescribed.loads(patient.prescribed).own,
    )  # fmt: skip
    names = {each.id: each.name for each in desk.library.exercises.values()}
    return {
        "charts": _charts(progress, desk, scores, patient.zone or "UTC"),
        "checks": await records.assessments(session, patient.id),
        "reminders": await reminders.told_of(session, patient.id),
        "sessions": [
            (each, [names.get(one, one) for one in each.done], [names.get(one, one) for one in each.skipped])
            for each in diary[: -_SESSIONS_SHOWN - 1 : -1]
        ],
        "shut": practice.closed_at,
    }


def _charts(
    progress: Progress | None, desk: Desk, scores: list[tuple[datetime, records.KeptScore]], zone: str
) -> list[_Chart]:
    if progress is None:
        return []
    weeks = progress.weeks
    drawn = []
    if any(each.done or each.planned for each in weeks):
        title = "Sessions a week, done and planned"
        drawn.append(
            _Chart(
                title,
                charts.bars(title, [charts.Bar(_short(each.first), each.done, each.planned) for each in weeks]),
                ("Week of", "Done", "Planned", "Days"),
                tuple((shown.day(each.first), str(each.done), str(each.planned), str(each.days)) for each in weeks),
                "A week that is not over counts as planned so far.",
            )
        )
    for title, name in (("Comfort, 0 to 10", "comfort"), ("Effort, 0 to 10", "effort")):
        felt = [(each.first, value) for each in weeks if (value := getattr(each, name)) is not None]
        if felt:
            points = [charts.Point(day, value) for day, value in felt]
            felt_rows = tuple((shown.day(day), f"{value:.1f}") for day, value in felt)
            drawn.append(_Chart(title, charts.line(title, points, 0, 10), ("Week of", "Mean"), felt_rows))
    for questionnaire in desk.questionnaires.values():
        for figure in questionnaire.scoring.figures:
            given = [
                (at.astimezone(ZoneInfo(zone)).date(), value, each.flagged)
                for at, each in scores
                if each.questionnaire == questionnaire.id and (value := each.parts.get(figure.part)) is not None
            ]
            if given:
                low, high = min(figure.best, figure.worst), max(figure.best, figure.worst)
                better = "higher is better" if figure.best > figure.worst else "lower is better"
                title = f"{figure.name}, {low:g} to {high:g}, {better}"
                points = [charts.Point(day, value) for day, value, _ in given]
                rows = tuple((shown.day(day), f"{value:.1f}", flag or "") for day, value, flag in given)
                drawn.append(
                    _Chart(title, charts.line(title, points, low, high), ("Day", "Score", "Needs a second look"), rows)
                )
    return drawn


def _measured(taken: list[KeptMeasure]) -> list[_Chart]:
    drawn = []
    grades = [each for each in taken if each.kind == "hb"]
    if grades:
        title = "House-Brackmann, I is normal"
        points = [charts.Point(each.on_day, each.value) for each in grades]
        rows = tuple((shown.day(each.on_day), _ROMAN[round(each.value) - 1], each.who or "somebody") for each in grades)
        drawing = charts.line(title, points, 6, 1, ends=("VI", "I"))
        drawn.append(_Chart(title, drawing, ("Day", "Grade", "By"), rows))
    composites = [each for each in taken if each.kind == "sunnybrook"]
    if composites:
        title = "Sunnybrook composite, 100 is normal"
        points = [charts.Point(each.on_day, each.value) for each in composites]
        parts = tuple(
            (
                shown.day(each.on_day),
                *(str(each.parts.get(part, "")) for part in ("voluntary", "rest", "synkinesis")),
                f"{each.value:g}",
                each.who or "somebody",
            )
            for each in composites
        )
        head = ("Day", "Voluntary", "Rest", "Synkinesis", "Composite", "By")
        note = "Voluntary less rest less synkinesis. Healthy people score 65 to 100."
        drawn.append(_Chart(title, charts.line(title, points, 0, 100), head, parts, note))
    return drawn


def _by_programme(desk: Desk) -> list[tuple[str, list[Exercise]]]:
    """Every exercise once, under the first stage whose programme holds it; what no programme holds comes last."""
    seen: set[str] = set()
    groups: list[tuple[str, list[Exercise]]] = []
    for stage in STAGES:
        held = [one for each in desk.library.programmes_of(stage) for one in (*each.reachable, *each.habits)]
        new = [desk.library.exercises[one] for one in dict.fromkeys(held) if one not in seen]
        seen |= {each.id for each in new}
        if new:
            groups.append((f"{stage}: {desk.library.stages[stage].name}", new))
    rest = [each for each in desk.library.exercises.values() if each.id not in seen]
    return [*groups, *([("In no programme", rest)] if rest else [])]


async def _line(session: AsyncSession, visit: Visit) -> Line:
    line = await lines.of_referral(session, visit.who.clinic.id, visit.number("id"))
    if line is None:
        raise HTTPException(404)
    return line


async def _note(session: AsyncSession, desk: Desk, visit: Visit, what: str) -> None:
    who = visit.who
    await staff.note(
        session, what, desk.clock(), clinic_id=who.clinic.id, staff_id=who.member.id, referral_id=visit.number("id")
    )


def _bold(text: str) -> str:
    """The bot's own words with their `**` as Telegram's bold."""
    inner = text.strip("*")
    return f"<b>{inner}</b>"


def _short(day: date) -> str:
    return f"{day.day} {day:%b}"

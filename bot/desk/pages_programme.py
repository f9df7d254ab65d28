"""The programme that a clinician chooses for a patient who shares: which exercises, in which order, how much."""

from dataclasses import replace
from functools import partial
from typing import cast

from starlette.exceptions import HTTPException
from starlette.responses import Response

from bot.desk.access import Visit
from bot.desk.desk import Desk
from bot.desk.findings_form import WrongField
from bot.desk.pages_referral import Change, Refused, changing, read_one
from bot.patient import Patient
from bot.programme.gate import Standing
from bot.programme.own import (
    MOST_TIMES,
    OwnItem,
    OwnProgramme,
    bounds,
    choosable,
    dose_in_words,
    faults,
    minutes,
    with_own,
)
from bot.programme.practice import Practice, standing_of
from bot.programme.prescribed import Prescribed
from bot.store import lines, patients
from bot.store.lines import Line
from bot.store.referrals import Kept

LONGEST_WORDS = 300
_FIGURES = (("repetitions", "rep"), ("hold_s", "hold"), ("minutes", "min"))


async def show(desk: Desk, visit: Visit, number: int | None = None, refused: str = "", wrong: str = "") -> Response:
    """Show what may be chosen for the stage that is set, and what is chosen now."""
    number = visit.number("id") if number is None else number
    kept = await read_one(desk, visit, number)
    _, patient = await _shares(desk, visit, number)
    standing, set_ = _standing(desk, patient), Prescribed.loads(patient.prescribed)
    today = desk.today(visit.who.clinic.zone)
    chosen = {item.exercise: (place, item) for place, item in enumerate(set_.own.items if set_.own else (), 1)}
    library = desk.library
    offered = [
        (each, bounds(each, library), *chosen.get(each.id, (None, OwnItem(each.id))))
        for each in choosable(standing, library, today)
    ]
    return desk.page(
        visit,
        "programme.html",
        422 if refused else 200,
        kept=kept,
        set_=set_,
        stages=library.stages,
        offered=offered,
        figures=_FIGURES,
        gone=[library.exercises[each].name for each in chosen if each not in {one.id for one, *_ in offered}],
        most_times=MOST_TIMES,
        most_minutes=library.caps["minutes_a_day"].max,
        dose_in_words=dose_in_words,
        refused=refused,
        wrong=wrong,
        typed={name: value for name, value in visit.form.items() if isinstance(value, str)},
    )


async def programme(desk: Desk, visit: Visit) -> Response:
    """Keep the programme. The chat offers it from its next session on, as far as the gates allow it then."""
    line, patient = await _shares(desk, visit, visit.number("id"))
    before, standing = Prescribed.loads(patient.prescribed), _standing(desk, patient)
    today = desk.today(visit.who.clinic.zone)

    def asked(desk: Desk, visit: Visit, _kept: Kept) -> Change:
        if before.stage is None:
            raise Refused("stage")
        own = _wanted(desk, visit, line)
        if (old := before.own) is not None and replace(own, by=old.by, at=old.at) == old:
            raise Refused("nothing")
        for fault in faults(own, standing, desk.library, today):
            named = desk.library.exercises.get(fault.exercise)
            raise _WrongProgramme(fault.what, f"{named.name if named else fault.exercise}|{fault.most}")
        detail = {"items": told_of(desk, own), "times": own.times_a_day, "words": own.words}
        after = replace(before, own=own)
        return Change("programme", detail, also=lambda session: lines.prescribe(session, line, after))

    try:
        response = await changing("programme", asked, partial(show))(desk, visit)
    except _WrongProgramme as wrong:
        return await show(desk, visit, None, wrong.what, wrong.about)
    return cast(Response, response)


async def programme_end(desk: Desk, visit: Visit) -> Response:
    """End the programme: the chat goes back to the one of the patient's stage."""
    line, patient = await _shares(desk, visit, visit.number("id"))
    before = Prescribed.loads(patient.prescribed)

    def asked(_desk: Desk, _visit: Visit, _kept: Kept) -> Change:
        if before.own is None:
            raise Refused("nothing")
        after = replace(before, own=None)
        return Change("programme_end", also=lambda session: lines.prescribe(session, line, after))

    return cast(Response, await changing("programme-end", asked, partial(show))(desk, visit))


def told_of(desk: Desk, own: OwnProgramme) -> list[str]:
    """Its exercises in their order, each with how much of it."""
    dosed, kept = with_own(desk.library, own, "S0")
    return [f"{dosed.exercises[each].name} ({dose_in_words(dosed.exercises[each])})" for each in kept.reachable]


def lasts(desk: Desk, own: OwnProgramme) -> int:
    """About how many minutes one session of it takes."""
    return minutes(own, desk.library)


class _WrongProgramme(Exception):
    """A programme that the gates or the caps don't allow; `about` names the exercise and the most, with a bar."""

    def __init__(self, what: str, about: str) -> None:
        super().__init__(what)
        self.what, self.about = what, about


def _wanted(desk: Desk, visit: Visit, line: Line) -> OwnProgramme:
    places = {name[3:]: visit.text(name, 3) for name in visit.form if name.startswith("at.")}
    if not set(places) <= set(desk.library.exercises):
        raise WrongField("exercise")
    ordered = sorted((_whole(place, "at"), name) for name, place in places.items() if place)
    words, times = visit.text("words", LONGEST_WORDS + 1), visit.text("times", 2)
    if len(words) > LONGEST_WORDS:
        raise Refused("long")
    return OwnProgramme(
        items=tuple(_item(desk, visit, name) for _, name in ordered),
        times_a_day=_whole(times, "times"),
        words=words,
        clinic=line.clinic,
        by=visit.who.member.name,
        at=desk.clock(),
    )


def _item(desk: Desk, visit: Visit, name: str) -> OwnItem:
    own = desk.library.exercises[name].dose
    given = {figure: _whole(text, short) for figure, short in _FIGURES if (text := visit.text(f"{short}.{name}", 4))}
    changed = {figure: value for figure, value in given.items() if value != getattr(own, figure)}
    return OwnItem(name, **changed)


def _whole(text: str, field: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise WrongField(field)
    return int(text)


def _standing(desk: Desk, patient: Patient) -> Standing:
    practice = Practice.loads(patient.practice)
    return Prescribed.loads(patient.prescribed).applied(standing_of(practice, desk.clock()))


async def _shares(desk: Desk, visit: Visit, number: int) -> tuple[Line, Patient]:
    async with desk.store.reading() as session:
        line = await lines.of_referral(session, visit.who.clinic.id, number)
        patient = await patients.get(session, line.patient_id) if line is not None else None
    if line is None or patient is None:
        raise HTTPException(404)
    return line, patient

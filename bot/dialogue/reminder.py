"""Reminders in chat: asked for in words, told back with the next three times, changed, paused and dropped.

No engine takes part. What is kept are rules; `record` makes rows of them in the same transaction as everything else.
"""

import dataclasses
import re
import unicodedata
import uuid
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.dialogue.said import Said
from bot.outcome import Button, Kind, Outcome, Reply
from bot.patient import Patient, Step
from bot.payload import payload
from bot.programme.practice import Practice
from bot.reminders import schedule as schedules
from bot.reminders.places import Ambiguous, Places
from bot.reminders.plan import MOST, Plan, Reminder, within
from bot.reminders.schedule import Schedule
from bot.reminders.wording import (
    EVERY_DAY,
    DaysOff,
    Delete,
    List,
    Move,
    Pause,
    Problem,
    Quiet,
    Request,
    Resume,
    Wish,
    read_request,
)
from bot.triage.countries import Country
from bot.words import Words

SOON, LATER = timedelta(minutes=30), timedelta(hours=3)
LATEST = time(21, 30)
"""What is put off until later today comes by then: nobody is woken for it."""
# Until they say so: a date that nobody plans by.
_UNTIL_SAID = timedelta(days=3650)
# From here on a day is told with its year.
_FAR = timedelta(days=300)
# First contact's answers on a later beginning span weeks.
_COUNTED_DAYS = 14
# The answer to "when?" is short; a longer message is about something else.
_LONGEST_ANSWER = 60
# Kept where a place was asked for, so that its bare name is an answer.
_HERE = "i am in"
# Stands in a request for what couldn't be read in it, and where the answer goes.
_GAP = "…"
# An answer says nothing but this and numbers; "worse at night" is something else.
_ANSWER_WORDS = frozenset(
    "a about after afternoon afternoons all also am an and another appointment around at be before bed bedtime between "
    "breakfast check checkin daily day days dinner do drop drops each eight eleven end evening evenings every except "
    "exercise exercises eye eyedrops eyes five for four from good half hour hourly hours i in it its just lets like "
    "lunch lunchtime make maybe me midday midnight minute minutes month morning mornings my next night nights nine no "
    "noon not o'clock oclock of ok okay on once one only or past per please pm practice quarter say second seven six "
    "start starting supper tea ten thanks that the then three time times to today tomorrow tonight twelve twice two "
    "until use visit wake week weekday weekdays weekend weekends weekly weeks well with work would yes "
    "monday mondays tuesday tuesdays wednesday wednesdays thursday thursdays friday fridays saturday saturdays sunday "
    "sundays mon tue tues wed thu thur thurs fri sat sun january february march april may june july august september "
    "october november december jan feb mar apr jun jul aug sep sept oct nov dec".split()
)
# A short message with one of these is no name of a place.
_NO_PLACE_WORDS = frozenset(
    "a about again all am an and any are at bye can cheek chin day did do does drops dry eat exercise exercises eye "
    "eyes face feel feels for get go good had has have he hello help hey hi how hurt hurts i i'm im in is it it's its "
    "just later lip lips maybe me mouth my need no none not nothing now of off ok okay on or pain painful please "
    "really she skip sore sorry stop sure sleep taste thank thanks that that's the there they this to today tomorrow "
    "twitch unsure use want was we what what's when where which who why will with worse yes you your".split()
)
_IN = re.compile(r"(?:(?:i|we) live )?(?:in|near|at|around|close to|it'?s|its) (?=\w)", re.IGNORECASE)
_LONGEST_NAME = 3
"""Words of a name that nobody knows; a longer text is none."""
_ASKED_BACK = {
    "when": "reminders.when", "no_such_time": "reminders.no_such_time", "no_such_date": "reminders.no_such_date",
    "which_date": "reminders.which_date", "which_day": "reminders.which_day", "past": "reminders.past",
    "ends_first": "reminders.ends_first", "too_often": "reminders.too_often", "not_offered": "reminders.not_offered",
    "what": "reminders.what", "one_at_a_time": "reminders.one_at_a_time", "quiet_hours": "reminders.quiet_hours",
    "where": "reminders.where", "which_holidays": "reminders.which_holidays", "until_when": "reminders.until_when",
}  # fmt: skip
_KINDS = {
    "exercises": "reminders.kind_exercises", "eye_drops": "reminders.kind_eye",
    "check_in": "reminders.kind_week", "appointment": "reminders.kind_appointment",
    "recheck": "reminders.kind_recheck", "care_point": "reminders.kind_care",
}  # fmt: skip
_USUAL = {"morning": "at 9am", "thrice": "at 9am, 1pm and 6pm", "evening": "at 6pm"}
# What is asked for when it is asked "when?" of a kind.
_ASKED_FOR = {
    "exercises": "remind me to do my exercises", "eye_drops": "remind me to use my eye drops",
    "check_in": "remind me of my weekly check-in", "appointment": "remind me of my appointment",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReminderStep:
    """The person as they now stand, and what to say.

    `snoozed` is a reminder's name, and when it comes once more. `asks_why` says that they won't practise today.
    """

    patient: Patient
    outcome: Outcome
    snoozed: tuple[str, datetime] | None = None
    asks_why: bool = False


class Reminders:
    """Hears what people ask of their reminders, and keeps the care plan's points."""

    def __init__(self, places: Places, words: Words) -> None:
        self._places, self._words = places, words

    def hear(self, patient: Patient, said: Said, country: Country, now: datetime) -> ReminderStep | None:
        """Take a tap, a shared place, or words that ask something of reminders; None when they are something else."""
        if said.zone is not None:
            return self._moved(patient, said.zone, now)
        if said.press is not None:
            if said.press.verb == "place":
                return self._place(patient, _unslugged(said.press.argument), country, now)
            return self._pressed(patient, said.press.argument, country, now) if said.press.verb == "rem" else None
        return self._heard(patient, said.text, country, now) if said.text else None

    def is_asked_for(self, patient: Patient, text: str, now: datetime) -> bool:
        """Whether words ask for reminders, so that they can be held until that can be done."""
        return isinstance(self._read(patient, text, now), Wish | Problem | Quiet | DaysOff)

    def show(self, patient: Patient, now: datetime) -> ReminderStep:
        """Tell which reminders there are, with the next time of each; offer some when there are none."""
        plan = Plan.loads(patient.reminders)
        ahead = plan.ahead(now)
        if not ahead:
            return self.offer(patient, now)
        lines: list[str] = []
        buttons: list[Button] = []
        looks = [each for each in ahead if each.rule.kind == "care_point"]
        for each in (each for each in ahead if each not in looks[1:]):
            name = self._words(_KINDS[each.rule.kind])
            rests = each.rule.paused_until is not None and each.rule.paused_until > now.date() + _FAR
            (coming,) = schedules.upcoming(each.rule, now, 1, plan.sent_of(each.name))
            lines.append(f"- {name}: {self._words('reminders.resting') if rests else _told(coming, now)}")
            title = self._words("reminders.delete_button", name=name)
            buttons.append(Button(title=title, payload=payload("rem", f"delete:{each.name}")))
        if any(self._is_paused(each.rule, now) for each in ahead):
            buttons.append(Button(title=self._words("reminders.resume_button"), payload=payload("rem", "resume")))
        else:
            buttons.append(Button(title=self._words("reminders.pause_button"), payload=payload("rem", "pause")))
        text = self._words("reminders.list", text="\n".join(lines), name=_clock_of(self.zone_of(patient) or "UTC"))
        if plan.quiet is not None:
            text += "\n\n" + self._quiet_told(plan.quiet)
        return ReminderStep(patient, _outcome(Reply(text=text, buttons=tuple(buttons)), retired=("rem",)))

    def offer(self, patient: Patient, now: datetime, kind: schedules.Kind = "exercises") -> ReminderStep:
        """Ask when, with a few usual times to tap.

        What is asked about is kept for an hour, so that the answer may be a bare time.
        """
        asked_for = _ASKED_FOR.get(kind)
        if asked_for is not None:
            patient = _keep(patient, Plan.loads(patient.reminders).asking(asked_for, now))
        return ReminderStep(patient, _outcome(self._ask_when()))

    def _ask_when(self) -> Reply:
        titles = {
            "morning": "reminders.at_morning", "thrice": "reminders.at_thrice", "evening": "reminders.at_evening",
        }  # fmt: skip
        buttons = tuple(
            Button(title=self._words(key), payload=payload("rem", f"at:{name}")) for name, key in titles.items()
        )
        return Reply(text=self._words("reminders.when"), buttons=buttons)

    def zone_of(self, patient: Patient) -> str | None:
        """The person's zone: what they said, else that of their country; None when neither is known."""
        known = self._places.default_zone(patient.country)
        return patient.zone or (known.zone if known else None)

    def care(self, patient: Patient, now: datetime) -> Patient:
        """The person with the points of the care plan ahead of them, once it is known when the weakness began."""
        began = Practice.loads(patient.practice).began_on if patient.practice else None
        plan = Plan.loads(patient.reminders)
        counts = plan.onset is not None or _is_new(patient.onset_on, now)
        onset = began or (patient.onset_on if counts else None)
        if onset is None or plan.onset == onset or not patient.has_consented or patient.step is not Step.DONE:
            return patient
        return _keep(patient, plan.with_care_points(onset, self.zone_of(patient) or "UTC", now))

    def recheck(self, patient: Patient, at: datetime) -> Patient:
        """The person with a reminder to check again at a moment, in place of an earlier one."""
        plan = Plan.loads(patient.reminders)
        return _keep(patient, plan.with_recheck(_new_name(), at, self.zone_of(patient) or "UTC"))

    # ---- words ----
    def _heard(self, patient: Patient, text: str, country: Country, now: datetime) -> ReminderStep | None:
        request = self._read(patient, text, now)
        before = Plan.loads(patient.reminders).open_request(now)
        if before and len(text) <= _LONGEST_ANSWER:
            place = self._answered_place(patient, before, text) if request is None else None
            if place is not None:
                return self._place(patient, place, country, now)
            text, request = self._together(patient, before, text, request, now)
        return self._take(patient, text, request, country, now)

    def _read(self, patient: Patient, text: str, now: datetime) -> Request | Problem | None:
        return read_request(text, now.astimezone(ZoneInfo(self.zone_of(patient) or "UTC")), self._places.is_place)

    def _take(
        self, patient: Patient, text: str, request: Request | Problem | None, country: Country, now: datetime
    ) -> ReminderStep | None:
        match request:
            case None:
                return None
            case Problem(key="when"):
                return self._asked(patient, self._ask_when(), text, now)
            case Problem(key="where"):
                return self._asked(patient, Reply(text=self._words("reminders.where")), _HERE, now)
            case Problem():
                # What couldn't be read is left out, so that the answer can stand in its place.
                gone = re.compile(re.escape(request.detail), re.IGNORECASE)
                rest = gone.sub(_GAP, text, count=1) if request.detail else text
                return self._asked(patient, Reply(text=self._words(_ASKED_BACK[request.key])), rest, now)
            case Move():
                return self._place(patient, request.place, country, now)
            case Wish() if self.zone_of(patient) is None:
                return self._asked(patient, Reply(text=self._words("reminders.which_place")), text, now)
            case _:
                return self._done(patient, request, now)

    def _together(
        self, patient: Patient, before: str, text: str, request: Request | Problem | None, now: datetime
    ) -> tuple[str, Request | Problem | None]:
        """A message with what it comes to, read as the answer to what was asked back where it can be one."""
        is_bare = isinstance(request, Wish) and request.kind_guessed and request.manner == "set"
        lacks = request is None or isinstance(request, Problem)
        if before == _HERE or not (is_bare or (lacks and _is_answer(text))):
            return text, request
        whole = before.replace(_GAP, text) if _GAP in before else f"{before} {text}"
        together = self._read(patient, whole, now)
        if isinstance(together, Problem) and together.key == "when":
            if not text[:1].isdigit():
                earlier = self._read(patient, before, now)
                adds = not isinstance(earlier, Problem) or earlier.so_far != together.so_far
                return (whole, together) if adds else (text, request)  # "thursday" adds something, "thanks" doesn't
            whole = f"{before} at {text}"  # a bare hour
            together = self._read(patient, whole, now)
        return (text, request) if together is None else (whole, together)

    def _answered_place(self, patient: Patient, before: str, text: str) -> str | None:
        """The place that a bare message names when one was asked for; None when it says something else."""
        unknown = self.zone_of(patient) is None
        if not (unknown or before == _HERE):
            return None
        name = _IN.sub("", text.strip(" .!"), count=1)
        if self._places.zone_of_place(name) is not None:
            return name
        words = name.lower().split()
        is_name = all(word.replace("-", "").replace("'", "").strip(",.").isalpha() for word in words)
        may_be_one = is_name and len(words) <= _LONGEST_NAME and not _NO_PLACE_WORDS & set(words)
        return name if unknown and may_be_one else None

    def _done(
        self, patient: Patient, request: Wish | List | Pause | Resume | Delete | Quiet | DaysOff, now: datetime
    ) -> ReminderStep:
        plan = Plan.loads(patient.reminders)
        match request:
            case Wish():
                return self._wish(patient, request, now)
            case List():
                return self.show(patient, now)
            case Pause():
                return self._paused(patient, plan, request.until, request.kind, now)
            case Resume():
                return self._resumed(patient, plan, request.kind, now)
            case Quiet():
                return self._hushed(patient, plan, request, now)
            case DaysOff():
                return self._off(patient, plan, request, now)
            case Delete():
                fewer = plan.without(request.kind, request.only)
                return self._changed(patient, fewer, self._words("reminders.deleted"))

    def _resumed(self, patient: Patient, plan: Plan, kind: schedules.Kind | None, now: datetime) -> ReminderStep:
        return self.show(_keep(patient, plan.paused(None, kind).back(self._today(patient, now))), now)

    def _hushed(self, patient: Patient, plan: Plan, request: Quiet, now: datetime) -> ReminderStep:
        """Keep the quiet hours; of what they would leave no time for, it is asked when it shall come instead."""
        before = plan.holding(plan.ahead(now))
        hushed = before.hushed(request.hours, request.kind)
        text = self._words("reminders.quiet_over") if request.hours is None else self._quiet_told(request.hours)
        gone = list(dict.fromkeys(each.rule.kind for each in before.reminders if not hushed.has(each.name)))
        if gone:
            names = " and ".join(self._words(_KINDS[kind]) for kind in gone)
            text += "\n\n" + self._words("reminders.no_time_left", name=names)
            hushed = hushed.asking(_ASKED_FOR[gone[0]], now)
        return self._fewer(patient, hushed, text, now)

    def _off(self, patient: Patient, plan: Plan, request: DaysOff, now: datetime) -> ReminderStep:
        first, last = request.days[0], request.days[-1]
        if (last - first).days + 1 == len(request.days) > 1:
            text = self._words("reminders.off_from", first=_day(first, now), text=_day(last, now))
        else:
            text = self._words("reminders.off_on", text=", ".join(_day(day, now) for day in request.days))
        fewer = plan.holding(plan.ahead(now)).without_days(request.days, self._today(patient, now), request.kind)
        return self._fewer(patient, fewer, text, now)

    def _fewer(self, patient: Patient, plan: Plan, text: str, now: datetime) -> ReminderStep:
        """Keep a plan in which some times are left out, and tell the next three that are not, whatever they are of."""
        own = [each for each in plan.ahead(now) if each.rule.kind not in ("care_point", "recheck")]
        coming = sorted(
            (moment, self._words(_KINDS[each.rule.kind]))
            for each in own
            for moment in schedules.upcoming(each.rule, now, 3, plan.sent_of(each.name))
        )
        if coming:
            several = len({name for _, name in coming}) > 1
            told = (f"- {_told(moment, now)}" + (f", {name}" if several else "") for moment, name in coming[:3])
            text += "\n\n" + self._words("reminders.next_times", moment="\n".join(told))
        listed = (self._list_button(),) if own else ()
        return ReminderStep(_keep(patient, plan), _outcome(Reply(text=text, buttons=listed), retired=("rem",)))

    def _quiet_told(self, hours: tuple[time, time]) -> str:
        return self._words("reminders.quiet", first=f"{hours[0]:%H:%M}", text=f"{hours[1]:%H:%M}")

    def _today(self, patient: Patient, now: datetime) -> date:
        return now.astimezone(ZoneInfo(self.zone_of(patient) or "UTC")).date()

    def _paused(
        self, patient: Patient, plan: Plan, until: date | None, kind: schedules.Kind | None, now: datetime
    ) -> ReminderStep:
        if until is None:
            paused = plan.paused(now.date() + _UNTIL_SAID, kind)
            return self._changed(patient, paused, self._words("reminders.paused"))
        text = self._words("reminders.paused_until", moment=_day(until, now))
        return self._changed(patient, plan.paused(until, kind), text)

    def _changed(self, patient: Patient, plan: Plan, text: str) -> ReminderStep:
        if not Plan.loads(patient.reminders).reminders:
            return ReminderStep(patient, _outcome(Reply(text=self._words("reminders.none"))))
        listed = () if not plan.reminders else (self._list_button(),)
        return ReminderStep(_keep(patient, plan), _outcome(Reply(text=text, buttons=listed), retired=("rem",)))

    def _asked(self, patient: Patient, reply: Reply, words: str, now: datetime) -> ReminderStep:
        """Ask back, and keep for an hour what was asked, so that the answer can be short."""
        plan = Plan.loads(patient.reminders).asking(words, now)
        return ReminderStep(_keep(patient, plan), _outcome(reply))

    # ---- a wish ----
    def _wish(self, patient: Patient, wish: Wish, now: datetime) -> ReminderStep:
        plan, zone = Plan.loads(patient.reminders), self.zone_of(patient) or "UTC"
        plan = plan.holding(plan.ahead(now))
        wish = _of_the_only_kind(wish, plan)
        if wish.is_exception and wish.kind_guessed and not wish.times and wish.every_minutes is None and plan.of(None):
            fewer = plan.without_weekdays(EVERY_DAY - wish.days)
            return self._fewer(patient, fewer, self._words("reminders.off_weekly"), now)
        before = next((each.rule for each in plan.of(wish.kind) if each.rule.on is None), None)
        rule = self._rule(wish, zone, before)
        if rule is None:
            return self.offer(patient, now, wish.kind)
        rule = plan.fitted(rule)
        fault = schedules.problem(rule, now)
        if fault is not None:
            return ReminderStep(patient, _outcome(Reply(text=self._words(fault))))
        changed = plan.with_rule(_new_name(), rule)
        if wish.manner == "add" and before is None:
            changed = plan.holding((*plan.reminders, Reminder(_new_name(), rule)))
        if sum(each.rule.kind not in ("care_point", "recheck") for each in changed.reminders) > MOST:
            return ReminderStep(patient, _outcome(Reply(text=self._words("reminders.too_many"))))
        guess = self._places.default_zone(patient.country)
        guessed = patient.zone is None and guess is not None and guess.is_guess
        outcome = self._told_back(rule, changed, now, guessed=guessed)
        if guessed:
            changed = changed.asking(_HERE, now)
        return ReminderStep(dataclasses.replace(_keep(patient, changed), zone=zone), outcome)

    def _rule(self, wish: Wish, zone: str, before: Schedule | None) -> Schedule | None:
        """The rule that a wish makes, of the one before where it changes or adds to that; None when it has no time."""
        asked = Schedule(
            kind=wish.kind, zone=zone, times=wish.times, every_minutes=wish.every_minutes, first=wish.first,
            last=wish.last, days=wish.days, starts=wish.starts, ends=wish.ends, on=wish.on, quiet=wish.quiet,
            days_off=wish.days_off,
        )  # fmt: skip
        if before is None or wish.on is not None or wish.manner == "set":
            return asked if wish.times or wish.every_minutes is not None else None
        # Who asks for them wants them to come.
        before = dataclasses.replace(before, paused_until=None)
        if not wish.times and wish.every_minutes is None:
            days = before.days & wish.days if wish.is_exception else wish.days
            return dataclasses.replace(before, days=days, starts=wish.starts, ends=wish.ends)
        if wish.manner == "add" and wish.every_minutes is None:
            return dataclasses.replace(before, times=tuple(sorted({*before.times, *wish.times})))
        if wish.only is not None and before.times:
            kept = (each for each in before.times if wish.only is None or not within(each, wish.only))
            return dataclasses.replace(before, times=tuple(sorted({*kept, *wish.times})))
        return asked

    def _told_back(self, rule: Schedule, plan: Plan, now: datetime, *, guessed: bool) -> Outcome:
        moments = "\n".join(f"- {_told(moment, now)}" for moment in schedules.upcoming(rule, now))
        name = self._words(_KINDS[rule.kind])
        text = self._words("reminders.set", name=name, moment=moments, text=_clock_of(rule.zone))
        buttons = [self._list_button()]
        if rule.kind == "exercises" and not plan.of("check_in"):
            buttons.append(Button(title=self._words("reminders.weekly_button"), payload=payload("rem", "at:weekly")))
        if guessed:
            text += "\n\n" + self._words("reminders.guessed")
        return _outcome(Reply(text=text, buttons=tuple(buttons)), retired=("rem", "place"))

    # ---- places ----
    def _place(self, patient: Patient, place: str, country: Country, now: datetime) -> ReminderStep | None:
        found = self._places.zone_of_place(place)
        open_request = Plan.loads(patient.reminders).open_request(now) or _HERE
        if isinstance(found, Ambiguous):
            buttons = tuple(
                Button(title=city, payload=payload("place", _slug(city)))
                for city in found.cities
                if self._places.zone_of_place(_unslugged(_slug(city))) == self._places.zone_of_place(city)
            )
            reply = Reply(text=self._words("reminders.which_city"), buttons=buttons)
            return self._asked(patient, reply, open_request, now)
        if found is None:
            return self._asked(patient, Reply(text=self._words("reminders.where")), open_request, now)
        return self._moved(patient, found, now)

    def _moved(self, patient: Patient, zone: str, now: datetime) -> ReminderStep:
        before = Plan.loads(patient.reminders)
        words = before.open_request(now)
        plan = before.moved(zone, now)
        moved = dataclasses.replace(_keep(patient, plan.settled() if words == _HERE else plan), zone=zone)
        request = read_request(words, now.astimezone(ZoneInfo(zone)), self._places.is_place) if words else None
        if isinstance(request, Wish):
            return self._wish(moved, request, now)
        text = self._words("reminders.moved", text=_clock_of(zone))
        return ReminderStep(moved, _outcome(Reply(text=text, buttons=(self._list_button(),)), retired=("place",)))

    # ---- taps ----
    def _pressed(self, patient: Patient, argument: str, country: Country, now: datetime) -> ReminderStep | None:
        verb, _, name = argument.partition(":")
        plan = Plan.loads(patient.reminders)
        match verb:
            case "list":
                return self.show(patient, now)
            case "pause":
                return self._paused(patient, plan, self._in_a_week(patient, now), None, now)
            case "resume":
                return self._resumed(patient, plan, None, now)
            case "delete":
                return self._changed(patient, plan.without_named(name), self._words("reminders.deleted"))
            case "change":
                kinds = [each.rule.kind for each in plan.reminders if each.name == name]
                return self.offer(patient, now, *kinds)
            case "at":
                return self._at(patient, name, country, now)
            case "soon" | "later":
                return self._again(patient, plan, name, self._put_off(patient, now, later=verb == "later"))
            case _:
                return self._answered(patient, plan, name, done=verb == "done")

    def _at(self, patient: Patient, name: str, country: Country, now: datetime) -> ReminderStep | None:
        """Take a usual time, of what is being asked about."""
        if name == "weekly":
            # On the day before this one of the week: it asks how the week was, and not at once.
            day = (now - timedelta(days=1)).astimezone(ZoneInfo(self.zone_of(patient) or "UTC"))
            words = f"{_ASKED_FOR['check_in']} every {day:%A} at 10am"
        elif name in _USUAL:
            before = Plan.loads(patient.reminders).open_request(now)
            words = f"{_ASKED_FOR['exercises']} {_USUAL[name]}"
            if before not in ("", _HERE) and self._read(patient, f"{before} {_USUAL[name]}", now) is not None:
                words = f"{before} {_USUAL[name]}"
        else:
            return None
        return self._take(patient, words, self._read(patient, words, now), country, now)

    def _put_off(self, patient: Patient, now: datetime, *, later: bool) -> datetime:
        """When a reminder comes once more that was put off."""
        if not later:
            return now + SOON
        wall = now.astimezone(ZoneInfo(self.zone_of(patient) or "UTC"))
        latest = datetime.combine(wall.date(), LATEST, wall.tzinfo)
        return max(min(now + LATER, latest.astimezone(now.tzinfo)), now + SOON)

    def _again(self, patient: Patient, plan: Plan, name: str, until: datetime) -> ReminderStep:
        if not plan.has(name):
            return ReminderStep(patient, _outcome(Reply(text=self._words("reminders.gone")), retired=("rem",)))
        rule = next(each.rule for each in plan.reminders if each.name == name)
        if schedules.is_quiet(rule, until):
            said = _outcome(Reply(text=self._words("reminders.skipped")), retired=("rem", "ex", "form"))
            return ReminderStep(patient, said)
        wall = until.astimezone(ZoneInfo(self.zone_of(patient) or "UTC"))
        text = self._words("reminders.snoozed", moment=f"{wall:%H:%M}")
        return ReminderStep(patient, _outcome(Reply(text=text), retired=("rem", "ex", "form")), (name, until))

    def _answered(self, patient: Patient, plan: Plan, name: str, *, done: bool) -> ReminderStep:
        key = "reminders.noted" if done else "reminders.skipped"
        exercises = any(each.name == name and each.rule.kind == "exercises" for each in plan.reminders)
        said = _outcome(Reply(text=self._words(key)), retired=("rem", "ex", "form", "intake"))
        return ReminderStep(patient, said, asks_why=exercises and not done)

    def _in_a_week(self, patient: Patient, now: datetime) -> date:
        return now.astimezone(ZoneInfo(self.zone_of(patient) or "UTC")).date() + timedelta(days=7)

    def _is_paused(self, rule: Schedule, now: datetime) -> bool:
        return rule.paused_until is not None and rule.paused_until > now.astimezone(ZoneInfo(rule.zone)).date()

    def _list_button(self) -> Button:
        return Button(title=self._words("reminders.list_button"), payload=payload("rem", "list"))


def _is_new(onset: date | None, now: datetime) -> bool:
    """Whether an onset is told closely enough to count from: that of an older weakness is a guess of several weeks."""
    return onset is not None and (now.date() - onset).days <= _COUNTED_DAYS


def _told(moment: datetime, now: datetime) -> str:
    """A moment as people say it, by the clock it carries."""
    return f"{_day(moment.date(), now)}, {moment:%H:%M}"


def _day(day: date, now: datetime) -> str:
    """A day as people say it; with its year when it is far off."""
    return f"{day:%a} {day.day} {day:%b}" + (f" {day.year}" if day - now.date() > _FAR else "")


def _slug(city: str) -> str:
    """A city as a button may carry it: "são-paulo" without its tilde."""
    plain = unicodedata.normalize("NFKD", city.lower()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.replace("'", "").replace(".", "")).strip("-")


def _unslugged(slug: str) -> str:
    return slug.replace("-", " ")


def _is_answer(text: str) -> bool:
    """Whether a text says nothing but when, how often and of what."""
    words = re.findall(r"[^\s,;.!?&+-]+", text.lower().replace("’", "'"))
    return all(word in _ANSWER_WORDS or word[0].isdigit() for word in words)


def _of_the_only_kind(wish: Wish, plan: Plan) -> Wish:
    """A change whose kind was guessed, as one of the only kind that the person has."""
    kinds = {each.rule.kind for each in plan.reminders if each.rule.kind in ("exercises", "eye_drops")}
    if wish.kind_guessed and wish.manner != "set" and kinds == {"eye_drops"}:
        return dataclasses.replace(wish, kind="eye_drops")
    return wish


def _clock_of(zone: str) -> str:
    """The city that a zone is named after."""
    return zone.rpartition("/")[2].replace("_", " ")


def _new_name() -> str:
    return uuid.uuid4().hex[:6]


def _outcome(reply: Reply, retired: tuple[str, ...] = ()) -> Outcome:
    return Outcome(kind=Kind.REMINDER, replies=(reply,), retired=retired)


def _keep(patient: Patient, plan: Plan) -> Patient:
    return dataclasses.replace(patient, reminders=plan.dumps() if plan != Plan() else None)

"""First contact: who this is, consent, for whom, age, country, and, if they like, when it began and the stage.

A small state machine over the person: no engine takes part, because before consent nothing may be stored there, and
because it must work while the engine is away. What is asked before consent is held, and answered right after.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from bot.dialogue.said import Said
from bot.dialogue.yes_no import read
from bot.outcome import Button, Kind, Outcome, Reply
from bot.patient import Patient, Step
from bot.payload import Press, payload
from bot.triage.countries import Countries
from bot.triage.since import hours_since
from bot.words import Words

CONSENT_VERSION = "2026-11"
MAX_HELD = 1000
_COUNTRIES_OFFERED = ("GB", "US", "IE", "CA", "AU", "NZ")
_CONSENT_TITLES = {"yes": "consent.agree", "no": "consent.disagree", "more": "consent.tell_more"}
_WHOM = {"me": "self", "myself": "self", "i": "self", "someone": "other", "somebody": "other", "not me": "other"}
_SKIPPED = {"next": "skip", "pass": "skip"}
# The middle of what each answer spans: an estimate of the first day, in days before now.
_DAYS_AGO = {"today": 1, "days": 9, "weeks": 49, "months": 180}
# A weak face so new should be seen today (rules D01 and D02).
_NEW_DAYS = 14
# Words; a longer message is a question of their own.
_LONGEST_ANSWER = 6


@dataclasses.dataclass(frozen=True, slots=True)
class Welcome:
    """The person as they now stand, and what to say; `answer_now` is the held question, once it may be answered.

    `forget` says that they declined: what was kept of an earlier time goes.
    """

    patient: Patient
    outcome: Outcome
    answer_now: str | None = None
    forget: bool = False


class FirstContact:
    """Leads a new person through the few questions, one a message, each answerable by button or by typing."""

    def __init__(self, words: Words, countries: Countries) -> None:
        self._words = words
        self._countries = countries
        self._steps: Mapping[Step, Callable[[Patient, Said, datetime], Welcome]] = {
            Step.NEW: self._welcome,
            Step.CONSENT: self._consent,
            Step.FOR_WHOM: self._for_whom,
            Step.AGE: self._age,
            Step.COUNTRY: self._country,
            Step.ONSET: self._onset,
            Step.STAGE: self._stage,
        }

    def begin(self, patient: Patient) -> Welcome:
        """Begin, or begin again, with the welcome and the question of consent."""
        number = self._countries.get(patient.country).emergency_number
        welcome = [
            Reply(text=f"{self._words('about.welcome')}\n\n{self._words('about.version')}"),
            Reply(text=self._words("about.emergency", number=number)),
        ]
        asked = dataclasses.replace(patient, step=Step.CONSENT, stopped_at=None)
        return Welcome(asked, _said(*welcome, self._ask_consent()))

    def go_on(self, patient: Patient, said: Said, now: datetime) -> Welcome:
        """Take the next step with what was said."""
        return self._steps[patient.step](patient, said, now)

    def _welcome(self, patient: Patient, said: Said, now: datetime) -> Welcome:
        return self.begin(_hold(patient, said))

    def _consent(self, patient: Patient, said: Said, now: datetime) -> Welcome:
        choice = self._choice(said, "consent", _CONSENT_TITLES)
        if choice is None and said.text and read(said.text) != "unclear":
            choice = read(said.text)
        if choice == "yes":
            agreed = dataclasses.replace(
                patient, step=Step.FOR_WHOM, consented_at=now, consent_version=CONSENT_VERSION, stopped_at=None
            )
            return Welcome(agreed, _said(self._ask_for_whom(), tapped=said.press))
        if choice == "no":
            number = self._countries.get(patient.country).emergency_number
            declined = Reply(text=self._words("consent.declined", number=number))
            return Welcome(Patient(id=patient.id), _said(declined, tapped=said.press), forget=True)
        if choice == "more":
            return Welcome(patient, _said(Reply(text=self._words("consent.more")), self._ask_consent()))
        held = _hold(patient, said)
        note = "consent.held" if held.held_question != patient.held_question else "consent.please_choose"
        return Welcome(held, _said(Reply(text=self._words(note)), self._ask_consent()))

    def _for_whom(self, patient: Patient, said: Said, now: datetime) -> Welcome:
        choice = self._choice(said, "whom", _titles("self", "other"), _WHOM)
        if choice is None:
            return self._again(patient, said, self._ask_for_whom())
        moved = dataclasses.replace(patient, for_whom=choice, step=Step.AGE)
        return Welcome(moved, _said(self._ask_age(), tapped=said.press))

    def _age(self, patient: Patient, said: Said, now: datetime) -> Welcome:
        choice = self._choice(said, "age", _titles("child", "adult", "older")) or _age_band(said.text or "")
        if choice is None:
            return self._again(patient, said, self._ask_age())
        moved = dataclasses.replace(patient, age_band=choice, step=Step.COUNTRY)
        return Welcome(moved, _said(self._ask_country(), tapped=said.press))

    def _country(self, patient: Patient, said: Said, now: datetime) -> Welcome:
        choice = self._choice(said, "country", {"other": "onboarding.country_other"})
        if choice == "other":
            return Welcome(patient, _said(Reply(text=self._words("onboarding.country"))))
        if choice is not None:
            moved = dataclasses.replace(patient, country=choice, step=Step.ONSET)
            return Welcome(moved, _said(self._ask_onset(), tapped=said.press))
        code = self._countries.find(said.text) if said.text else None
        if code is not None:
            moved = dataclasses.replace(patient, country=code, step=Step.ONSET)
            return Welcome(moved, _said(self._ask_onset()))
        if said.text and len(said.text.split()) <= 3 and not said.text.endswith("?"):
            # A place we have no number for: 112 is said plainly and the way goes on.
            moved = dataclasses.replace(patient, country=None, step=Step.ONSET)
            return Welcome(moved, _said(Reply(text=self._words("onboarding.country_unknown")), self._ask_onset()))
        return self._again(patient, said, self._ask_country())

    def _onset(self, patient: Patient, said: Said, now: datetime) -> Welcome:
        code = self._countries.find(said.text) if said.text and patient.country is None else None
        if code is not None:  # the other name that was asked for
            return Welcome(dataclasses.replace(patient, country=code), _said(self._ask_onset()))
        choice = self._choice(said, "onset", _titles("today", "days", "weeks", "months", "skip"), _SKIPPED)
        hours = _typed_hours(said.text, now) if choice is None else None
        if choice is None and hours is None:
            return self._again(patient, said, self._ask_onset()) if said.press else self._finish(_hold(patient, said))
        days = _DAYS_AGO.get(choice or "") if hours is None else hours / 24
        onset = (now - timedelta(days=days)).date() if days is not None else None
        moved = dataclasses.replace(patient, onset_on=onset, step=Step.STAGE)
        note = (Reply(text=self._words("onboarding.new_onset")),) if days is not None and days <= _NEW_DAYS else ()
        return Welcome(moved, _said(*note, self._ask_stage(), tapped=said.press))

    def _stage(self, patient: Patient, said: Said, now: datetime) -> Welcome:
        titles = _titles("flaccid", "recovery", "synkinesis", "surgery", "skip")
        choice = self._choice(said, "stage", titles, _SKIPPED)
        if choice is None:
            return self._again(patient, said, self._ask_stage()) if said.press else self._finish(_hold(patient, said))
        done = dataclasses.replace(patient, stage=None if choice == "skip" else choice)
        return self._finish(done, tapped=said.press)

    def _finish(self, patient: Patient, *, tapped: Press | None = None) -> Welcome:
        held = patient.held_question
        done = dataclasses.replace(patient, step=Step.DONE, held_question=None)
        text = self._words("onboarding.done_held" if held else "onboarding.done")
        return Welcome(done, _said(Reply(text=text), tapped=tapped), answer_now=held)

    def _again(self, patient: Patient, said: Said, question: Reply) -> Welcome:
        """Ask the same again; a question of the person's own is held, and they are told so."""
        held = _hold(patient, said)
        if held.held_question != patient.held_question:
            return Welcome(held, _said(Reply(text=self._words("consent.held")), question))
        return Welcome(patient, _said(question))

    def _choice(
        self, said: Said, verb: str, titles: Mapping[str, str], typed: Mapping[str, str] = MappingProxyType({})
    ) -> str | None:
        """Return what was chosen by button, by a button's title typed, or by one of a few other words."""
        if said.press is not None:
            return said.press.argument if said.press.verb == verb else None
        text = (said.text or "").casefold().strip(" .!")
        by_title = {self._words(key).casefold(): argument for argument, key in titles.items()}
        return by_title.get(text) or typed.get(text)

    def _ask_consent(self) -> Reply:
        return self._question("consent.ask", "consent", _CONSENT_TITLES)

    def _ask_for_whom(self) -> Reply:
        return self._question("onboarding.for_whom", "whom", _titles("self", "other"))

    def _ask_age(self) -> Reply:
        return self._question("onboarding.age", "age", _titles("child", "adult", "older"))

    def _ask_country(self) -> Reply:
        buttons = [
            Button(title=self._countries.get(code).name, payload=payload("country", code))
            for code in _COUNTRIES_OFFERED
        ]
        buttons.append(Button(title=self._words("onboarding.country_other"), payload=payload("country", "other")))
        return Reply(text=self._words("onboarding.country"), buttons=tuple(buttons))

    def _ask_onset(self) -> Reply:
        return self._question("onboarding.onset", "onset", _titles("today", "days", "weeks", "months", "skip"))

    def _ask_stage(self) -> Reply:
        titles = _titles("flaccid", "recovery", "synkinesis", "surgery", "skip")
        return self._question("onboarding.stage", "stage", titles)

    def _question(self, key: str, verb: str, titles: Mapping[str, str]) -> Reply:
        buttons = tuple(
            Button(title=self._words(title), payload=payload(verb, argument)) for argument, title in titles.items()
        )
        return Reply(text=self._words(key), buttons=buttons)


def is_step(press: Press) -> bool:
    """Whether a tapped button belongs to first contact."""
    return press.verb in ("consent", "whom", "age", "country", "onset", "stage")


def _age_band(text: str) -> str | None:
    """Return the age group of a typed age, None when the text holds no single likely one."""
    numbers = re.findall(r"\d+", text)
    if len(numbers) != 1 or len(numbers[0]) > 3 or len(text.split()) > 4:
        return None
    age = 0 if re.search(r"\b(?:days?|weeks?|months?)\b", text, re.IGNORECASE) else int(numbers[0])
    if age > 120:
        return None
    return "child" if age < 18 else "adult" if age < 60 else "older"


def _titles(*arguments: str) -> dict[str, str]:
    return {argument: f"onboarding.{argument}" for argument in arguments}


def _said(*replies: Reply, tapped: Press | None = None) -> Outcome:
    return Outcome(kind=Kind.ACCOUNT, replies=replies, retired=(tapped.verb,) if tapped else ())


def _hold(patient: Patient, said: Said) -> Patient:
    """Keep what they asked, so that they needn't ask twice; a greeting or a single word is no question."""
    if said.text and (len(said.text.split()) >= 3 or said.text.endswith("?")):
        return dataclasses.replace(patient, held_question=said.text[:MAX_HELD])
    return patient


def _typed_hours(text: str | None, now: datetime) -> float | None:
    """How many hours ago it began, from a short typed answer; a question of their own is none."""
    if not text or "?" in text or len(text.split()) > _LONGEST_ANSWER:
        return None
    return hours_since(text, now)

"""First contact: who this is, consent, for whom, age, country, and, if they like, when it began and the stage.

A small state machine over the person: no engine takes part, because before consent nothing may be stored there, and
because it must work while the engine is away. What is asked before consent is held, and answered right after.
"""

import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from bot.dialogue.said import Said
from bot.dialogue.yes_no import read
from bot.outcome import Button, Kind, Outcome, Reply
from bot.patient import Patient, Step
from bot.payload import Press, payload
from bot.triage.countries import Countries
from bot.words import Words

CONSENT_VERSION = "2026-11"
MAX_HELD = 1000
_COUNTRIES_OFFERED = ("GB", "US", "IE", "CA", "AU", "NZ")
# The middle of what each answer spans: an estimate of the first day, in days before now.
_DAYS_AGO = {"today": 1, "days": 9, "weeks": 49, "months": 180}


@dataclasses.dataclass(frozen=True, slots=True)
class Welcome:
    """The person as they now stand, and what to say; `answer_now` is the held question, once it may be answered."""

    patient: Patient
    outcome: Outcome
    answer_now: str | None = None


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
        choice = self._choice(said, "consent", {})
        if choice is None and said.text:
            choice = {"yes": "yes", "no": "no"}.get(read(said.text))
        if choice == "yes":
            agreed = dataclasses.replace(
                patient, step=Step.FOR_WHOM, consented_at=now, consent_version=CONSENT_VERSION, stopped_at=None
            )
            return Welcome(agreed, _said(self._ask_for_whom(), tapped=said.press))
        if choice == "no":
            number = self._countries.get(patient.country).emergency_number
            declined = Reply(text=self._words("consent.declined", number=number))
            return Welcome(Patient(id=patient.id), _said(declined, tapped=said.press))
        if choice == "more":
            return Welcome(patient, _said(Reply(text=self._words("consent.more")), self._ask_consent()))
        held = _hold(patient, said)
        note = "consent.held" if held.held_question != patient.held_question else "consent.please_choose"
        return Welcome(held, _said(Reply(text=self._words(note)), self._ask_consent()))

    def _for_whom(self, patient: Patient, said: Said, now: datetime) -> Welcome:
        typed = {"self": ("me", "myself", "self", "i"), "other": ("someone", "other", "somebody", "not me")}
        choice = self._choice(said, "whom", typed, ("self", "other"))
        if choice is None:
            return self._again(patient, said, self._ask_for_whom())
        moved = dataclasses.replace(patient, for_whom=choice, step=Step.AGE)
        return Welcome(moved, _said(self._ask_age(), tapped=said.press))

    def _age(self, patient: Patient, said: Said, now: datetime) -> Welcome:
        choice = self._choice(said, "age", {}, ("child", "adult", "older"))
        digits = "".join(letter for letter in said.text or "" if letter.isdigit())
        if choice is None and said.text and digits and len(said.text.split()) <= 4 and 0 <= int(digits[:4]) <= 120:
            choice = "child" if int(digits) < 18 else "adult" if int(digits) < 60 else "older"
        if choice is None:
            return self._again(patient, said, self._ask_age())
        moved = dataclasses.replace(patient, age_band=choice, step=Step.COUNTRY)
        return Welcome(moved, _said(self._ask_country(), tapped=said.press))

    def _country(self, patient: Patient, said: Said, now: datetime) -> Welcome:
        if said.press is not None and said.press.verb == "country":
            if said.press.argument == "other":
                return Welcome(patient, _said(Reply(text=self._words("onboarding.country"))))
            moved = dataclasses.replace(patient, country=said.press.argument, step=Step.ONSET)
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
        choice = self._choice(said, "onset", {"skip": ("skip", "next", "pass")}, ("today", "days", "weeks", "months"))
        if choice is None:
            return self._again(patient, said, self._ask_onset()) if said.press else self._finish(_hold(patient, said))
        days = _DAYS_AGO.get(choice)
        onset = (now - timedelta(days=days)).date() if days is not None else None
        moved = dataclasses.replace(patient, onset_on=onset, step=Step.STAGE)
        note = (Reply(text=self._words("onboarding.new_onset")),) if choice in ("today", "days") else ()
        return Welcome(moved, _said(*note, self._ask_stage(), tapped=said.press))

    def _stage(self, patient: Patient, said: Said, now: datetime) -> Welcome:
        stages = ("flaccid", "recovery", "synkinesis", "surgery")
        choice = self._choice(said, "stage", {"skip": ("skip", "next", "pass")}, stages)
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
        self, said: Said, verb: str, typed: Mapping[str, tuple[str, ...]], titled: tuple[str, ...] = ()
    ) -> str | None:
        """Return what was chosen by button, by a button's title typed, or by one of a few other words."""
        if said.press is not None:
            return said.press.argument if said.press.verb == verb else None
        text = (said.text or "").casefold().strip(" .!")
        for argument in titled:
            if text == self._words(f"onboarding.{argument}").casefold():
                return argument
        return next((argument for argument, words in typed.items() if text in words), None)

    def _ask_consent(self) -> Reply:
        titles = {"yes": "consent.agree", "no": "consent.disagree", "more": "consent.tell_more"}
        return self._question("consent.ask", "consent", titles)

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


def _titles(*arguments: str) -> dict[str, str]:
    return {argument: f"onboarding.{argument}" for argument in arguments}


def _said(*replies: Reply, tapped: Press | None = None) -> Outcome:
    return Outcome(kind=Kind.ACCOUNT, replies=replies, retired=(tapped.verb,) if tapped else ())


def _hold(patient: Patient, said: Said) -> Patient:
    """Keep what they asked, so that they needn't ask twice; a greeting or a single word is no question."""
    if said.text and (len(said.text.split()) >= 3 or said.text.endswith("?")):
        return dataclasses.replace(patient, held_question=said.text[:MAX_HELD])
    return patient

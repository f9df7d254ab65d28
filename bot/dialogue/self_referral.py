"""A request for an assessment, in chat: which clinic and how, what is sent shown word for word, and the yes to it.

What was told already becomes the request. Only a plain yes to what was shown sends it; "no", silence and anything
unclear send nothing. It works by buttons and by typing alone, and without the engine.
"""

import dataclasses
import hashlib
import json
import re
import secrets
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal, Protocol, Self
from zoneinfo import ZoneInfo

from bot.dialogue.clinic import PERSON, folded, when_read
from bot.dialogue.exercise import practice_of
from bot.dialogue.intake import Intakes
from bot.dialogue.said import Said
from bot.dialogue.yes_no import read
from bot.outcome import Button, Kind, Outcome, Reply
from bot.patient import Patient
from bot.payload import payload
from bot.referral.bands import Bands
from bot.referral.record import UNSURE, Referral, Side
from bot.referral.sorting import sort
from bot.referral.told import merged
from bot.store import MAIN_BOT, Store, lines, self_referrals
from bot.store.lines import Line
from bot.store.self_referrals import Before, Gone, Offer, Request
from bot.triage.countries import Country
from bot.words import Words

OPEN_FOR = timedelta(days=1)
"""A request left open for longer begins anew."""
TYPED_FOR = timedelta(minutes=30)
"""For so long typed words belong to the open question, and a bare "yes" to what was shown."""
LONGEST_WORDS = 1000
"""Characters of what the person may add in their own words."""
_LONGEST_NAME = 40
_NAME_WORDS = 4
_LABEL_LETTERS = "GHJKMNPQRTVWXYZ"
"""No letter that is mistaken for another, no vowel, and none that a pseudonym could have."""
_LABEL_LENGTH = 6
_MOST_CLINICS = 8
_BUTTON_NAME = 40
_TOPICS = frozenset({"find-therapist", "first-appointment", "virtual-care"})
"""Answers about these come with a button that begins a request."""
_MUST_BE_SEEN = frozenset({"EMERGENCY", "SAME_DAY"})
_SINCE_AN_EMERGENCY = timedelta(days=1)
_NOT_TOLD = frozenset({"age", "onset_hours", "weeks_since_onset"})
"""Told in words of their own, not among the findings."""

_MAY = r"(?:(?:can|could|may) (?:i|we)|(?:i|we)(?:'d like| would like| want| need|'d love) to|how (?:can|do) (?:i|we))"
_BY_VIDEO = r"(?:by|on|over|via|through) (?:a )?video(?: call)?"
_PLACE = rf"(?: {_BY_VIDEO}| online| remotely| in person| in the clinic| at (?:your|the) clinic)"
_WHO = r"(?:(?:your|the|a|this|my) )?(?:facial palsy )?(?:clinic|team|service)"
_WANT = rf"(?:{_MAY} (?:please )?(?:get|have|ask (?:you )?for|request|book)|i(?:'d like| would like| want| need))"
_ASKS = re.compile(
    rf"(?:please )?(?:{_WANT} )?"
    rf"an? (?:video |online |facial palsy |clinic )?assessment(?: (?:with|from|at|by) {_WHO})?{_PLACE}?(?: please)?"
    rf"|(?:please )?(?:(?:can|could|will|would) you (?:please )?)?refer me(?: to (?:{_WHO}|a facial therapist))?"
    r"(?: please)?"
    rf"|(?:{_MAY} )?(?:self[- ]refer|refer myself)(?: to {_WHO})?(?: please)?|self[- ]referral"
    rf"|(?:{_MAY} |please )?(?:see|talk to|speak to|meet) (?:a|the|your) (?:facial )?(?:therapist|physio(?:therapist)?|"
    rf"clinician|specialist){_PLACE}(?: please)?"
    rf"|ask (?:{_WHO}) for an assessment"
)
_ON = frozenset({"go on", "go on without", "go on without it", "without", "without it", "skip", "skip it"})
_SKIP = frozenset({"skip", "no", "none", "nothing", "no thanks", "next", "pass", "rather not", "i'd rather not"})
_LEAVE = frozenset({"cancel", "stop", "don't send", "don't send it", "never mind", "nevermind", "not now", "no"})
_WAYS = {
    "clinic": ("in the clinic", "clinic", "in person", "face to face", "at the clinic"),
    "video": ("by video", "video", "online", "video call", "remotely"),
    "either": ("either is fine", "either", "both", "any", "i don't mind", "don't mind", "no preference"),
}

type _Step = Literal["check", "clinic", "way", "name", "words", "ask"]
type _Wish = Literal["clinic", "video", "either"]


class Takers(Protocol):
    """Where the clinics, the person's line and what they told before are looked up."""

    async def offers(self) -> Sequence[Offer]:
        """The clinics that take self-referrals."""
        ...

    async def line(self, patient_id: str) -> Line | None:
        """The open line of a person."""
        ...

    async def gone(self, patient_id: str) -> Sequence[Gone]:
        """The requests that a person has sent, the newest first."""
        ...

    async def before(self, patient_id: str, now: datetime) -> Before:
        """What a person told so far."""
        ...

    async def interrupted(self, patient_id: str, since: datetime) -> bool:
        """Whether the chat has said something unasked since a moment."""
        ...


def new_label() -> str:
    """Return what the clinic calls somebody who gives no name: random, so that nothing leads from it to a chat."""
    return "Chat " + "".join(secrets.choice(_LABEL_LETTERS) for _ in range(_LABEL_LENGTH))


class StoredTakers:
    """The clinics of the database."""

    def __init__(self, store: Store, bot: str = MAIN_BOT) -> None:
        self._store, self._bot = store, bot

    async def offers(self) -> Sequence[Offer]:
        """The clinics that take self-referrals."""
        async with self._store.reading() as session:
            return await self_referrals.offers(session, self._bot)

    async def line(self, patient_id: str) -> Line | None:
        """The open line of a person."""
        async with self._store.reading() as session:
            return await lines.of_patient(session, patient_id)

    async def gone(self, patient_id: str) -> Sequence[Gone]:
        """The requests that a person has sent, the newest first."""
        async with self._store.reading() as session:
            return await self_referrals.gone(session, patient_id)

    async def before(self, patient_id: str, now: datetime) -> Before:
        """What a person told so far."""
        async with self._store.reading() as session:
            return await self_referrals.before(session, patient_id, now)

    async def interrupted(self, patient_id: str, since: datetime) -> bool:
        """Whether the chat has said something unasked since a moment."""
        async with self._store.reading() as session:
            return await self_referrals.interrupted(session, patient_id, since)


@dataclasses.dataclass(frozen=True, slots=True)
class Asking:
    """A request under way: the open question, when it was put, and what was answered.

    `aside`: something else came between, so typed words belong to it no longer. `shown` is a mark of what was shown.
    `label` is what to call the person if they give no name.
    """

    step: _Step
    at: str
    unchecked: bool = False
    clinic: int | None = None
    way: _Wish | None = None
    name: str | None = None
    words: str | None = None
    shown: str = ""
    aside: bool = False
    label: str = dataclasses.field(default_factory=new_label)

    @classmethod
    def loads(cls, text: str | None) -> Self | None:
        """The request as it is kept."""
        return cls(**json.loads(text)) if text else None

    def dumps(self) -> str:
        """The request as a text to keep."""
        return json.dumps(dataclasses.asdict(self), separators=(",", ":"))


@dataclasses.dataclass(frozen=True, slots=True)
class ReferStep:
    """The person as they now stand, and what to say.

    `request` is what they said yes to, to be sent now. `wrote` says that they wrote words for the clinic, which the
    screen's word on goes before. `begins_check` says that the triage intake should follow.
    """

    patient: Patient
    outcome: Outcome
    request: Request | None = None
    wrote: bool = False
    begins_check: bool = False


class SelfReferrals:
    """Leads a person through a request for an assessment."""

    def __init__(self, words: Words, intakes: Intakes, bands: Bands | None, where: Takers | None) -> None:
        self._words, self._intakes, self._bands, self._where = words, intakes, bands, where

    @classmethod
    def load(cls, content: Path, words: Words, intakes: Intakes, where: Takers | None) -> Self:
        """Load the rules that sort requests. Without `where` no clinic takes any.

        Raises:
            ContentError: a rule or a band can't be used.
        """
        return cls(words, intakes, Bands.load(content) if where is not None else None, where)

    async def begin(self, patient: Patient, country: Country, now: datetime, clinic: int | None = None) -> ReferStep:
        """Begin, or go on where it was left; who has sent one, or shares with a clinic, is told so."""
        offers = await self._offers()
        told = await self._joined(patient, now)
        if told is not None:
            return told
        if not offers:
            return ReferStep(_without(patient), _outcome(Reply(text=self._words("refer.none"))))
        open_ = _open(patient, now)
        if open_ is not None and (clinic is None or clinic == open_.clinic):
            lead = [self._words("refer.resumed")]
            return await self._next(patient, open_, offers, country, now, lead)
        chosen = next((each for each in offers if each.clinic_id == clinic), None)
        chosen = offers[0] if len(offers) == 1 else chosen
        lead = [
            self._words("refer.begin", clinic=chosen.clinic) if chosen else self._words("refer.begin_some"),
            *([chosen.offer] if chosen and chosen.offer else []),
        ]
        fresh = Asking("check", now.isoformat(), clinic=chosen.clinic_id if chosen else None)
        return await self._next(patient, fresh, offers, country, now, lead)

    async def hear(self, patient: Patient, said: Said, country: Country, now: datetime) -> ReferStep | None:
        """Take a tap or words that belong to a request, None when they are something else."""
        press = said.press
        if press is not None:
            return await self._tapped(patient, press.argument, country, now) if press.verb == "refer" else None
        text, open_ = folded(said.text), _open(patient, now)
        if not text or self._where is None:
            return None
        if open_ is not None and not open_.aside and now - datetime.fromisoformat(open_.at) <= TYPED_FOR:
            heard = await self._answered(patient, open_, text, str(said.text), country, now)
            if heard is not None:
                return heard
        titles = {folded(self._words(key)) for key in ("refer.on_button", "refer.button_some")}
        agrees = open_ is not None and open_.step == "ask" and text == folded(self._words("refer.agree"))
        asks = bool(_ASKS.fullmatch(text)) or text in titles
        if not (asks or agrees or text.startswith("ask ") or PERSON.fullmatch(text)):
            return None
        offers = await self._offers()
        if not offers:
            return None
        named = next((each for each in offers if text == folded(self._title(each))), None)
        if asks or named is not None:
            return await self.begin(patient, country, now, named.clinic_id if named else None)
        if agrees and open_ is not None:  # something came between: what they say yes to is shown once more
            return await self._next(patient, open_, offers, country, now, [])
        return await self.person(patient, country) if PERSON.fullmatch(text) else None

    def aside(self, patient: Patient) -> Patient:
        """The person, who went on to something else: what they type next answers no question of the request."""
        open_ = Asking.loads(patient.referring)
        if open_ is None or open_.aside:
            return patient
        return dataclasses.replace(patient, referring=dataclasses.replace(open_, aside=True).dumps())

    async def person(self, patient: Patient, country: Country) -> ReferStep | None:
        """What who asks for a person may do instead; None when they share with a clinic, or none takes requests."""
        button = await self._button(patient)
        if button is None:
            return None
        offers, number = await self._offers(), country.emergency_number
        text = self._words("refer.person_some", number=number)
        if len(offers) == 1:
            text = self._words("refer.person", clinic=offers[0].clinic, number=number)
        return ReferStep(patient, Outcome(kind=Kind.HANDOFF, replies=(Reply(text=text, buttons=(button,)),)))

    async def offered(self, patient: Patient, outcome: Outcome) -> Outcome:
        """The answer with a button that begins a request, when it is about finding or meeting a therapist."""
        if outcome.kind is not Kind.ANSWER or outcome.topic not in _TOPICS or not outcome.replies:
            return outcome
        return _with_button(outcome, await self._button(patient))

    def going_on(self, patient: Patient, outcome: Outcome, now: datetime) -> Outcome:
        """What a finished check told, with a button back to the request that it was made for."""
        if _open(patient, now) is None or not outcome.replies:
            return outcome
        return _with_button(outcome, Button(title=self._words("refer.on_button"), payload=payload("refer", "start")))

    # each answer

    async def _tapped(self, patient: Patient, what: str, country: Country, now: datetime) -> ReferStep:
        open_ = _open(patient, now)
        verb, _, value = what.partition(":")
        if verb == "at":
            return await self.begin(patient, country, now, int(value))
        if verb == "start":
            return await self.begin(patient, country, now)
        if open_ is None:
            return ReferStep(_without(patient), _outcome(Reply(text=self._words("refer.over")), retired=("refer",)))
        if verb == "no":
            return self._left(patient)
        if verb == "go":
            return await self._take(patient, dataclasses.replace(open_, unchecked=True), country, now)
        if verb == "way":
            way: _Wish = "clinic" if value == "clinic" else "video" if value == "video" else "either"
            return await self._take(patient, dataclasses.replace(open_, way=way), country, now)
        if verb == "skip":
            skipped = {"name": open_.name or ""} if value == "name" else {"words": open_.words or ""}
            return await self._take(patient, dataclasses.replace(open_, **skipped), country, now)  # type: ignore[arg-type]
        return await self._sent(patient, open_, value, country, now)

    async def _answered(
        self, patient: Patient, open_: Asking, text: str, typed: str, country: Country, now: datetime
    ) -> ReferStep | None:
        """What typed words say to the open question; None when they are something else."""
        step = open_.step
        if step in ("name", "words") and text in _SKIP:
            return await self._tapped(patient, f"skip:{step}", country, now)
        if step == "check" and (answer := self._check_answer(text)) is not None:
            if answer == "go":
                return await self._tapped(patient, "go", country, now)
            return ReferStep(self.aside(patient), _outcome(), begins_check=True)
        if text in _LEAVE or text == folded(self._words("refer.cancel_button")):
            return self._left(patient)
        if step == "clinic":
            return await self._chosen(patient, open_, text, country, now)
        if step == "way":
            way = next((name for name, words in _WAYS.items() if text in words), None)
            return await self._tapped(patient, f"way:{way}", country, now) if way else None
        if step == "name" and "?" not in typed and len(text.split()) <= _NAME_WORDS and len(typed) <= _LONGEST_NAME:
            return await self._take(patient, dataclasses.replace(open_, name=typed.strip()), country, now)
        if step == "words":
            if len(typed) > LONGEST_WORDS:
                return ReferStep(patient, _outcome(Reply(text=self._words("refer.too_long"))))
            told = await self._take(patient, dataclasses.replace(open_, words=typed.strip()), country, now)
            return dataclasses.replace(told, wrote=True)
        if step == "ask" and text == folded(self._words("refer.agree")):
            return await self._sent(patient, open_, open_.shown, country, now)
        if step == "ask" and read(typed) == "yes":
            if await self._interrupted(patient, open_):  # a bare "yes" may be to the reminder that came meanwhile
                return await self._next(
                    patient, open_, await self._offers(), country, now, [self._words("refer.resumed")]
                )
            return await self._sent(patient, open_, open_.shown, country, now)
        return self._left(patient) if step == "ask" and read(typed) == "no" else None

    def _check_answer(self, text: str) -> Literal["check", "go"] | None:
        if text in _ON or text == folded(self._words("refer.go_button")) or read(text) == "no":
            return "go"
        is_check = text in ("check", "the check", "do the check") or text == folded(self._words("refer.check_button"))
        return "check" if is_check or read(text) == "yes" else None

    async def _chosen(
        self, patient: Patient, open_: Asking, text: str, country: Country, now: datetime
    ) -> ReferStep | None:
        offers = await self._offers()
        chosen = [each for each in offers if text == folded(each.clinic)]
        chosen = chosen or [each for each in offers if len(text) >= 4 and text in folded(each.clinic)]
        if len(chosen) != 1:
            return None
        return await self._take(patient, dataclasses.replace(open_, clinic=chosen[0].clinic_id), country, now)

    async def _take(self, patient: Patient, open_: Asking, country: Country, now: datetime) -> ReferStep:
        """Go on with an answer taken."""
        told = await self._joined(patient, now)
        return told or await self._next(patient, open_, await self._offers(), country, now, [])

    def _left(self, patient: Patient) -> ReferStep:
        text = self._words("refer.not_sent")
        return ReferStep(_without(patient), _outcome(Reply(text=text), retired=("refer",)))

    def _stopped(self, patient: Patient) -> ReferStep:
        text = self._words("refer.stopped")
        return ReferStep(_without(patient), _outcome(Reply(text=text), retired=("refer",)))

    # each question

    async def _next(
        self,
        patient: Patient,
        open_: Asking,
        offers: Sequence[Offer],
        country: Country,
        now: datetime,
        lead: Sequence[str],
    ) -> ReferStep:
        """Put the next question, or show what would be sent and ask for the yes."""
        offer = next((each for each in offers if each.clinic_id == open_.clinic), None)
        if open_.clinic is not None and offer is None:
            return self._stopped(patient)
        before = await self._before(patient, now)
        if offer is not None and offer.way != "both":
            open_ = dataclasses.replace(open_, way=offer.way)
        must_be_seen = self._must_be_seen(patient, before, now)
        if must_be_seen and lead:
            lead = (self._words("refer.seen_first", number=country.emergency_number), *lead)
        if not open_.unchecked and not must_be_seen and (text := self._offers_check(before, now)):
            buttons = [
                Button(title=self._words("refer.check_button"), payload=payload("intake", "start")),
                self._button_of("go", "refer.go_button"),
            ]
            return self._ask(patient, open_, "check", text, buttons, lead, now)
        if offer is None:
            buttons = [
                Button(title=each.clinic[:_BUTTON_NAME], payload=payload("refer", f"at:{each.clinic_id}"))
                for each in offers[:_MOST_CLINICS]
            ]
            listed = "\n\n".join(f"- {each.clinic}{f': {each.offer}' if each.offer else ''}" for each in offers)
            return self._ask(patient, open_, "clinic", f"{self._words('refer.which')}\n\n{listed}", buttons, lead, now)
        if open_.way is None:
            buttons = [self._button_of(f"way:{name}", f"refer.{name}") for name in ("clinic", "video", "either")]
            return self._ask(patient, open_, "way", self._words("refer.way"), buttons, lead, now)
        if open_.name is None:
            text = self._words("refer.ask_name", clinic=offer.clinic)
            return self._ask(
                patient, open_, "name", text, [self._button_of("skip:name", "refer.skip_button")], lead, now
            )
        if open_.words is None:
            text = self._words("refer.ask_words", clinic=offer.clinic)
            skip = [self._button_of("skip:words", "refer.skip_button")]
            return self._ask(patient, open_, "words", text, skip, lead, now)
        return await self._show(patient, open_, offer, before, country, now, lead)

    async def _show(
        self,
        patient: Patient,
        open_: Asking,
        offer: Offer,
        before: Before,
        country: Country,
        now: datetime,
        lead: Sequence[str],
    ) -> ReferStep:
        request = self._request(patient, open_, offer, before, country, now)
        shown = _mark(request)
        earlier = next((each for each in await self._gone(patient) if each.clinic_id == offer.clinic_id), None)
        if earlier is not None:
            moment = _day(earlier.at.astimezone(ZoneInfo(offer.zone)).date())
            lead = (*lead, self._words("refer.before", clinic=offer.clinic, moment=moment))
        head = "\n\n".join([*lead, self._words("refer.show", clinic=offer.clinic)])
        asked = dataclasses.replace(open_, step="ask", at=now.isoformat(), shown=shown, aside=False)
        consent = Reply(
            text=self._words("refer.ask", clinic=offer.clinic, number=country.emergency_number),
            buttons=(self._button_of(f"yes:{shown}", "refer.agree"), self._button_of("no", "refer.cancel_button")),
        )
        outcome = _outcome(Reply(text=f"{head}\n\n{request.referral.text}"), consent, retired=("refer",))
        return ReferStep(dataclasses.replace(patient, referring=asked.dumps()), outcome)

    async def _sent(self, patient: Patient, open_: Asking, shown: str, country: Country, now: datetime) -> ReferStep:
        """Send what was shown. What is no longer what was shown is shown once more."""
        told = await self._joined(patient, now)
        if told is not None:
            return told
        offers = await self._offers()
        offer = next((each for each in offers if each.clinic_id == open_.clinic), None)
        if offer is None:
            return self._stopped(patient)
        if open_.step != "ask" or open_.name is None or open_.words is None or open_.way is None:
            return await self._next(patient, open_, offers, country, now, [])
        before = await self._before(patient, now)
        request = self._request(patient, open_, offer, before, country, now)
        if shown != _mark(request):
            return await self._show(patient, open_, offer, before, country, now, [self._words("refer.changed")])
        number = country.emergency_number
        parts = [
            self._words("refer.sent", clinic=offer.clinic, number=number),
            when_read(self._words, offer.hours, now),
        ]
        if self._must_be_seen(patient, before, now):
            parts.insert(0, self._words("refer.seen_first", number=number))
        write = Button(title=self._words("clinic.write_button"), payload=payload("line", "write"))
        outcome = _outcome(Reply(text="\n\n".join(parts), buttons=(write,)), retired=("refer",))
        return ReferStep(_without(patient), outcome, request=request)

    def _ask(
        self,
        patient: Patient,
        open_: Asking,
        step: _Step,
        text: str,
        buttons: Sequence[Button],
        lead: Sequence[str],
        now: datetime,
    ) -> ReferStep:
        asked = dataclasses.replace(open_, step=step, at=now.isoformat(), aside=False)
        reply = Reply(text="\n\n".join([*lead, text]), buttons=(*buttons, self._button_of("no", "refer.cancel_button")))
        return ReferStep(
            dataclasses.replace(patient, referring=asked.dumps()), _outcome(reply, retired=("refer", "intake"))
        )

    # what is sent

    def _request(
        self, patient: Patient, open_: Asking, offer: Offer, before: Before, country: Country, now: datetime
    ) -> Request:
        """The request as it would be sent now; its referral's text is what the person is shown."""
        if self._bands is None:
            raise RuntimeError("requests need the rules that sort them; load them with the clinics")
        today = now.astimezone(ZoneInfo(offer.zone)).date()
        referral = Referral(today, written=today, goals=open_.words or None)
        check = before.check
        if check is not None and check[1].expires_at > now:
            referral, _ = merged(referral, check[1].findings, check[1].sources, self._bands.findings)
        for warning in before.warnings:
            referral, _ = merged(referral, warning.findings, warning.sources, self._bands.findings)
        onset = patient.onset_on or _onset_of(before, now)
        practised = practice_of(patient).weak_side
        stated = referral.value("side")
        side: Side | None = "L" if practised == "left" else "R" if practised == "right" else None
        side = stated if stated in ("L", "R", "both") else side  # type: ignore[assignment]
        words = self._words
        wish: _Wish = open_.way or "either"
        whom = words("refer.told_other" if patient.for_whom == "other" else "refer.told_me")
        told = [
            f"{words('refer.told_wish')} {words(f'refer.{wish}').lower()}",
            f"{words('refer.told_name')} {open_.name}" if open_.name else "",
            f"{words('refer.told_whom')} {whom}",
            f"{words('refer.told_age')} {words(f'onboarding.{patient.age_band}')}" if patient.age_band else "",
            f"{words('refer.told_country')} {country.name}" if patient.country else "",
            f"{words('refer.told_onset')} {_day(onset)}" if onset else "",
            f"{words('refer.told_stage')} {words(f'onboarding.{patient.stage}')}" if patient.stage else "",
            *self._checked(before, offer, now),
            *self._found(referral),
            f"{words('refer.told_words')} {open_.words}" if open_.words else "",
        ]
        text = "\n\n".join(line for line in told if line)
        referral = dataclasses.replace(referral, onset=onset, side=side, text=text)
        return Request(
            clinic_id=offer.clinic_id,
            referral=referral,
            sorting=sort(self._bands, referral, today),
            patient_ref=open_.name or open_.label,
            referrer=words("refer.referrer"),
            wish=wish,
        )

    def _checked(self, before: Before, offer: Offer, now: datetime) -> list[str]:
        """The last check with its day and result, and the days of warnings since."""
        zone, told = ZoneInfo(offer.zone), []
        if before.check is None:
            told.append(self._words("refer.told_no_check"))
        else:
            at, check = before.check
            # One that was stopped has no result: what is known by then may sound like an all-clear.
            what = [
                self._words("refer.told_unfinished")
                if check.ended == "stopped"
                else f"{self._intakes.headline(check.disposition)}.",
                *([self._words("refer.told_old")] if check.expires_at <= now else []),
            ]
            told.append(" ".join([self._words("refer.told_check"), f"{_day(at.astimezone(zone).date())}.", *what]))
        days = dict.fromkeys(_day(each.at.astimezone(zone).date()) for each in before.warnings)
        return [*told, *([f"{self._words('refer.told_warned')} {', '.join(days)}."] if days else [])]

    def _found(self, referral: Referral) -> list[str]:
        """The findings, each by its own name: what is so, what is unsure, other values, what is not so."""
        by: dict[str, list[str]] = {"yes": [], UNSURE: [], "more": [], "no": []}
        for name, finding in referral.findings.items():
            called = name.replace("_", " ")
            if name in _NOT_TOLD:
                continue
            if finding.value in by:
                by[finding.value].append(called)
            else:
                by["more"].append(f"{called} {finding.value.replace('_', ' ')}")
        heads = {
            "yes": "refer.told_yes",
            UNSURE: "refer.told_unsure",
            "more": "refer.told_more",
            "no": "refer.told_not",
        }
        return [f"{self._words(heads[name])} {'; '.join(told)}." for name, told in by.items() if told]

    # what is known

    async def _joined(self, patient: Patient, now: datetime) -> ReferStep | None:
        """What who shares with a clinic is told; None for everybody else."""
        line = await self._where.line(patient.id) if self._where is not None else None
        if line is None:
            return None
        sent = next((each for each in await self._gone(patient) if each.is_open), None)
        text = self._words("refer.shares", clinic=line.clinic)
        if sent is not None:
            moment = _day(sent.at.astimezone(ZoneInfo(patient.zone or "UTC")).date())
            text = self._words("refer.already", clinic=line.clinic, moment=moment)
        write = Button(title=self._words("clinic.write_button"), payload=payload("line", "write"))
        told = f"{text}\n\n{when_read(self._words, line.hours, now)}"
        return ReferStep(_without(patient), _outcome(Reply(text=told, buttons=(write,)), retired=("refer",)))

    def _offers_check(self, before: Before, now: datetime) -> str:
        """The words that offer a check first; empty when the last one still holds."""
        if before.check is None or before.check[1].ended == "stopped":
            return self._words("refer.check")
        return self._words("refer.check_old") if before.check[1].expires_at <= now else ""

    def _must_be_seen(self, patient: Patient, before: Before, now: datetime) -> bool:
        """Whether they were told not long ago to be seen at once or today."""
        if patient.emergency_at is not None and now - patient.emergency_at < _SINCE_AN_EMERGENCY:
            return True
        check = before.check
        return check is not None and check[1].expires_at > now and check[1].disposition in _MUST_BE_SEEN

    async def _offers(self) -> Sequence[Offer]:
        return await self._where.offers() if self._where is not None else ()

    async def _gone(self, patient: Patient) -> Sequence[Gone]:
        return await self._where.gone(patient.id) if self._where is not None else ()

    async def _before(self, patient: Patient, now: datetime) -> Before:
        return await self._where.before(patient.id, now) if self._where is not None else Before(None, ())

    async def _interrupted(self, patient: Patient, open_: Asking) -> bool:
        since = datetime.fromisoformat(open_.at)
        return self._where is not None and await self._where.interrupted(patient.id, since)

    async def _button(self, patient: Patient) -> Button | None:
        """The button that begins a request; None when they share with a clinic, or none takes requests."""
        offers = await self._offers()
        if not offers or (self._where is not None and await self._where.line(patient.id) is not None):
            return None
        if len(offers) == 1:
            return Button(title=self._title(offers[0]), payload=payload("refer", f"at:{offers[0].clinic_id}"))
        return Button(title=self._words("refer.button_some"), payload=payload("refer", "start"))

    def _title(self, offer: Offer) -> str:
        return self._words("refer.button", clinic=offer.clinic[:_BUTTON_NAME])

    def _button_of(self, what: str, key: str) -> Button:
        return Button(title=self._words(key), payload=payload("refer", what))


def _open(patient: Patient, now: datetime) -> Asking | None:
    """The request under way; None when there is none, or it was left too long ago."""
    open_ = Asking.loads(patient.referring)
    return open_ if open_ is not None and now - datetime.fromisoformat(open_.at) <= OPEN_FOR else None


def _without(patient: Patient) -> Patient:
    return dataclasses.replace(patient, referring=None)


def _onset_of(before: Before, now: datetime) -> date | None:
    """The day on which the weakness began, reckoned from what the last check was told."""
    if before.check is None:
        return None
    at, check = before.check
    if check.expires_at <= now:
        return None
    found = check.findings
    hours = float(found["onset_hours"]) if _is_number(found.get("onset_hours")) else None
    if hours is None and _is_number(found.get("weeks_since_onset")):
        hours = float(found["weeks_since_onset"]) * 168
    return (at - timedelta(hours=hours)).date() if hours is not None else None


def _is_number(value: str | None) -> bool:
    return value is not None and re.fullmatch(r"\d{1,6}(?:\.\d+)?", value) is not None


def _mark(request: Request) -> str:
    """A mark of what was shown, and to whom it goes: a yes to one thing is none to another."""
    return hashlib.sha256(f"{request.clinic_id}\n{request.referral.text}".encode()).hexdigest()[:8]


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _with_button(outcome: Outcome, button: Button | None) -> Outcome:
    if button is None:
        return outcome
    *before, last = outcome.replies
    with_button = last.model_copy(update={"buttons": (*last.buttons, button)})
    return outcome.model_copy(update={"replies": (*before, with_button)})


def _outcome(*replies: Reply, retired: tuple[str, ...] = ()) -> Outcome:
    return Outcome(kind=Kind.ACCOUNT, replies=replies, retired=retired)

"""The patient's line to a clinic, in chat: an invitation and the yes to it, writing to the clinic, and stopping that.

The lines themselves are the store's; here is only what is said, and what the person's words mean for them.
"""

import dataclasses
import re
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from bot.dialogue.said import Said
from bot.dialogue.yes_no import read
from bot.outcome import Button, Kind, Outcome, Reply
from bot.patient import Patient
from bot.payload import payload
from bot.referral.hours import DAYS, Hours, clock, next_read
from bot.store import MAIN_BOT, Store, lines
from bot.store.lines import Invite, Line
from bot.words import Words

ASKED_FOR = timedelta(hours=1)
"""So long a bare "yes" belongs to the question whether to share, and the next words to the clinic."""
LONGEST = 2000
"""Characters of a message to the clinic."""

_STOP = frozenset(
    {
        "stop sharing", "stop sharing with my clinic", "stop sharing with the clinic", "please stop sharing",
        "i want to stop sharing", "stop sharing my data", "stop sharing my answers", "don't share any more",
        "stop sharing please", "end sharing",
    }
)  # fmt: skip
_WRITE = frozenset(
    {
        "reply to the clinic", "reply to my clinic", "write to the clinic", "write to my clinic", "message the clinic",
        "message my clinic", "message to my clinic", "send a message to my clinic",
    }
)  # fmt: skip
_CANCEL = frozenset({"cancel", "no", "never mind", "nevermind", "stop", "not now", "don't send", "don't send it"})


PERSON = re.compile(
    r"(?:hi |hello |please )?(?:(?:can|could|may) i (?:please )?|i(?:'d like| want| would like| need) to )"
    r"(?:talk|speak|chat|write) (?:to|with) (?:someone|somebody|a (?:real )?(?:person|human)|a (?:therapist|clinician|"
    r"nurse|doctor)|my (?:clinic|therapist))(?: please| now)?"
)


class Lines(Protocol):
    """Where invitations and open lines are looked up."""

    async def invite(self, token_hash: str, now: datetime) -> Invite | None:
        """The invitation of a token's hash."""
        ...

    async def of(self, patient_id: str) -> Line | None:
        """The open line of a person."""
        ...


class StoredLines:
    """The lines of the database."""

    def __init__(self, store: Store, bot: str = MAIN_BOT) -> None:
        self._store, self._bot = store, bot

    async def invite(self, token_hash: str, now: datetime) -> Invite | None:
        """The invitation of a token's hash."""
        async with self._store.reading() as session:
            return await lines.invite_of(session, token_hash, now, self._bot)

    async def of(self, patient_id: str) -> Line | None:
        """The open line of a person."""
        async with self._store.reading() as session:
            return await lines.of_patient(session, patient_id)


@dataclasses.dataclass(frozen=True, slots=True)
class ClinicStep:
    """The person as they now stand, and what to say.

    `joined` is the hash of the invitation that they said yes to, `left` that they stopped sharing, `to_clinic` what
    they wrote to the clinic.
    """

    patient: Patient
    outcome: Outcome
    joined: str | None = None
    left: bool = False
    to_clinic: str | None = None


class Clinics:
    """Leads a person through an invitation, and takes their words to the clinic."""

    def __init__(self, words: Words, where: Lines | None) -> None:
        self._words, self._lines = words, where

    async def line_of(self, patient: Patient) -> Line | None:
        """The open line of a person; None where no lines are kept."""
        return await self._lines.of(patient.id) if self._lines is not None else None

    async def invited(self, patient: Patient, token_hash: str, number: str, now: datetime) -> ClinicStep:
        """Ask whether to share with the clinic of an invitation, or say kindly that it can't be used.

        Args:
            patient: the person.
            token_hash: the hash of the token that they came with.
            number: the emergency number of their country.
            now: the present moment.
        """
        invite = await self._lines.invite(token_hash, now) if self._lines is not None else None
        if invite is None or not invite.is_open:
            return self._gone(patient)
        line = await self.line_of(patient)
        if line is not None:
            key = "clinic.already" if line.referral_id == invite.referral_id else "clinic.another"
            return ClinicStep(_unasked(patient), _outcome(Reply(text=self._words(key, clinic=line.clinic))))
        asked = dataclasses.replace(patient, invite=token_hash, invited_at=now)
        return ClinicStep(asked, _outcome(self._ask(invite, number)))

    async def hold(self, patient: Patient, token_hash: str, now: datetime) -> tuple[Patient, Reply | None]:
        """The newcomer with an invitation to come back to after first contact, and what leads that; None when gone."""
        invite = await self._lines.invite(token_hash, now) if self._lines is not None else None
        if invite is None or not invite.is_open:
            return _unasked(patient), Reply(text=self._words("clinic.gone"))
        held = dataclasses.replace(patient, invite=token_hash, invited_at=now)
        return held, Reply(text=self._words("clinic.first", clinic=invite.clinic))

    async def hear(self, patient: Patient, said: Said, number: str, now: datetime) -> ClinicStep | None:
        """Take a tap or words that belong to the line, None when they are something else."""
        press = said.press
        if press is not None and press.verb == "share":
            return await self._shared(patient, press.argument, number, now)
        if press is not None and press.verb == "line":
            return await self._tapped(patient, press.argument, now)
        text = folded(said.text)
        if not text:
            return None
        if text in _STOP:
            return await self._tapped(patient, "stop", now)
        if not self.is_writing(patient, now) and (text in _WRITE or PERSON.fullmatch(text)):
            line = await self.line_of(patient)
            if line is None:
                return None
            return self._begin(patient, line, now) if text in _WRITE else self.handoff(patient, line, number, now)
        if self.is_writing(patient, now):
            if text in _CANCEL:
                return await self._tapped(patient, "cancel", now)
            return await self._written(patient, str(said.text), now)
        return None

    async def hear_yes(self, patient: Patient, said: Said, number: str, now: datetime) -> ClinicStep | None:
        """Take a typed yes or no to the question whether to share; nothing else may stand open."""
        if patient.invite is None or patient.invited_at is None or not said.text:
            return None
        text = folded(said.text)
        if text == folded(self._words("clinic.agree")):
            return await self._shared(patient, "yes", number, now)
        if text == folded(self._words("clinic.decline")):
            return await self._shared(patient, "no", number, now)
        answer = read(said.text)
        if answer == "unclear" or now - patient.invited_at > ASKED_FOR:
            return None
        return await self._shared(patient, answer, number, now)

    def is_writing(self, patient: Patient, now: datetime) -> bool:
        """Whether the person's next words are for the clinic."""
        return patient.writing_at is not None and now - patient.writing_at <= ASKED_FOR

    async def passed_on(self, patient: Patient, text: str, outcome: Outcome) -> ClinicStep | None:
        """A message to the clinic that the screen has met with a warning: it is passed on, and the warning stands."""
        if await self.line_of(patient) is None:
            return None
        note = Reply(text=self._words("clinic.passed_on"))
        told = outcome.model_copy(update={"replies": (*outcome.replies, note)})
        return ClinicStep(dataclasses.replace(patient, writing_at=None), told, to_clinic=text[:LONGEST])

    def handoff(self, patient: Patient, line: Line, number: str, now: datetime) -> ClinicStep:
        """What somebody who shares gets when they ask for a person: their next words go to the clinic."""
        text = self._words("clinic.person", clinic=line.clinic, number=number)
        reply = Reply(
            text=f"{text}\n\n{when_read(self._words, line.hours, now)}",
            buttons=(self._button("cancel", "clinic.cancel_button"),),
        )
        writing = dataclasses.replace(patient, writing_at=now)
        return ClinicStep(writing, Outcome(kind=Kind.HANDOFF, replies=(reply,), retired=("line",)))

    async def _shared(self, patient: Patient, answer: str, number: str, now: datetime) -> ClinicStep:
        invite = None
        if patient.invite is not None and self._lines is not None:
            invite = await self._lines.invite(patient.invite, now)
        if invite is None or not invite.is_open:
            return self._gone(patient)
        if answer == "no":
            text = self._words("clinic.declined", clinic=invite.clinic)
            return ClinicStep(_unasked(patient), _outcome(Reply(text=text), retired=("share",)))
        line = await self.line_of(patient)
        if line is not None:
            key = "clinic.already" if line.referral_id == invite.referral_id else "clinic.another"
            told = Reply(text=self._words(key, clinic=line.clinic))
            return ClinicStep(_unasked(patient), _outcome(told, retired=("share",)))
        text = self._words("clinic.joined", clinic=invite.clinic, number=number)
        joined = Reply(
            text=f"{text}\n\n{when_read(self._words, invite.hours, now)}",
            buttons=(self._button("write", "clinic.write_button"),),
        )
        outcome = _outcome(joined, retired=("share",))
        return ClinicStep(_unasked(patient), outcome, joined=invite.token_hash)

    async def _tapped(self, patient: Patient, what: str, now: datetime) -> ClinicStep:
        line = await self.line_of(patient)
        if line is None:
            quiet = dataclasses.replace(patient, writing_at=None)
            return ClinicStep(quiet, _outcome(Reply(text=self._words("clinic.none")), retired=("line",)))
        if what == "stop":
            left = dataclasses.replace(patient, writing_at=None)
            text = self._words("clinic.left", clinic=line.clinic)
            return ClinicStep(left, _outcome(Reply(text=text), retired=("line",)), left=True)
        if what == "cancel":
            quiet = dataclasses.replace(patient, writing_at=None)
            return ClinicStep(quiet, _outcome(Reply(text=self._words("clinic.not_sent")), retired=("line",)))
        return self._begin(patient, line, now)

    def _begin(self, patient: Patient, line: Line, now: datetime) -> ClinicStep:
        reply = Reply(
            text=self._words("clinic.write", clinic=line.clinic),
            buttons=(self._button("cancel", "clinic.cancel_button"),),
        )
        return ClinicStep(dataclasses.replace(patient, writing_at=now), _outcome(reply))

    async def _written(self, patient: Patient, text: str, now: datetime) -> ClinicStep:
        line = await self.line_of(patient)
        quiet = dataclasses.replace(patient, writing_at=None)
        if line is None:
            return ClinicStep(quiet, _outcome(Reply(text=self._words("clinic.none"))))
        if len(text) > LONGEST:
            return ClinicStep(patient, _outcome(Reply(text=self._words("clinic.too_long"))))
        reply = Reply(
            text=f"{self._words('clinic.sent', clinic=line.clinic)}\n\n{when_read(self._words, line.hours, now)}",
            buttons=(self._button("write", "clinic.more_button"),),
        )
        return ClinicStep(quiet, _outcome(reply, retired=("line",)), to_clinic=text)

    def _ask(self, invite: Invite, number: str) -> Reply:
        buttons = (
            Button(title=self._words("clinic.agree"), payload=payload("share", "yes")),
            Button(title=self._words("clinic.decline"), payload=payload("share", "no")),
        )
        return Reply(text=self._words("clinic.ask", clinic=invite.clinic, number=number), buttons=buttons)

    def _gone(self, patient: Patient) -> ClinicStep:
        return ClinicStep(_unasked(patient), _outcome(Reply(text=self._words("clinic.gone")), retired=("share",)))

    def _button(self, what: str, key: str) -> Button:
        return Button(title=self._words(key), payload=payload("line", what))


def _unasked(patient: Patient) -> Patient:
    return dataclasses.replace(patient, invite=None, invited_at=None)


def _outcome(*replies: Reply, retired: tuple[str, ...] = ()) -> Outcome:
    return Outcome(kind=Kind.ACCOUNT, replies=replies, retired=retired)


def when_read(words: Words, kept: str | None, now: datetime) -> str:
    """When somebody at a clinic reads messages next, as far as it has said, and that nobody does at night.

    Args:
        words: the bot's own.
        kept: the clinic's hours as the desk keeps them; text that holds no hours is told as it is.
        now: the present moment.
    """
    hours = Hours.loads(kept)
    if hours is None:
        told = words("clinic.hours", hours=kept) if kept else words("clinic.no_hours")
        return f"{told} {words('clinic.night')}"
    first, last = next_read(hours, now)
    here = now.astimezone(ZoneInfo(hours.zone))
    if first == here:
        soon = words("clinic.read_now", moment=clock(last))
    elif first.date() == here.date():
        soon = words("clinic.read_today", moment=clock(first))
    else:
        name = DAYS[first.weekday()]
        if first.date() - here.date() >= timedelta(days=7):
            name += f" {first.day} {first:%B}"
        soon = words("clinic.read_day", name=name, moment=clock(first))
    return f"{soon} {words('clinic.hours', hours=hours.in_words())} {words('clinic.night')}"


def folded(text: str | None) -> str:
    """A text as typed answers are compared: lower case, single spaces, no sign at its ends."""
    return " ".join((text or "").lower().replace("’", "'").strip(" .!?").split())

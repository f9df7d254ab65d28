"""The person the bot talks with, as the core sees them: a random id and what they chose to tell."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class Step(StrEnum):
    """Where a person is in the first contact. `DONE` is the everyday state."""

    NEW = "new"
    CONSENT = "consent"
    FOR_WHOM = "for_whom"
    AGE = "age"
    COUNTRY = "country"
    ONSET = "onset"
    STAGE = "stage"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Patient:
    """One person. `id` is a random pseudonym; Telegram's id is known to the store and the gateway alone.

    `held_question` is what they asked before they agreed; it is answered, and forgotten, once they do.
    `last_article` is what they were told last, so that "and at night?" can be understood.
    `intake` is the triage intake that is under way, as JSON (see `bot.triage.intake`).
    `summary` is the last finished one, in words for a clinician; `emergency_at` is when an emergency was last told.
    `practice` is what is known for their exercises, as JSON (see `bot.programme.practice`); `zone` is their IANA zone.
    `form` is the questionnaire that is open, and when each was answered, as JSON (see `bot.dialogue.check_in`).
    `reminders` are the rules of their reminders, as JSON (see `bot.reminders.plan`).
    `invite` is the hash of a clinic's invitation that waits for their yes, `invited_at` when they were asked;
    `writing_at` is since when their next words are for the clinic.
    `prescribed` is what a therapist has set for their exercises, as JSON (see `bot.programme.prescribed`); it is only
    read here.
    `referring` is their own request to a clinic that is under way, as JSON (see `bot.dialogue.self_referral`).
    `deleting_at` is when they were asked whether to erase everything, while that question stands open.
    `awaiting` names the direct safety question that stands open (a message family of the screen), if any.
    """

    id: str
    step: Step = Step.NEW
    consented_at: datetime | None = None
    consent_version: str | None = None
    stopped_at: datetime | None = None
    for_whom: str | None = None
    age_band: str | None = None
    country: str | None = None
    onset_on: date | None = None
    stage: str | None = None
    language: str | None = None
    held_question: str | None = None
    awaiting: str | None = None
    misses: int = 0
    last_article: str | None = None
    intake: str | None = None
    summary: str | None = None
    emergency_at: datetime | None = None
    practice: str | None = None
    form: str | None = None
    zone: str | None = None
    reminders: str | None = None
    invite: str | None = None
    invited_at: datetime | None = None
    writing_at: datetime | None = None
    prescribed: str | None = None
    referring: str | None = None
    deleting_at: datetime | None = None

    @property
    def has_consented(self) -> bool:
        """Whether the person agreed, and has not stopped since."""
        return self.consented_at is not None and self.stopped_at is None


def new_pseudonym() -> str:
    """Return a random id that says nothing about anyone."""
    return uuid.uuid4().hex

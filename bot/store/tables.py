"""The tables. Each index names the question it answers."""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bot.store.sealed import SealedJson, SealedText


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment, stored in UTC. A naive one is refused: nobody could say which moment it means."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware moment into UTC for the database."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a zone cannot be stored; use bot.clock")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give SQLite's naive moments their zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


MAIN_BOT = "main"
"""The bot of whoever has one only, and of clinics that name none."""
BOT_LENGTH = 16

# SQLite counts rows by itself only with plain INTEGER keys.
RowId = BigInteger().with_variant(Integer(), "sqlite")


class Base(DeclarativeBase):
    """All tables; constraint names are fixed so that migrations read the same on every database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class PatientRow(Base):
    """A person under a random pseudonym, with what they chose to tell."""

    __tablename__ = "patients"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    step: Mapped[str] = mapped_column(String(16))
    consented_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    consent_version: Mapped[str | None] = mapped_column(String(16))
    stopped_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    for_whom: Mapped[str | None] = mapped_column(String(8))
    age_band: Mapped[str | None] = mapped_column(String(8))
    country: Mapped[str | None] = mapped_column(String(2))
    onset_on: Mapped[date | None] = mapped_column(Date)
    stage: Mapped[str | None] = mapped_column(String(16))
    language: Mapped[str | None] = mapped_column(String(16))
    held_question: Mapped[str | None] = mapped_column(
        SealedText(), comment="asked before consent; cleared when answered"
    )
    awaiting: Mapped[str | None] = mapped_column(String(32), comment="the direct safety question that stands open")
    misses: Mapped[int] = mapped_column(Integer, default=0, comment="messages in a row that were not understood")
    last_article: Mapped[str | None] = mapped_column(String(48), comment="told last; what a follow-up leans on")
    intake: Mapped[str | None] = mapped_column(SealedText(), comment="the triage intake that is under way, as JSON")
    summary: Mapped[str | None] = mapped_column(
        SealedText(), comment="the last finished intake, in words for a clinician"
    )
    emergency_at: Mapped[datetime | None] = mapped_column(UtcDateTime(), comment="when an emergency was last told")
    practice: Mapped[str | None] = mapped_column(
        SealedText(), comment="what is known for exercises, the open session; JSON"
    )
    form: Mapped[str | None] = mapped_column(
        SealedText(), comment="the open questionnaire, when each was answered; JSON"
    )
    zone: Mapped[str | None] = mapped_column(String(64), comment="IANA zone")
    reminders: Mapped[str | None] = mapped_column(Text, comment="the rules of their reminders, as JSON")
    invite: Mapped[str | None] = mapped_column(String(64), comment="hash of a clinic's invitation that waits for a yes")
    invited_at: Mapped[datetime | None] = mapped_column(UtcDateTime(), comment="when they were asked to share")
    writing_at: Mapped[datetime | None] = mapped_column(UtcDateTime(), comment="since when they write to the clinic")
    prescribed: Mapped[str | None] = mapped_column(SealedText(), comment="a therapist's settings, JSON; the desk's")
    referring: Mapped[str | None] = mapped_column(
        SealedText(), comment="their own request to a clinic, under way; JSON"
    )
    deleting_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime(), comment="when they were asked whether to erase everything; null: that question is not open"
    )


class TelegramChatRow(Base):
    """Which Telegram chat is which person. Read by the store and the gateway alone."""

    __tablename__ = "telegram_chats"

    bot: Mapped[str] = mapped_column(
        String(BOT_LENGTH),
        primary_key=True,
        default=MAIN_BOT,
        server_default=MAIN_BOT,
        comment="which bot they write to",
    )
    chat_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"), unique=True)
    blocked_at: Mapped[datetime | None] = mapped_column(UtcDateTime(), comment="the person blocked the bot")


class InboxRow(Base):
    """An update from Telegram, written down before anything is done with it. Its text is dropped once answered."""

    __tablename__ = "inbox"
    __table_args__ = (
        # a bot counts its own updates
        UniqueConstraint("bot", "update_id"),
        # the worker: the oldest waiting update of each chat
        Index("ix_inbox_state_bot_chat_id_update_id", "state", "bot", "chat_id", "update_id"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    bot: Mapped[str] = mapped_column(
        String(BOT_LENGTH), default=MAIN_BOT, server_default=MAIN_BOT, comment="which bot it came to"
    )
    update_id: Mapped[int] = mapped_column(BigInteger)
    chat_id: Mapped[int] = mapped_column(BigInteger, comment="0 for an update that belongs to no chat")
    received_at: Mapped[datetime] = mapped_column(UtcDateTime())
    state: Mapped[str] = mapped_column(String(8), comment="waiting, done, parked")
    update: Mapped[dict[str, Any] | None] = mapped_column(SealedJson())
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    claimed_by: Mapped[str | None] = mapped_column(String(64))
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime())
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    fault: Mapped[str | None] = mapped_column(String(64), comment="the kind of error it was parked for; no text")


class OutboxRow(Base):
    """Something to be sent, unique by key: what answers an update can be written once only."""

    __tablename__ = "outbox"
    __table_args__ = (
        # the sender: the oldest unsent row of each person
        Index("ix_outbox_state_patient_id_id", "state", "patient_id", "id"),
        # the sender: the most urgent first, though thousands of reminders wait
        Index("ix_outbox_state_bot_priority_id", "state", "bot", "priority", "id"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    key: Mapped[str] = mapped_column(String(80), unique=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"), index=True)
    bot: Mapped[str] = mapped_column(
        String(BOT_LENGTH), default=MAIN_BOT, server_default=MAIN_BOT, comment="the person's own"
    )
    priority: Mapped[int] = mapped_column(Integer, default=5, comment="0 is most urgent; 8 and above can wait")
    act: Mapped[str] = mapped_column(String(16), comment="send, send_photo, send_file, edit_buttons")
    body: Mapped[dict[str, Any] | None] = mapped_column(SealedJson(), comment="dropped once sent")
    state: Mapped[str] = mapped_column(String(8), comment="waiting, sent, failed")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    due_at: Mapped[datetime] = mapped_column(UtcDateTime())
    not_after: Mapped[datetime | None] = mapped_column(UtcDateTime(), comment="of no use later; a reminder's tolerance")
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    claimed_by: Mapped[str | None] = mapped_column(String(64))
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime())
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    message_id: Mapped[int | None] = mapped_column(BigInteger, comment="Telegram's id of what was sent")
    fault: Mapped[str | None] = mapped_column(String(64))


class FeedbackRow(Base):
    """Whether an article helped a person; the last word counts."""

    __tablename__ = "feedback"
    __table_args__ = (UniqueConstraint("patient_id", "article", "version"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"))
    article: Mapped[str] = mapped_column(String(48), index=True)
    version: Mapped[int] = mapped_column(Integer)
    helpful: Mapped[bool] = mapped_column(Boolean)
    at: Mapped[datetime] = mapped_column(UtcDateTime())


class SafetyEventRow(Base):
    """A warning that was given: which cues and rules said so, under which rule set. No free text."""

    __tablename__ = "safety_events"
    __table_args__ = (UniqueConstraint("key"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    key: Mapped[str] = mapped_column(String(80))
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    kind: Mapped[str] = mapped_column(String(16))
    disposition: Mapped[str | None] = mapped_column(String(16))
    provisional: Mapped[bool] = mapped_column(Boolean)
    rules: Mapped[list[str]] = mapped_column(SealedJson())
    findings: Mapped[dict[str, str]] = mapped_column(SealedJson())
    ruleset: Mapped[str | None] = mapped_column(String(32))


class AssessmentRow(Base):
    """One triage assessment: what was found and how it was told, which rules held, and what the person was told."""

    __tablename__ = "assessments"
    __table_args__ = (
        UniqueConstraint("key"),
        # the person's latest
        Index("ix_assessments_patient_id_at", "patient_id", "at"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    key: Mapped[str] = mapped_column(String(80))
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime())
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime(), comment="when it should be made again")
    ended: Mapped[str] = mapped_column(String(12), comment="result, emergency, stopped")
    disposition: Mapped[str] = mapped_column(String(16))
    out_of_scope: Mapped[bool] = mapped_column(Boolean)
    rules: Mapped[list[str]] = mapped_column(SealedJson())
    findings: Mapped[dict[str, str]] = mapped_column(SealedJson())
    sources: Mapped[dict[str, str]] = mapped_column(
        SealedJson(), comment="how each finding came: button, text, unclear, screen"
    )
    ruleset: Mapped[str] = mapped_column(String(32))
    told: Mapped[str] = mapped_column(SealedText(), comment="what the person was shown; words of our own")


class SessionRow(Base):
    """One session of exercises: the diary."""

    __tablename__ = "exercise_sessions"
    __table_args__ = (
        UniqueConstraint("key"),
        # a person's diary
        Index("ix_exercise_sessions_patient_id_began", "patient_id", "began"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    key: Mapped[str] = mapped_column(String(80))
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"))
    began: Mapped[datetime] = mapped_column(UtcDateTime())
    ended_at: Mapped[datetime] = mapped_column(UtcDateTime())
    zone: Mapped[str] = mapped_column(String(64), comment="where the person was: says which local day it counts for")
    programme: Mapped[str] = mapped_column(String(24))
    stage: Mapped[str] = mapped_column(String(4))
    ended: Mapped[str] = mapped_column(String(12), comment="finished, stopped, hurt")
    done: Mapped[list[str]] = mapped_column(JSON)
    skipped: Mapped[list[str]] = mapped_column(JSON)
    eased: Mapped[list[str]] = mapped_column(JSON)
    effort: Mapped[int | None] = mapped_column(Integer, comment="0 to 10")
    comfort: Mapped[int | None] = mapped_column(Integer, comment="0 to 10")


class ScoreRow(Base):
    """An answered questionnaire. Figures of what was not answered are missing, never zero."""

    __tablename__ = "scores"
    __table_args__ = (
        UniqueConstraint("key"),
        # a person's scores over time
        Index("ix_scores_patient_id_at", "patient_id", "at"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    key: Mapped[str] = mapped_column(String(80))
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    questionnaire: Mapped[str] = mapped_column(String(48))
    value: Mapped[float | None] = mapped_column(Float)
    parts: Mapped[dict[str, float | None]] = mapped_column(SealedJson())
    answers: Mapped[dict[str, Any]] = mapped_column(SealedJson(), comment="by item; null was skipped")
    flagged: Mapped[str | None] = mapped_column(SealedText(), comment="why the figures need a second look")


class ReminderRow(Base):
    """When one of a person's reminders is due next. What it promises stands with the person, too."""

    __tablename__ = "reminders"
    __table_args__ = (
        UniqueConstraint("patient_id", "name"),
        # the dispatcher: what is due
        Index("ix_reminders_state_look_at", "state", "look_at"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(8))
    rule: Mapped[str] = mapped_column(Text, comment="JSON")
    state: Mapped[str] = mapped_column(String(8), comment="active, over, parked, blocked")
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime(), comment="the promised moment")
    look_at: Mapped[datetime | None] = mapped_column(UtcDateTime(), comment="when to look; later while it waits")
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime(), comment="the last promised moment that was sent")
    ignored: Mapped[int] = mapped_column(Integer, default=0, comment="sent in a row without a sign of the person")
    sent: Mapped[int] = mapped_column(Integer, default=0)
    late: Mapped[int] = mapped_column(Integer, default=0, comment="skipped for being too late")
    skipped: Mapped[int] = mapped_column(Integer, default=0, comment="left out on purpose")
    fault: Mapped[str | None] = mapped_column(String(64), comment="why it is parked")


class ReminderCountRow(Base):
    """What became of all reminders on one day. It stays when the rows it was counted from are deleted."""

    __tablename__ = "reminder_counts"

    day: Mapped[date] = mapped_column(Date, primary_key=True, comment="in UTC")
    due: Mapped[int] = mapped_column(Integer, default=0, comment="decided on")
    sent: Mapped[int] = mapped_column(Integer, default=0, comment="taken by Telegram")
    late: Mapped[int] = mapped_column(Integer, default=0, comment="left out for being too late")
    skipped: Mapped[int] = mapped_column(Integer, default=0, comment="left out on purpose")
    failed: Mapped[int] = mapped_column(Integer, default=0, comment="refused by Telegram, or parked for a fault")


class FactRow(Base):
    """Something that one process tells the others, by name; the last word counts."""

    __tablename__ = "facts"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    value: Mapped[str] = mapped_column(String(400))


class MissRow(Base):
    """A message that was not surely understood, scrubbed of names, numbers and links, for mending the examples."""

    __tablename__ = "misses"
    __table_args__ = (UniqueConstraint("key"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    key: Mapped[str] = mapped_column(String(80))
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime(), index=True, comment="the report of the last month")
    kind: Mapped[str] = mapped_column(String(16), comment="clarify: asked which; fallback: not understood")
    text: Mapped[str] = mapped_column(SealedText(400))
    nearest: Mapped[list[str]] = mapped_column(JSON, comment="the topics that came nearest, best first")


class ConsentRow(Base):
    """What a person agreed to, or withdrew, and when: one row for each change. The last one of a layer holds."""

    __tablename__ = "consents"
    __table_args__ = (
        # a person's, in their order
        Index("ix_consents_patient_id_id", "patient_id", "id"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"))
    layer: Mapped[str] = mapped_column(String(12), comment="use, reminders, share")
    given: Mapped[bool] = mapped_column(Boolean, comment="false: withdrawn")
    version: Mapped[str | None] = mapped_column(String(16), comment="of the words that were agreed to")
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    clinic_id: Mapped[int | None] = mapped_column(ForeignKey("clinics.id", ondelete="SET NULL"))


class ErasureRow(Base):
    """A person who is being erased: our own tables are clean, the rest is still to be done. Then it names nobody."""

    __tablename__ = "erasures"
    __table_args__ = (
        # what is left to do
        Index("ix_erasures_state_id", "state", "id"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    state: Mapped[str] = mapped_column(String(8), comment="erasing, rebuild, done")
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    patient_id: Mapped[str | None] = mapped_column(String(32), comment="null once all is done")
    chat_id: Mapped[int | None] = mapped_column(BigInteger, comment="whom to tell; null once told, or given up")
    bot: Mapped[str] = mapped_column(
        String(BOT_LENGTH), default=MAIN_BOT, server_default=MAIN_BOT, comment="which bot tells them"
    )
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime())

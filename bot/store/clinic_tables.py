"""The clinic's tables: who may work at the desk, and the referrals. Each index names the question it answers.

Whatever belongs to a clinic carries its id, and every query of the repositories asks by it.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from bot.store.sealed import SealedJson, SealedText
from bot.store.tables import BOT_LENGTH, Base, RowId, UtcDateTime


class ClinicRow(Base):
    """A clinic: the fence around its staff and its referrals."""

    __tablename__ = "clinics"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    zone: Mapped[str] = mapped_column(String(64), comment="IANA zone; times are shown in it, days counted in it")
    hours: Mapped[str | None] = mapped_column(String(160), comment="when somebody reads patients' messages, in words")
    self_way: Mapped[str | None] = mapped_column(
        String(8), comment="patients may refer themselves: clinic, video, both; null: they may not"
    )
    public_name: Mapped[str | None] = mapped_column(String(120), comment="what patients know it by; null: its name")
    offer: Mapped[str | None] = mapped_column(String(200), comment="what it offers, told in the chat")
    bot: Mapped[str | None] = mapped_column(String(BOT_LENGTH), comment="its patients' bot; null: the main one")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())


class StaffRow(Base):
    """A person who may sign in at the desk of one clinic."""

    __tablename__ = "staff"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id", ondelete="CASCADE"), index=True)
    email: Mapped[str] = mapped_column(String(254), unique=True, comment="in lower case")
    name: Mapped[str] = mapped_column(String(120))
    role: Mapped[str] = mapped_column(String(12), comment="viewer, clinician, admin")
    password_hash: Mapped[str] = mapped_column(String(200), comment="argon2id")
    totp_secret: Mapped[str | None] = mapped_column(SealedText(64), comment="base 32; null: no second factor")
    totp_last_step: Mapped[int | None] = mapped_column(Integer, comment="a code is taken once only")
    failed: Mapped[int] = mapped_column(Integer, default=0, comment="failed sign-ins in a row")
    locked_until: Mapped[datetime | None] = mapped_column(UtcDateTime())
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    signed_in_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class InvitationRow(Base):
    """A link that lets somebody set a password, once. Only the hash of its token is kept."""

    __tablename__ = "invitations"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True, comment="SHA-256 of the token")
    purpose: Mapped[str] = mapped_column(String(8), comment="setup, invite, reset")
    clinic_id: Mapped[int | None] = mapped_column(
        ForeignKey("clinics.id", ondelete="CASCADE"), index=True, comment="null for setup, which makes the clinic"
    )
    staff_id: Mapped[int | None] = mapped_column(
        ForeignKey("staff.id", ondelete="CASCADE"), index=True, comment="whose password a reset sets"
    )
    email: Mapped[str | None] = mapped_column(String(254))
    name: Mapped[str | None] = mapped_column(String(120))
    role: Mapped[str | None] = mapped_column(String(12))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime())
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime(), comment="used, or withdrawn")


class DeskSessionRow(Base):
    """A signed-in browser. Only the hash of its cookie is kept."""

    __tablename__ = "desk_sessions"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True, comment="SHA-256 of the cookie")
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime(), comment="however busy")
    idle_until: Mapped[datetime] = mapped_column(UtcDateTime(), comment="moved on by each request")
    totp_offer: Mapped[str | None] = mapped_column(SealedText(64), comment="a second factor being set up")


_FILTERED = ("band", "eye", "target_on", "sought")


class ReferralRow(Base):
    """A referral: what came in, what is known, where it stands, and how the rules and a clinician sorted it.

    What is long stands last: a search that reads every row then needn't read through the letters.
    """

    __tablename__ = "referrals"
    __table_args__ = (
        # a folder, and all folders, in their order; what is filtered and searched by stands in the index too
        Index("ix_referrals_folder", "clinic_id", "state", "place", "id", *_FILTERED),
        Index("ix_referrals_all_folders", "clinic_id", "place", "id", "state", *_FILTERED),
        # mine, and unassigned, in their order
        Index("ix_referrals_clinic_id_assigned_to_place", "clinic_id", "assigned_to", "place", "id"),
        # how many are in each folder, how many are over target, how many eyes are unknown
        Index("ix_referrals_counts", "clinic_id", "state", "assigned_to", "target_on", "eye"),
        # which open ones were not sorted yet today
        Index("ix_referrals_clinic_id_state_sorted_on", "clinic_id", "state", "sorted_on"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id", ondelete="CASCADE"))
    version: Mapped[int] = mapped_column(Integer, comment="one more with each change; a change names the one it saw")
    state: Mapped[str] = mapped_column(String(12), comment="new, waiting, booked, redirected, closed")
    state_since: Mapped[datetime] = mapped_column(UtcDateTime())
    assigned_to: Mapped[int | None] = mapped_column(ForeignKey("staff.id", ondelete="SET NULL"))
    patient_ref: Mapped[str] = mapped_column(String(64), comment="initials or the clinic's own number; no full name")
    patient_id: Mapped[str | None] = mapped_column(
        ForeignKey("patients.id", ondelete="SET NULL"), index=True, comment="the person's chat, once they are linked"
    )
    referrer: Mapped[str] = mapped_column(String(120))
    received_on: Mapped[date] = mapped_column(Date, comment="the clock's start")
    written_on: Mapped[date | None] = mapped_column(Date)
    onset_on: Mapped[date | None] = mapped_column(Date)
    onset_is_exact: Mapped[bool] = mapped_column(Boolean)
    side: Mapped[str | None] = mapped_column(String(4), comment="L, R, both")
    cause: Mapped[str | None] = mapped_column(String(24))
    grade: Mapped[str | None] = mapped_column(String(16), comment="House-Brackmann, as HB 5")
    sunnybrook: Mapped[float | None] = mapped_column(Float, comment="0 to 100; 100 is normal")
    fdi: Mapped[float | None] = mapped_column(Float, comment="the lower part; 0 to 100; 100 is no disability")
    booked_for: Mapped[datetime | None] = mapped_column(UtcDateTime())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime())
    # what the queue shows, and in which order
    band: Mapped[str] = mapped_column(String(8), comment="the clinician's while it holds, else the machine's")
    place: Mapped[str] = mapped_column(String(24), comment="sorts as the queue does: the first is the most urgent")
    target_on: Mapped[date] = mapped_column(Date, comment="the first contact is due by the end of this day")
    machine_band: Mapped[str] = mapped_column(String(8))
    ruleset: Mapped[str] = mapped_column(String(64))
    sorted_on: Mapped[date] = mapped_column(Date, comment="bands move with the weeks, so each is sorted daily")
    score: Mapped[float] = mapped_column(Float)
    eye: Mapped[str] = mapped_column(String(8), comment="at_risk, unknown, safe")
    action: Mapped[str] = mapped_column(String(300), comment="what the rules suggest to do next")
    flags: Mapped[list[dict[str, Any]]] = mapped_column(
        SealedJson(), comment="the red flags that are open: rule, names, why"
    )
    missing: Mapped[list[str]] = mapped_column(JSON)
    # a clinician's own answer, beside the machine's
    override_band: Mapped[str | None] = mapped_column(String(8))
    override_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id", ondelete="SET NULL"))
    override_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    override_saw: Mapped[list[str] | None] = mapped_column(
        SealedJson(), comment="the rules that held when it was overridden"
    )
    sought: Mapped[str] = mapped_column(String(400), comment="what the search looks in, lower case")
    override_reason: Mapped[str | None] = mapped_column(SealedText())
    machine_rules: Mapped[list[dict[str, Any]]] = mapped_column(SealedJson(), comment="id, words and findings of each")
    findings: Mapped[dict[str, Any]] = mapped_column(SealedJson(), comment="by name: value, quote, by")
    goals: Mapped[str | None] = mapped_column(SealedText(), comment="what the patient hopes for")
    quotes: Mapped[dict[str, str]] = mapped_column(
        SealedJson(), comment="the letter's words for onset, side, cause, grade"
    )
    letter: Mapped[str] = mapped_column(SealedText())


class ReferralEventRow(Base):
    """What happened to a referral. Written once, never changed; gone when the referral is deleted for good."""

    __tablename__ = "referral_events"
    __table_args__ = (
        # the history of one
        Index("ix_referral_events_referral_id_id", "referral_id", "id"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id", ondelete="CASCADE"))
    referral_id: Mapped[int] = mapped_column(ForeignKey("referrals.id", ondelete="CASCADE"))
    version: Mapped[int] = mapped_column(Integer, comment="of the referral after it")
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    staff_id: Mapped[int | None] = mapped_column(
        ForeignKey("staff.id", ondelete="SET NULL"), comment="null: the program"
    )
    kind: Mapped[str] = mapped_column(String(16))
    detail: Mapped[dict[str, Any]] = mapped_column(SealedJson())


class LineInviteRow(Base):
    """A link that joins a chat to a referral, once. Only the hash of its token is kept."""

    __tablename__ = "line_invites"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id", ondelete="CASCADE"))
    referral_id: Mapped[int] = mapped_column(ForeignKey("referrals.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True, comment="SHA-256 of the token")
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime())
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime(), comment="used, or withdrawn")


class LineRow(Base):
    """A chat that shares with a clinic: one person, one referral, from their yes until somebody ends it."""

    __tablename__ = "lines"
    __table_args__ = (
        # the open line of a person
        Index("ix_lines_patient_id_ended_at", "patient_id", "ended_at"),
        # the open line of a referral
        Index("ix_lines_referral_id_ended_at", "referral_id", "ended_at"),
        # a person shares once with a clinic, also when two of their messages are answered at the same moment
        Index(
            "uq_lines_open",
            "patient_id",
            "clinic_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id", ondelete="CASCADE"))
    referral_id: Mapped[int] = mapped_column(ForeignKey("referrals.id", ondelete="CASCADE"))
    patient_id: Mapped[str | None] = mapped_column(ForeignKey("patients.id", ondelete="SET NULL"))
    consent_version: Mapped[str] = mapped_column(String(16))
    joined_at: Mapped[datetime] = mapped_column(UtcDateTime())
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    ended_by: Mapped[str | None] = mapped_column(String(8), comment="patient, clinic")
    assessments_to: Mapped[int] = mapped_column(RowId, comment="the last assessment that was taken in")
    warnings_to: Mapped[int] = mapped_column(RowId, comment="the last safety event that was taken in")


class LineMessageRow(Base):
    """A message between a clinic and a patient. Kept with the referral, also when the line has ended."""

    __tablename__ = "line_messages"
    __table_args__ = (
        # the thread of a referral, and how many of it nobody has read
        Index("ix_line_messages_clinic_id_referral_id_id", "clinic_id", "referral_id", "id"),
        Index("ix_line_messages_unread", "clinic_id", "by_patient", "read_at", "referral_id"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id", ondelete="CASCADE"))
    referral_id: Mapped[int] = mapped_column(ForeignKey("referrals.id", ondelete="CASCADE"))
    line_id: Mapped[int] = mapped_column(ForeignKey("lines.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(80), unique=True, comment="a message is written once")
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    by_patient: Mapped[bool] = mapped_column(Boolean)
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id", ondelete="SET NULL"))
    text: Mapped[str] = mapped_column(SealedText())
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime(), comment="when the clinic opened it")


class MeasureRow(Base):
    """A measure that only a clinician takes."""

    __tablename__ = "measures"
    __table_args__ = (
        # a referral's measures over time
        Index("ix_measures_clinic_id_referral_id_on_day", "clinic_id", "referral_id", "on_day"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id", ondelete="CASCADE"))
    referral_id: Mapped[int] = mapped_column(ForeignKey("referrals.id", ondelete="CASCADE"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id", ondelete="SET NULL"))
    at: Mapped[datetime] = mapped_column(UtcDateTime(), comment="when it was entered")
    on_day: Mapped[date] = mapped_column(Date, comment="when it was taken")
    kind: Mapped[str] = mapped_column(String(12), comment="hb: 1 to 6; sunnybrook: 0 to 100")
    value: Mapped[float] = mapped_column(Float)
    parts: Mapped[dict[str, int]] = mapped_column(JSON, comment="rest, voluntary, synkinesis of a Sunnybrook")


class MergeRow(Base):
    """Two referrals of one patient made one by a person, with how both stood before, so that it can be undone."""

    __tablename__ = "merges"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id", ondelete="CASCADE"))
    kept_id: Mapped[int] = mapped_column(ForeignKey("referrals.id", ondelete="CASCADE"), index=True)
    merged_id: Mapped[int] = mapped_column(ForeignKey("referrals.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id", ondelete="SET NULL"))
    line_id: Mapped[int | None] = mapped_column(
        ForeignKey("lines.id", ondelete="SET NULL"), comment="the patient's line, when it went over with it"
    )
    kept_version: Mapped[int] = mapped_column(Integer, comment="of the one that stays, after the merge")
    merged_version: Mapped[int] = mapped_column(Integer)
    kept_before: Mapped[str] = mapped_column(SealedText(), comment="as it was; JSON, without the pseudonym")
    merged_before: Mapped[str] = mapped_column(SealedText())
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime(), comment="null: they are one")


class NotSameRow(Base):
    """Two referrals that a person said are of two patients."""

    __tablename__ = "not_same"
    __table_args__ = (UniqueConstraint("first_id", "second_id"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id", ondelete="CASCADE"))
    first_id: Mapped[int] = mapped_column(ForeignKey("referrals.id", ondelete="CASCADE"), comment="the lower number")
    second_id: Mapped[int] = mapped_column(ForeignKey("referrals.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id", ondelete="SET NULL"))


class ApiTokenRow(Base):
    """What another program of a clinic names itself by when it sends referrals. Only the hash of its token is kept."""

    __tablename__ = "api_tokens"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(80), comment="the program's, as the clinic calls it")
    token_hash: Mapped[str] = mapped_column(String(64), unique=True, comment="SHA-256 of the token")
    made_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id", ondelete="SET NULL"))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime())
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime(), comment="within a minute")


class ApiRequestRow(Base):
    """How a referral came from another program: one row for each of its identifiers, or one without."""

    __tablename__ = "api_requests"
    __table_args__ = (
        # the referral that came with an identifier before; the same one makes no second
        UniqueConstraint("clinic_id", "identifier_hash"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id", ondelete="CASCADE"))
    referral_id: Mapped[int] = mapped_column(ForeignKey("referrals.id", ondelete="CASCADE"), index=True)
    token_id: Mapped[int | None] = mapped_column(ForeignKey("api_tokens.id", ondelete="SET NULL"))
    identifier_hash: Mapped[str | None] = mapped_column(
        String(64), comment="SHA-256 of system|value, which may be of any length; null: it came without"
    )
    request: Mapped[str | None] = mapped_column(SealedText(), comment="the sender's reference to its request")
    patient: Mapped[str | None] = mapped_column(SealedText(), comment="the sender's reference to the patient")


class AuditRow(Base):
    """Who did or read what, and when. Written once, never changed; no patient's words."""

    __tablename__ = "audit"
    __table_args__ = (
        # the clinic's latest
        Index("ix_audit_clinic_id_id", "clinic_id", "id"),
        # who has read or changed a referral
        Index("ix_audit_referral_id_id", "referral_id", "id"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    clinic_id: Mapped[int | None] = mapped_column(RowId, comment="no foreign key: the line outlives what it is about")
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    staff_id: Mapped[int | None] = mapped_column(RowId)
    what: Mapped[str] = mapped_column(String(32))
    referral_id: Mapped[int | None] = mapped_column(RowId)
    about: Mapped[str | None] = mapped_column(String(120), comment="a folder, a count, a colleague's number")


class WrittenOnce(Exception):
    """Somebody tried to change or delete a line of the history or of the audit."""


def _refuse(_mapper: object, _connection: object, target: Base) -> None:
    raise WrittenOnce(f"{target.__tablename__} is written once and never changed")


for _table in (ReferralEventRow, AuditRow):
    event.listen(_table, "before_update", _refuse)
    event.listen(_table, "before_delete", _refuse)

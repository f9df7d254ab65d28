"""The demo clinic in the database: whether there is room for it, whether it is there, and taking all of it away.

It is known by its name together with the addresses of its invented staff, and its patients by pseudonyms that no real
person can be given.
"""

from datetime import datetime

from sqlalchemy import delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.programme.prescribed import Prescribed
from bot.store import referrals
from bot.store.clinic_tables import AuditRow, ClinicRow, InvitationRow, LineRow, ReferralRow, StaffRow
from bot.store.referrals import Kept
from bot.store.tables import AssessmentRow, PatientRow, ReminderRow, TelegramChatRow

NAME = "Demo clinic (invented)"
"""The demo clinic's name. Every page of a clinic of this name says that its data are invented."""

STAFF_DOMAIN = "@demo.invalid"
"""Where the addresses of its staff end. No mail can reach it (RFC 2606)."""

_PSEUDONYM = "demo"
"""How its patients' pseudonyms begin. Real ones are of hexadecimal digits, and `m` is none."""


def pseudonym(number: int) -> str:
    """The pseudonym of an invented patient."""
    return f"{_PSEUDONYM}{number:028x}"


async def is_empty(session: AsyncSession) -> bool:
    """Whether nobody has used this database yet: no patient, no clinic, no staff."""
    return not any([await session.scalar(select(exists().select_from(table))) for table in _TABLES])


async def clinic_id(session: AsyncSession) -> int | None:
    """The demo clinic's id, None when it isn't there."""
    its_staff = exists().where(StaffRow.clinic_id == ClinicRow.id, StaffRow.email.endswith(STAFF_DOMAIN))
    return await session.scalar(select(ClinicRow.id).where(ClinicRow.name == NAME, its_staff))


async def counts(session: AsyncSession) -> tuple[int, int]:
    """How many referrals and how many patients the demo has."""
    found = await clinic_id(session)
    theirs = select(func.count()).select_from(ReferralRow).where(ReferralRow.clinic_id == found)
    people = select(func.count()).select_from(PatientRow).where(PatientRow.id.startswith(_PSEUDONYM))
    return await session.scalar(theirs) or 0, await session.scalar(people) or 0


async def link_patient(session: AsyncSession, clinic: int, kept: Kept, patient_id: str, at: datetime) -> None:
    """Join an invented patient to their invented referral. What they told before stays out of it."""
    last = await session.scalar(select(func.max(AssessmentRow.id)).where(AssessmentRow.patient_id == patient_id))
    session.add(
        LineRow(
            clinic_id=clinic,
            referral_id=kept.id,
            patient_id=patient_id,
            consent_version="demo",
            joined_at=at,
            assessments_to=last or 0,
            warnings_to=0,
        )
    )
    await referrals.change(session, clinic, kept, "joined", at, staff_id=None, patient_id=patient_id)


async def prescribe(session: AsyncSession, patient_id: str, settings: Prescribed) -> None:
    """Keep what an invented therapist set for an invented patient."""
    await session.execute(update(PatientRow).where(PatientRow.id == patient_id).values(prescribed=settings.dumps()))


async def block(session: AsyncSession, number: int, at: datetime) -> None:
    """Let an invented patient have blocked the bot. Telegram has no chat of such a number."""
    session.add(TelegramChatRow(chat_id=-number, patient_id=pseudonym(number), blocked_at=at))


async def rest_reminders(session: AsyncSession, sent: int, ignored: int, patient_id: str) -> None:
    """Let an invented patient's reminders rest: there is no chat to send them to. The figures are for the desk."""
    await session.execute(
        update(ReminderRow)
        .where(ReminderRow.patient_id == patient_id)
        .values(state="blocked", sent=sent, ignored=ignored)
    )


async def remove(session: AsyncSession) -> bool:
    """Take the demo away: the clinic with all that was done in it, also what people entered there, and its patients.

    False when it isn't there. Everything else stays.
    """
    found = await clinic_id(session)
    if found is None:
        return False
    await session.execute(delete(AuditRow).where(AuditRow.clinic_id == found))
    await session.execute(
        delete(InvitationRow).where(or_(InvitationRow.clinic_id == found, InvitationRow.email.endswith(STAFF_DOMAIN)))
    )
    await session.execute(delete(PatientRow).where(PatientRow.id.startswith(_PSEUDONYM)))
    await session.execute(delete(ClinicRow).where(ClinicRow.id == found))
    return True


_TABLES = (PatientRow, TelegramChatRow, ClinicRow, StaffRow)

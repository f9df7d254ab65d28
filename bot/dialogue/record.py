"""What a turn leaves behind, written in the caller's own transaction together with its inbox and outbox rows."""

import dataclasses
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.dialogue.exercise import SessionEnd
from bot.dialogue.intake import Assessed
from bot.dialogue.reply import Turn
from bot.outcome import Kind
from bot.patient import Patient
from bot.reminders.plan import Plan
from bot.reminders.schedule import next_due
from bot.store import consents, erasures, kept, lines, patients, records, reminders, self_referrals
from bot.triage.results import finding_words


async def record(session: AsyncSession, key: str, before: Patient, turn: Turn, now: datetime) -> None:
    """Write down how the person changed, whether an article helped, what was missed, and any safety warning.

    Args:
        session: an open writing transaction.
        key: what makes this message unique, so that a repeated one leaves nothing twice.
        before: the person before the turn.
        turn: what the message led to.
        now: the present moment.

    Raises:
        InviteGone: the invitation that they said yes to was used or taken back at that very moment; nothing is to be
            kept of this turn, and a second try tells them. So it is with the next two.
        AlreadyJoined: another of their messages opened a line at that very moment.
        NotTaken: the clinic that they agreed to ask stopped taking requests at that very moment.
    """
    if turn.erase:
        await kept.erase(session, turn.patient.id, now)
        return
    turn = await _with_sent(session, before, turn)
    if turn.patient != before:
        await patients.save(session, turn.patient)
    await _note_consents(session, before, turn.patient, now)
    if turn.forget:
        await lines.forget(session, turn.patient.id, now)
        await records.forget(session, turn.patient.id)
        await reminders.forget(session, turn.patient.id)
        await erasures.wipe(session, turn.patient.id, now)
    if turn.stand_in is not None:
        await erasures.wipe(session, turn.stand_in, now)
    if turn.referred is not None:
        await self_referrals.refer(session, turn.referred, turn.patient.id, now)
    if turn.joined is not None:
        await lines.join(session, turn.joined, turn.patient.id, now)
    if turn.to_clinic:
        await lines.to_clinic(session, key, turn.patient.id, turn.to_clinic, now)
    if turn.left and (line := await lines.of_patient(session, turn.patient.id)) is not None:
        await lines.end(session, line, "patient", now)
    if turn.feedback is not None:
        feedback = turn.feedback
        await records.note_feedback(session, turn.patient.id, feedback.article, feedback.version, feedback.helpful, now)
    if turn.missed and turn.patient.has_consented:
        await records.note_miss(session, key, turn.patient.id, turn.outcome, turn.missed, now)
    if turn.assessed is not None and turn.patient.has_consented:
        await records.note_assessment(session, key, turn.patient.id, _kept(turn.assessed, now), now)
    if turn.practised is not None and turn.patient.has_consented:
        await records.note_session(session, key, turn.patient.id, _diary(turn.practised), now)
    if turn.scored is not None and turn.patient.has_consented:
        scored = turn.scored
        figures = (scored.score.value, scored.score.parts, scored.answers, scored.score.flagged)
        await records.note_score(session, key, turn.patient.id, records.KeptScore(scored.questionnaire, *figures), now)
    if turn.patient.reminders != before.reminders and not turn.forget:
        plan = {each.name: each.rule for each in Plan.loads(turn.patient.reminders).reminders}
        texts = {name: rule.dumps() for name, rule in plan.items()}
        await reminders.sync(session, turn.patient.id, texts, lambda name, sent: next_due(plan[name], now, sent))
    if before.reminders is not None and not turn.forget:
        await reminders.noticed(session, turn.patient.id)
    if turn.snoozed is not None:
        await reminders.snooze(session, turn.patient.id, *turn.snoozed)
    if turn.outcome.disposition is not None or turn.outcome.kind in (Kind.EMERGENCY, Kind.CRISIS):
        await records.note_safety(session, key, turn.patient.id, turn.outcome, now)


async def _with_sent(session: AsyncSession, before: Patient, turn: Turn) -> Turn:
    """The turn with what was sent last before a journey: times the new clock shows once more are not promised again."""
    if turn.forget or turn.patient.reminders in (None, before.reminders):
        return turn
    plan = Plan.loads(turn.patient.reminders)
    if not any(each.rule.left for each in plan.reminders):
        return turn
    known = plan.with_sent(await reminders.last_sent(session, turn.patient.id))
    return dataclasses.replace(turn, patient=dataclasses.replace(turn.patient, reminders=known.dumps()))


async def _note_consents(session: AsyncSession, before: Patient, after: Patient, now: datetime) -> None:
    """Keep what the person agreed to or withdrew. Sharing with a clinic is noted where the line opens and ends."""
    use, was = (each.consented_at if each.has_consented else None for each in (after, before))
    if use != was:
        version = after.consent_version if use is not None else None
        await consents.note(session, after.id, "use", now, given=use is not None, version=version)
    if after.reminders != before.reminders:
        plan = Plan.loads(after.reminders)
        if after.has_consented and not plan.reminders and plan.onset != Plan.loads(before.reminders).onset:
            return  # they told of another beginning, with no point of the care plan ahead: nothing was withdrawn
        given = after.has_consented and plan.is_welcome(now)
        version = consents.REMINDERS_VERSION if given else None
        await consents.note(session, after.id, "reminders", now, given=given, version=version)


def _diary(end: SessionEnd) -> records.KeptSession:
    practised = end.session
    return records.KeptSession(
        began=datetime.fromisoformat(practised.began),
        zone=end.zone,
        programme=practised.programme,
        stage=practised.stage,
        ended=end.ended,
        done=practised.done,
        skipped=practised.skipped,
        eased=practised.eased,
        effort=practised.effort,
        comfort=practised.comfort,
    )


def _kept(assessed: Assessed, now: datetime) -> records.KeptAssessment:
    found = assessed.assessment
    return records.KeptAssessment(
        started_at=datetime.fromisoformat(assessed.started_at),
        expires_at=now + timedelta(hours=assessed.again_after),
        ended=assessed.ended,
        disposition=found.disposition.value,
        out_of_scope=found.out_of_scope,
        rules=found.rules,
        findings=finding_words(found.findings),
        sources=dict(assessed.sources),
        ruleset=found.ruleset,
        told=assessed.told,
    )
